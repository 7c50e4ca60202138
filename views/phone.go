package views

// Phone is what the class page of a seat shows of what the class does together.
type Phone struct {
	State string   // "" for nothing, "task", "open", "closed", "running" or "revealed"
	Said  string   // the same in one sentence, for who hears the page
	Home  string   // where the seat's own pages begin
	Task  [][]Part // the sentences of a task

	// Of a question.
	Number      string
	Title       string
	Lead        []Part
	Chosen      []string // what the teacher chose for its experiment
	Ends        *Clock   // nil without a timer
	Predictions []Foretold
	Own         string // the seat's own prediction, by its number; "" for none
	Answered    string // how many answered; "" before the reveal

	// Of a revealed question.
	Judgement  string // of the seat's own prediction
	Right      bool
	Verdict    []Part
	Experiment string // the address of its page
	Bytes      string // the address of the run with all that travelled; "" if that is not kept any more
}

// Foretold is a prediction of a question.
type Foretold struct {
	N        string // its number, from 1
	Text     []Part
	Own      bool   // it is the seat's own, and the class has it
	Count    string // how many seats gave it; "" before the reveal
	Hands    string // how many raised hands the teacher counted; "" for none
	Happened bool
}

// id returns the ID of the form. Another question has another one, so that no choice stays.
func (p Phone) id() string { return "foretell-" + p.Number }
