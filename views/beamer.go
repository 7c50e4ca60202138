package views

// Screen is the page for the beamer. It names nobody.
type Screen struct {
	Page   Page
	Stream string
	Show   ScreenShow
}

// ScreenShow is what the beamer shows: the present question, or what the browsers of the class gave, or the
// task of the lesson plan, or where one joins.
type ScreenShow struct {
	Paused bool
	Asked  Asked // its N is "" while nothing is asked
	Live   AskedLive
	Grid   Grid
	Task   [][]Part // sentences; none for no task
	Join   Poster
	Ended  bool // the class has ended
}

// joins tells whether there is nothing to show but where one joins.
func (s ScreenShow) joins() bool {
	return s.Asked.N == "" && !s.Grid.Asked && len(s.Task) == 0 && !s.Paused
}
