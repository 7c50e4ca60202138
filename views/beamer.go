package views

// Screen is the page for the beamer. It names nobody.
type Screen struct {
	Page   Page
	Stream string
	Show   ScreenShow
}

// ScreenShow is what the beamer shows: the present question, what became of the sessions, what the browsers of
// the class gave, the task of the lesson plan, or where one joins.
type ScreenShow struct {
	Paused bool
	Asked  Asked // its N is "" while nothing is asked
	Live   AskedLive
	Grid   Grid
	Shown  *Survivors // what became of the sessions after something was done for everyone; nil for nothing
	Task   [][]Part   // sentences; none for no task
	Join   Poster
	Ended  bool // the class has ended
}

// joins tells whether there is nothing to show but where one joins.
func (s ScreenShow) joins() bool {
	return s.Asked.N == "" && !s.Grid.Asked && len(s.Task) == 0 && s.Shown == nil && !s.Paused
}
