package views

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/a-h/templ"
)

var boardPress = regexp.MustCompile(`<[^>]* hx-(?:post|get)="/classroom[^>]*>`)

// The stream may take a form away before the answer to its press arrives. If its target went with it, the
// words of the answer would be lost, and the teacher would read those of the press before.
func TestPressesOfTheBoardHaveATargetThatStays(t *testing.T) {
	n := 0
	for name, c := range boardFragments() {
		var b strings.Builder
		if err := c.Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		for _, tag := range boardPress.FindAllString(b.String(), -1) {
			if strings.Contains(tag, "change") { // the form of the next question brings its own region
				continue
			}
			if n++; !strings.Contains(tag, `hx-target="#result"`) {
				t.Errorf("%s: %s", name, tag)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d presses were found", n)
	}
}

// boardFragments are the regions of the board of a class, each in the states that differ.
func boardFragments() map[string]templ.Component {
	way := Way{N: "1", Kind: "Wi-Fi", Label: "192.168.1.20", Join: "http://192.168.1.20:8080/join", Large: "http://192.168.1.20:8080", QR: "M4 4h7v1h-7z", Size: "0 0 37 37"}
	other := Way{N: "2", Kind: "virtual", Label: evil, Join: evil, Large: evil, QR: "M4 4h1v1h-1z", Size: "0 0 37 37", Err: evil}
	tile := Tile{
		Name: "amber-fox", Nickname: "Amber Fox", Find: "amber fox", State: "live", Lives: "both", Session: "9f2c…", Words: "3 keys · 233 B", Act: "set a value",
		At: 1000, Age: "2 s", Heard: 2000, HeardAge: "now", Two: true, Done: "5 of 28 done", Acts: "7", Chosen: true,
	}
	lost := Tile{Name: "odd-gecko", Nickname: evil, State: "nocookie", Words: "no cookie comes back", Asleep: true, Trouble: true, Done: "0 of 28 done", Acts: "2", Hidden: true}
	own := Tile{Name: "calm-otter", Nickname: "Calm Otter", Find: "calm otter rehearsal", State: "none", Words: "no session yet", Done: "0 of 28 done", Acts: "0", Rehearsal: true}
	given := Said{Sentence: Sentence{Tone: "ok", Verb: "give back", At: "10:00:00", Parts: []Part{{"", evil}}}, Code: "RVDTYZDZ", Until: 61_000, Now: 1_000, Left: "1 m 0 s"}
	lines := []PlanLine{{Title: evil, Kind: "talk", Minutes: "5", Over: true}, {Title: evil, Kind: "run", Minutes: "6", Present: true}}
	note := []PlanNote{{"do", [][]Part{{{"", evil}}}}, {"ask", nil}, {"wrong", nil}, {"seen", nil}}
	walked := func(s PlanStep, unrevealed string) Plan {
		return Plan{Title: evil, N: 2, Of: 2, Step: s, Steps: lines, Time: Took{1000, "7", "6", true}, Whole: Took{1000, "12", "45", false}, Until: "11", Unrevealed: unrevealed}
	}
	return map[string]templ.Component{
		"board-poster":    poster(Poster{Ways: []Way{way}, Others: []Way{other}, Local: "http://laptop.local:8080"}),
		"board-nowhere":   poster(Poster{}),
		"board-join":      joinBar(Poster{Ways: []Way{way}, Others: []Way{other}, Door: true}),
		"board-tiles":     tiles([]Tile{tile, lost, own}),
		"board-seat":      seatPanel(&SeatFacts{Tile: tile, Facts: []Field{{Name: "session", Value: evil}}, Beside: 2}),
		"board-door":      door(Door{Closed: true, Waiting: []Knocker{{"Amber Fox", "10:00:00"}, {evil, "10:00:01"}}, More: 3}),
		"board-store":     classStore(ClassStore{Name: "memory", Stats: []Stat{{"3", "live records"}}}),
		"board-feed":      feed([]FeedLine{{"10:00:00", evil, evil, "refused"}}),
		"board-doctor":    doctor(Doctor{Looked: "10:00:00", Checks: []Check{{"bad", evil, []string{evil}}, {"ok", "It answers.", nil}}}),
		"board-said":      BoardSaid(given),
		"board-sift":      sift(Board{Sift: Sift{Find: evil, ByLast: true, Trouble: true}, Tally: Tally{Seats: "2 seats", Awake: "1 awake, 1 in trouble", Summary: "2 seats."}}),
		"board-seat-own":  seatPanel(&SeatFacts{Tile: own}),
		"board-rehearsal": rehearsal(Rehearsal{Here: true, Seats: 6, Learners: 2, Trouble: evil}),
		"board-practise":  rehearsal(Rehearsal{}),
		"board-own":       rehearsal(Rehearsal{Here: true, Seats: 6}),
		"plan-offers":     plan(Plan{Offers: []PlanOffer{{Name: "a-plan", Title: evil, Lead: []Part{{"", evil}}, Steps: lines}}}),
		"plan-question":   plan(walked(PlanStep{Title: evil, Kind: "question", Experiment: evil, Chosen: []string{evil}, Limit: "60 seconds", Note: note}, evil)),
		"plan-open":       plan(walked(PlanStep{Kind: "question", Stands: "open"}, "")),
		"plan-everyone":   plan(walked(PlanStep{Title: evil, Kind: "everyone", Act: "restart", Button: "Restart, same secret", Phones: [][]Part{{{"", evil}, {"code", evil}}}, Note: note}, "")),
		"plan-acted":      plan(walked(PlanStep{Title: "Restart the server", Kind: "everyone", Act: "restart", Acted: true, Counts: true}, "")),
		"plan-through":    plan(Plan{Title: evil, N: 3, Of: 2, Through: true, Steps: lines}),
		"screen":          screenJoin(Poster{Ways: []Way{way}, Seats: 24, Own: 6, Door: true}),
		"screen-late":     screenShow(ScreenShow{Paused: true, Task: [][]Part{{{"", evil}}, {{"code", evil}}}, Join: Poster{Ways: []Way{way}}}),
		"screen-act":      screenShow(ScreenShow{Shown: survived(), Join: Poster{Ways: []Way{way}}}),
		"screen-both":     screenShow(ScreenShow{Asked: revealedAsk(), Shown: survived()}),
		"board-act":       survivorsNow(Everyone{Shown: survived()}),
		"board-gave":      grid(Grid{Asked: true, Heard: "1 of 2"}),
		"screen-gave":     screenShow(ScreenShow{Grid: Grid{Asked: true, Heard: "1 of 2"}, Join: Poster{Ways: []Way{way}}}),
		"ask":             ask(openAsk()),
		"ask-alone":       AskChosen(&AskChoice{Slug: "x", Title: evil, URL: "/experiments/x", Alone: true, Needs: evil, Number: "6"}),
		"asked":           asked(revealedAsk()),
		"screen-asked":    screenAsked(revealedAsk(), AskedLive{Phase: "revealed"}),
		"board-everyone":  everyone(Everyone{Acts: []EveryoneAct{{"flush", "Flush all", "Each session ends.", true}}, Sure: &Sure{Act: "flush", Title: evil, After: "0", Reaches: evil, Becomes: []WillBecome{{Part{"cookie", "the cookie"}, evil}}, Button: evil}, Shown: survived()}),
		"screen-everyone": screenShow(ScreenShow{Shown: survived(), Join: Poster{Ways: []Way{way}}}),
		"board-paused":    pauseButton(true),
		"board-end":       ending(),
		"board-ended":     ended(Ended{At: "10:00:00", Wiped: evil, Where: evil}),
		"board-left":      ended(Ended{At: "10:00:00", Wiped: evil, Where: evil, Left: true}),
		"export": exportQuestion(ExportQuestion{
			N: 1, Title: evil, Choices: evil, Asked: "10:00:00", Counted: true, Answered: 4, Of: 9, Rehearsed: 2, Hands: 7, Verdict: evil,
			Predictions: []ExportPrediction{{Text: evil, Count: 1, Share: "25", Hands: 3}, {Text: "It ends.", Count: 3, Share: "75", Hands: 4, True: true}},
		}),
		"export-open": exportQuestion(ExportQuestion{N: 2, Title: "Two tabs", Asked: "10:00:00", Answered: 4, Of: 9, State: "Still open.", Predictions: []ExportPrediction{{Text: evil}}}),
		"export-act":  exportAct(ExportAct{What: evil, At: "10:00:00", Failed: evil, Rows: []ExportFate{{Lived: "the cookie", There: 1, Refused: 2, Ended: 3, NoCookie: 4, NotHeard: 5, Why: evil}}}),
	}
}

// survived is what became of the sessions of a class: the reason stands beside the number it is of.
func survived() *Survivors {
	return &Survivors{
		Title: "After every record expired", Sent: "what the 3 phones really sent", At: "10:00:00", Failed: evil, Ended: true, Asleep: "1 asleep",
		Rows: []Survived{
			{Lived: Part{"server", "the server"}, Seats: "2", There: "0", Refused: "0", Ended: "1", Unheard: "1", Why: []string{"the record's clock has run out"}},
			{Lived: Part{"", "no session known"}, Seats: "1", There: "0", Refused: "1", Ended: "0", Unheard: "0", Why: []string{evil}},
		},
	}
}

// The headings of a page begin with its own, and go down one step at a time. The board's page has its
// own heading above all panels.
func TestHeadingsOfTheBoard(t *testing.T) {
	all := regexp.MustCompile(`<h([1-6])`)
	for name, fragment := range boardFragments() {
		before := 1
		if name == "screen" || name == "screen-act" || name == "screen-both" || name == "screen-asked" {
			before = 0
		}
		if strings.HasPrefix(name, "export") {
			continue
		}
		var html strings.Builder
		if err := fragment.Render(t.Context(), &html); err != nil {
			t.Fatal(err)
		}
		for _, h := range all.FindAllStringSubmatch(html.String(), -1) {
			level, _ := strconv.Atoi(h[1])
			if level > before+1 {
				t.Errorf("%s: a heading of level %d comes after one of level %d", name, level, before)
			}
			before = level
		}
	}
}

// openAsk is a question that is open, while the teacher looks for the next one.
func openAsk() Ask {
	texts := [][]Part{{{"", evil}}, {{"code", evil}}}
	return Ask{
		Asked: 3, Now: Asked{N: "3", Phase: "open", Title: evil, Lead: texts[0], Predictions: texts, Hands: []string{"", "4"}, Chosen: []string{evil}, Failed: evil},
		Live:     AskedLive{Phase: "open", Answered: 2, Seats: 24, Ends: &Clock{Until: 61_000, Now: 1_000, Left: "1 m 0 s"}, OneDevice: evil, DeviceSeat: "amber-fox"},
		Sections: []AskSection{{Title: "Trust", Experiments: []AskEntry{{Slug: "x", Title: evil, Chosen: true}, {Slug: "y", Title: "Y", Alone: true}}}},
		Chosen:   &AskChoice{Slug: "x", Title: evil, Lead: texts[0], Predictions: texts, Slow: true, Of: evil, Choices: []Choice{{Name: "text", Label: "Text", Text: evil, Max: "40"}}},
	}
}

// revealedAsk is a question that is revealed, with answers and raised hands.
func revealedAsk() Asked {
	return Asked{
		N: "3", Phase: "revealed", Title: evil, Chosen: []string{"Your value: " + evil}, URL: "/experiments/x", Exchanges: "/experiments/x?run=RUN",
		Reveal: &Reveal{
			Answered: "6 of 7 answered, no names", Phones: true, Hands: true, Tone: "held", Foretold: "2 of 6 foretold it.", Right: true, Verdict: []Part{{"", evil}}, Computed: "Computed from 5 real exchanges.",
			Bars: []Bar{{Text: []Part{{"", evil}}, Count: "4", Most: "6", Hands: "0", MostHands: "3"}, {Text: []Part{{"code", evil}}, Count: "2", Most: "6", Hands: "3", MostHands: "3", Right: true}},
		},
	}
}
