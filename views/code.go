package views

// Code is the last press in other frameworks, and what ran for it here.
type Code struct {
	Op       string // that ran
	Listings []Listing
}

// Listing is a piece of code.
type Listing struct {
	ID           string // "django"; listings of one ID are shown together
	Name, Title  string // "Django", "request.session"; Name is "" for the second of an ID
	Where        string // "internal/app/set.go, line 12"
	Tokens       []Token
	URL, URLText string // its documentation, "" for none
}

// Token is a piece of a listing: Kind is "", "keyword", "string" or "comment".
type Token struct{ Kind, Text string }
