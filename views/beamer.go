package views

// Screen is the page for the beamer. It names nobody.
type Screen struct {
	Page   Page
	Stream string
	Show   ScreenShow
}

// ScreenShow is what the beamer shows.
type ScreenShow struct {
	Join Poster
}
