package session

import (
	"fmt"
	"time"
)

// Stated returns what the README says of limits and forms, made of what the engine has.
func Stated() []string {
	thousands := func(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }
	return []string{
		fmt.Sprintf("key %d bytes, value %d KiB, %d keys, session %d KiB, cookie %d bytes", MaxKeyBytes, MaxValueBytes>>10, MaxKeys, MaxSessionBytes>>10, MaxCookieBytes),
		fmt.Sprintf("values of at most %d bytes each", MaxSmallBytes),
		fmt.Sprintf("(%d `cookie`, %d `hybrid`, %d `server`); %d ends with the browser; %d an expiry of its own, counted from the last write; %d an expiry at an instant",
			InCookie, Hybrid, OnServer, flagBrowserClose, flagAfter, flagAt),
		fmt.Sprintf("| format | 1 | %d |", envelopeFormat),
		fmt.Sprintf("| ID | %d |", idBytes),
		thousands(budget(MaxCookieBytes-len("sessionscope"))) + " bytes of envelope fit into a cookie of the name `sessionscope`",
		fmt.Sprintf("the purpose `%s`", purpose),
		fmt.Sprintf("every ten minutes, %s records a step", thousands(sweepStep)),
		fmt.Sprintf("For %.0f seconds a write with the old ID", cycledFor.Seconds()),
		fmt.Sprintf("at least %d random bytes", MinSecretBytes),
	}
}

// Rewrite reads the data of a record and writes it again.
func Rewrite(data string) (string, error) {
	c, err := parseContents(data)
	for name, value := range members(data) {
		if name == `"write"` {
			c.write, _ = text(value)
		}
	}
	return string(c.append(nil)), err
}

// CycledAt is when a marker says that its ID was replaced.
func CycledAt(marker string) time.Time { return cycledAt(marker) }

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
