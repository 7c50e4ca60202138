package views

// Kept is the page that tells a school what is kept of whom.
type Kept struct {
	Page    Page
	At      string // the day of this page: "2026-11-27"
	Where   string // in which the class is kept: "in the memory of this program"
	Answers string // who can see all the same who predicted what; "" for nobody
	Wipe    string // how it is wiped without the program
	Things  []KeptThing
	Cookies []KeptCookie
	Log     string // what the log has
}

// KeptThing is something that is kept, or was seen.
type KeptThing struct{ What, Of, Where, Until string }

// KeptCookie is a cookie that this server sets in a browser.
type KeptCookie struct{ Name, Path, For, Until string }
