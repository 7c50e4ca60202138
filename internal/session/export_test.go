package session

// WithoutWriteMarks makes all records of equal contents equal to the letter.
func (e *Engine) WithoutWriteMarks() { e.mark = func() string { return "" } }

// KnownBytes returns about how much memory the known cookies of e's views take, and the
// most that they may take.
func (e *Engine) KnownBytes() (bytes, most int) {
	k := &e.codec.Load().known
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, generation := range []map[string]*Cookie{k.young, k.old} {
		for _, cookie := range generation {
			bytes += cookie.memory()
		}
	}
	return bytes, 2*maxKnownBytes + 2*(&Cookie{Value: string(make([]byte, MaxCookieBytes))}).memory()
}
