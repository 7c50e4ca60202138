package session

// WithoutWriteMarks makes all records of equal contents equal to the letter.
func (e *Engine) WithoutWriteMarks() { e.mark = func() string { return "" } }

// KnownBytes returns about how much memory the known cookies of e's views take.
func (e *Engine) KnownBytes() (bytes int) {
	k := &e.codec.Load().known
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, generation := range []map[string]*Cookie{k.young, k.old} {
		for _, cookie := range generation {
			bytes += cookie.memory()
		}
	}
	return bytes
}
