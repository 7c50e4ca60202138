// Package views has the templ components, and the structs that they show: shaped like the
// screen and already formatted. It knows nothing of sessions. Begin with Lab, the whole
// screen of the lab, and LabPage, which shows it; the experiments begin with Shelf.
package views

import "github.com/a-h/templ"

// Page is what every page needs: its title and the addresses of its assets.
type Page struct {
	Title                        string
	CSS, HTMX, SSE, Script, Icon string
	Theme                        string // a script that runs before the first paint
	ShelfScript, ShelfCSS        string // what a page of the experiments has beside these, the board the latter; "" on other pages
	ClassScript, ClassCSS        string // what a page of a class's seat has beside these; "" on other pages
	Board, BoardCSS              string // what a page of the class's board has beside these; "" on other pages
	Base                         string // where the lab is: "" or "/s/NAME-SUFFIX"
	Projector                    bool   // large type, no names and no values
	ID                           string // which of its visit's pages it is
	Proven                       bool   // the request that fetched it proved an older visit: the page continues that visit
	Version                      string // of the program
	Reach                        Reach
	Refresh                      string // without scripts this address is fetched after a second, or after Again; "" for none
	Again                        int    // without scripts the page is loaded again after so many seconds, 0 for never
	Strip                        *Strip // of a seat of a class, nil on all other pages
	Class                        string // what the teacher's button to the class says, "" for no button
	Quit                         bool   // its foot has Quit, which ends the program
	Still                        bool   // no script of the page sends a press, so that nothing is to be said of one without an answer
	skip                         Link   // over what stands above the page's content
	Outside                      bool   // the page is for somebody without a seat, who reaches no other page
}

// skipping returns p with a first link that leads to the content.
func (p Page) skipping(to, text string) Page {
	p.skip = Link{URL: to, Text: text}
	return p
}

// Place is where a page's addresses begin and which visit it belongs to. The
// second browser's lab has a path of its own. Only a page that belongs to a visit has
// the three fields about one.
type Place struct {
	Base   string // before every path: "" or "/s/NAME-SUFFIX"
	Visit  string // its name, which may stand in addresses and opens nothing
	Secret string // opens it, and stands in no address: a POST carries it in its body, or a header does
	Proof  string // opens it once: for the GET that follows a page without scripts
}

// URL returns the address of path, which begins with a slash.
func (p Place) URL(path string) string { return p.Base + path }

// proof makes a button carry the visit's secret along. It is for the POST buttons of a
// form that has a GET button too: the GET would send a hidden field in the address.
func (p Place) proof() templ.Attributes {
	if p.Secret == "" {
		return nil
	}
	return templ.Attributes{"name": "page", "value": p.Secret}
}

// Part is a piece of text with the colour or form that it has.
type Part struct {
	Kind string // "", "code", "id", "cookie", "server", "time", "token", "mac", "hidden"
	Text string
}

// Sentence is what the page says under the buttons.
type Sentence struct {
	At    string // the time of day
	Tone  string // "ok", "note", "bad"
	Field string // the field that was refused, if one was
	Verb  string
	Parts []Part
	Links []Link // to what it names
}

// Lab is the whole screen of the lab.
type Lab struct {
	Page          Page
	Place         Place
	StoreName     string
	Second        string   // the name of the second browser whose lab this is, "" for the first
	Placements    []Option // none in a fragment: the choice on the page stays
	Composer      Composer
	ResetComposer bool // a fragment has the composer too, with the fields as at first
	Sentence      Sentence
	Guide         Guide
	MenuOpen      bool // the session's menu
	Moment        Moment
	Browser       Browser
	Tools         *Tools // what can be done with a copy of the cookie; nil in the past
	Wire          Wire
	Server        Server
	Timeline      Timeline
	Code          Code
	Done          int // experiments, or NotKnown
	Experiments   int // how many there are
}

// Told is what a stream tells a page. Server is nil when the news are not about the
// server's panel. Browser is nil unless a button on another page of the visit was pressed:
// then this page shows what the other page saw.
type Told struct {
	Place    Place
	Timeline Timeline
	Guide    Guide
	Figures  Figures
	Server   *Server
	Browser  *Browser
	Wire     *Wire
	Tools    *Tools
	Moment   Moment
	Sentence Sentence
}

// currentPage marks the page that is being looked at.
func currentPage(here bool) templ.Attributes {
	if !here {
		return nil
	}
	return templ.Attributes{"aria-current": "page"}
}

// Option is one choice of a group.
type Option struct {
	Name, Label, Title string
	Chosen             bool
}

// Composer is what stands in the form's fields.
type Composer struct {
	Key, Value, Type, User, Seconds string
	Placement                       string
	Invalid                         string // the field that was refused
}

// invalid marks the field that was refused and ties it to the sentence that says why.
func (c Composer) invalid(field string) templ.Attributes { return invalid(c.Invalid, field) }

func invalid(refused, field string) templ.Attributes {
	if refused != field {
		return nil
	}
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": "result"}
}

// Types are the types that a value can be typed in as.
func (c Composer) Types() []Option {
	out := []Option{{Name: "text", Label: "text"}, {Name: "number", Label: "number"}, {Name: "boolean", Label: "boolean"}, {Name: "json", Label: "JSON"}}
	for i := range out {
		out[i].Chosen = out[i].Name == c.Type
	}
	return out
}

// Field is a name and what it holds.
type Field struct {
	Name, Value string
	Note        string // what the value means, in a few words
}
