package views

// Together are the panels of the board about what the class does together.
type Together struct {
	Paused    bool
	Ask       Ask
	Plan      Plan
	Everyone  Everyone
	Grid      Grid
	Rehearsal Rehearsal
}
