package views

// Grid is what the browsers of a class gave at their address. It names nobody.
type Grid struct {
	Asked   bool   // it is shown
	Asks    string // a number, while the teacher's own browser is asked; "" once it has answered
	Heard   string // how many seats were heard from: "18 of 24"
	Class   []GridRow
	More    int // browsers of the class that no row shows
	Silent  string
	Teacher *GridRow // nil while it was not heard from
	Follows []string // what follows from it
}

// GridRow are browsers that gave the same.
type GridRow struct {
	Who, At string
	Fetch   string // what the Sec-Fetch-* headers said
	Sent    bool   // there were such headers
	Cookies []GridCell
	Told    []GridCell // by the page's script
}

// GridCell is one thing that browsers gave.
type GridCell struct {
	Text string
	Kept bool // it is a cookie that the browser kept
}
