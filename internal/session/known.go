package session

import "sync"

// maxKnownBytes bounds each of the two generations of known cookies, in bytes of memory:
// one has room for 250 of the largest cookies, or for 3,600 that carry an ID only.
const maxKnownBytes = 2 << 20

// known are the cookies that were signed or verified lately, of all views of an engine:
// the same bytes verify again under the same keys. When the young generation is full,
// it becomes the old one, and what was the old one is forgotten. A forgotten cookie
// costs its next request one verification and nothing else.
type known struct {
	mu         sync.RWMutex
	young, old map[string]*Cookie // by their values
	bytes      int                // of the young
}

func (k *known) get(value string) *Cookie {
	k.mu.RLock()
	cookie, ok := k.young[value]
	if !ok {
		cookie = k.old[value]
	}
	k.mu.RUnlock()
	if !ok && cookie != nil {
		k.put(cookie)
	}
	return cookie
}

func (k *known) put(cookie *Cookie) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.bytes > maxKnownBytes {
		k.young, k.old, k.bytes = k.old, k.young, 0
		clear(k.young)
	}
	k.young[cookie.Value] = cookie
	k.bytes += cookie.memory()
}

// memory returns about how many bytes a known cookie takes: its value, an envelope of
// three quarters of that, some slack, and the structs and the place in a map.
func (c *Cookie) memory() int { return 300 + 2*len(c.Value) }
