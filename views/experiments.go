package views

// Shelf is the list of experiments.
type Shelf struct {
	Page Page
}
