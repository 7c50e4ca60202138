package experiment

// parallel are those about requests at the same time, and in the wrong order.
func parallel() []Experiment {
	return nil
}
