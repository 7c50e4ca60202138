package experiment

import "slices"

// trust are the experiments about what can be believed, and what can be stolen.
func trust() []Experiment { return slices.Concat(forgery(), theft()) }
