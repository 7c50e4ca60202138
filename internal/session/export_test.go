package session

// WithoutWriteMarks makes all records of equal contents equal to the letter.
func (e *Engine) WithoutWriteMarks() { e.mark = func() string { return "" } }
