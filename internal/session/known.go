package session

import "sync"

// defaultKnownBytes is the default of Config.KnownBytes. Each of the two generations of known
// cookies takes half of it: 120 of the largest cookies, or 1,800 that carry an ID only.
const defaultKnownBytes = 2 << 20

// known keeps the cookies that all views of an engine signed or verified lately: under the
// same keys the same bytes verify again. When the young generation is full it becomes the
// old generation, and the former old generation is forgotten. The next request with a forgotten cookie
// verifies it once more.
type known struct {
	max        int // how many bytes of memory a generation may take
	mu         sync.RWMutex
	young, old map[string]*Cookie // by their values
	bytes      int                // of memory that young takes
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
	if k.bytes+cookie.memory() > k.max { // a cookie that is larger than max is the only one of its generation
		k.young, k.old, k.bytes = k.old, k.young, 0
		clear(k.young)
	}
	k.young[cookie.Value] = cookie
	k.bytes += cookie.memory()
}

// memory returns about how many bytes of memory a known cookie takes: its value, the parsed
// envelope of at most three quarters of the value's size, the structs and the entry in a map.
func (c *Cookie) memory() int { return 300 + 2*len(c.Value) }
