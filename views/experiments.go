package views

import (
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// NotKnown is the number of what is done while the store does not answer.
const NotKnown = -1

// Shelf is the list of experiments.
type Shelf struct {
	Page     Page
	Place    Place
	Second   string // the name of the second browser whose page it is, "" for the first
	Slug     string // of the experiment that the page is about, "" for the shelf
	Sections []ShelfSection
	Done     int // of all, or NotKnown
	Right    int // predictions that came true
	All      int
	Other    bool // the session's key progress holds something other than progress
	Exists   bool // there is a session that progress is kept in
}

// ShelfSection is a group of the shelf.
type ShelfSection struct {
	Title   string
	Entries []ShelfEntry
}

// ShelfEntry is one experiment on the shelf.
type ShelfEntry struct {
	Number, Title, URL string
	Lead               []Part
	Answer             string   // the title that says what comes out, once it is done
	SoWhat             [][]Part // likewise
	Done, Right        bool
	Current            bool
}

// state says in words what the mark beside an entry shows.
func (s Shelf) state(e ShelfEntry) string {
	switch {
	case s.Done == NotKnown:
		return "not known now"
	case e.Right:
		return "done, predicted right"
	case e.Done:
		return "done"
	}
	return "not done yet"
}

// Lesson is the page of one experiment.
type Lesson struct {
	Shelf          Shelf
	Slug, Title    string
	Answer         string // the title that says what comes out, "" until it may be told
	Lead           []Part
	Predictions    []Prediction
	Choices        []Choice
	Does           string
	Needs          string
	Slow, Live     bool
	Problem        Sentence // why nothing was started; its Verb is empty for none
	Run            *Run     // nil before the first
	Done, Right    bool     // as the session keeps it
	Last           *LastRun // one that the page does not show; nil if none is kept
	Said           string   // what came of it, in words alone
	SoWhat         [][]Part // two sentences
	Explain        [][]Part
	Breaks         []Part
	Sources        []Link
	Previous, Next *Link
}

// URL is where the lesson's own paths begin.
func (l Lesson) URL(path string) string { return l.Shelf.Place.URL("/experiments/" + l.Slug + path) }

// Prediction is one answer to choose beforehand.
type Prediction struct {
	N        string // counted from 1
	Text     []Part
	Chosen   bool
	Happened bool // it came true
}

// Choice is something to choose or type in.
type Choice struct {
	Name, Label string
	Options     []Option // none for a free text
	Text        string   // of a free text
	Max         string   // bytes of it
	Invalid     bool
}

// invalid marks a text that was refused and ties it to the line that says why.
func (c Choice) invalid() templ.Attributes {
	if !c.Invalid {
		return nil
	}
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": "problem"}
}

// Link is an address and its text.
type Link struct{ URL, Text string }

// LastRun is a run whose result is still kept.
type LastRun struct {
	URL       string // of the page that shows it
	Kept      string // "15 minutes": how long, from its end
	Predicted []Part // nothing for no prediction
}

// Run is one run of an experiment.
type Run struct {
	Token     string
	URL       string // of the page that shows it
	Waiting   bool
	Undecided bool     // too little was done to say anything
	Chosen    []string // what the learner chose
	Step, Of  string   // how far it is; empty when that is not known
	Doing     string
	Failed    string // why it could not be done
	Tone      string // "held", "refused", "lost"
	Verdict   []Part
	Judgement string // on the prediction
	JudgedOK  bool
	Remark    string
	Unnoted   bool // it has ended, and is not in the session's progress yet
	Shots     []Shot
	Tables    []Table
	Exchanges []ExchangeLine
	Dropped   int
	Panels    *RunPanels
	Stage     *Stage // of a live one that is open
	Ends      Clock  // when that ends
}

// Shot is a cookie, and the exchange that it made.
type Shot struct {
	Title  string
	None   bool // there is no cookie
	Token  []Part
	Size   string
	Values string // what the cookie says, decoded
	Same   string // the title of an earlier shot whose cookie is equal byte for byte
	Line   string // "GET /get?key=role"
	Status string
	Says   string
}

// Table is a small table of an outcome.
type Table struct {
	Caption string
	Head    []string
	Rows    [][][]Part
	Note    []Part // below it
}

// sideways tells how many columns there are, for a narrow window that does not show them all;
// "" for a few.
func (t Table) sideways() string {
	if n := len(t.Head); n > 4 {
		return strconv.Itoa(n) + " columns: scroll sideways →"
	}
	return ""
}

// ExchangeLine is one exchange in the list of a run.
type ExchangeLine struct {
	N                  int
	URL                string // that shows its panels
	Client, Note, Line string
	Status             string
	Cookie, SetCookie  string // sizes; "" for none
	Bad                bool   // an error status
	Current, Decisive  bool
}

// RunPanels are what the three witnesses said at one exchange.
type RunPanels struct {
	N       int
	Client  string
	Browser Browser
	Wire    Wire
	Server  Server
}

// Stage is where the learner's own browser acts.
type Stage struct {
	Title  string
	Text   [][]Part
	Groups []ActionGroup
	Tables []Table
}

// here tells whether the learner's next press answers on this page: then that press is the primary one.
func (s *Stage) here() bool {
	return slices.ContainsFunc(s.Groups, func(g ActionGroup) bool {
		return slices.ContainsFunc(g.Actions, func(a Action) bool { return a.Here })
	})
}

// ActionGroup are actions that stand together.
type ActionGroup struct {
	Title   string
	Actions []Action
}

// Action is a link, or a form of one button. Its URL is one of this program's own.
type Action struct {
	Label, Method, URL string
	Fields             []Field // of a form that reads
	Here               bool    // it answers on the same page
}

// cut splits s around the decisive text, if it is there.
func cut(s, decisive string) []Part {
	before, after, ok := strings.Cut(s, decisive)
	if decisive == "" || !ok {
		return []Part{{Text: s}}
	}
	return []Part{{Text: before}, {Kind: "decisive", Text: decisive}, {Text: after}}
}
