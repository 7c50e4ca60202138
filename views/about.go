package views

// Reach says with what beyond this machine the lab has to do. The zero value means: nothing.
type Reach struct {
	Addr  string   // where other machines reach the lab, "" if none does
	Class string   // where other machines reach the class that is open, and not the lab; "" for no class
	Over  bool     // the class has ended: others learn that there
	Names []string // under which a proxy may send others here
	Redis string   // the machine that keeps the records, "" if it is this one
}

// Home tells whether nothing leaves this machine.
func (r Reach) Home() bool {
	return r.Addr == "" && r.Class == "" && len(r.Names) == 0 && r.Redis == ""
}

// About is the page about the screen and about licences.
type About struct {
	Page        Page
	Experiments bool // the program has some
	Moments     int  // in the timeline of a visit
	Licence     string
	HTMX        string // the licence of htmx
	Go          string // the version of Go
	Modules     []Module
}

// Module is a Go module inside the program.
type Module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
}

// URL is the address of its licence.
func (m Module) URL() string {
	return "https://pkg.go.dev/" + m.Path + "@" + m.Version + "?tab=licenses"
}
