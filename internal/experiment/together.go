package experiment

import "slices"

// together are the experiments with more than one request, site or program at once.
func together() []Experiment { return slices.Concat(parallel(), byBrowser(), matrix()) }
