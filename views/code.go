package views

// Code is what ran for the last press, and the same in other frameworks.
type Code struct {
	Op       string // that ran
	Listings []Listing
}

// Listing is a piece of code.
type Listing struct {
	ID           string // "django"
	Name, Title  string // "Django", "request.session"
	Where        string // "internal/app/set.go, line 12"
	Tokens       []Token
	URL, URLText string // its documentation, "" for none
}

// Token is a piece of a listing: Kind is "", "keyword", "string" or "comment".
type Token struct{ Kind, Text string }
