package views

import (
	_ "embed"

	"github.com/a-h/templ"
)

// Export is what a teacher takes home from a class: ExportPage shows it in one file. It has plain text only.
type Export struct {
	Day       string // "2026-11-27"
	At        string // when it was saved: "10:00:00"
	Version   string // of the program
	Seats     int
	Rehearsal int // how many of the program's own browsers are there too
	All       int // experiments
	Questions []ExportQuestion
	Acts      []ExportAct
	Progress  []ExportSeat
}

// ExportQuestion is a question of the class.
type ExportQuestion struct {
	N           int
	Title       string
	Choices     string // "Placement: cookie", "" without choices
	Asked       string // when it was asked
	State       string // why there is no verdict, or that nothing predicted came true; mostly ""
	Counted     bool   // the answers are counted: the question is closed
	Predictions []ExportPrediction
	Answered    int // how many seats have answered
	Of          int // how many seats there were
	Rehearsed   int // how many of the answers are of the program's own browsers
	Hands       int // raised hands
	Verdict     string
}

// ExportPrediction is one of the things that could be predicted.
type ExportPrediction struct {
	Text  string
	Count int
	Share string // of the answers, in percent: the width of its bar
	Hands int
	True  bool // it came true
}

// ExportAct is something that was done to every session of the class.
type ExportAct struct {
	What   string // "After the restart"
	At     string
	Failed string // that it was not done for all; mostly ""
	Rows   []ExportFate
}

// ExportFate is what became of the sessions whose values lived in one place.
type ExportFate struct {
	Lived                                     string // where its values lived before: "the cookie"
	There, Refused, Ended, NoCookie, NotHeard int
	WhyRefused, WhyEnded                      string // why cookies were refused, and why sessions had ended
	Why                                       string // both
}

// ExportSeat is the progress of a seat.
type ExportSeat struct {
	Nickname    string
	Rehearsal   bool
	Done, Right int
}

//go:embed export.css
var exportCSS string

// exportStyle is the style sheet of the page, which stands in the page itself.
func exportStyle() templ.Component { return templ.Raw("<style>" + exportCSS + "</style>") }
