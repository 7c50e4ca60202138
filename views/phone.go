package views

// Phone is what the class page of a seat shows of what the class does together.
type Phone struct{}
