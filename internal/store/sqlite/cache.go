package sqlite

import "github.com/sessionscope/sessionscope/internal/session"

const (
	// cacheBytes is what the cached records take at most, about.
	cacheBytes = 32 << 20
	// recordBytes is what a record takes besides its data: key, times, the map's share.
	recordBytes = 200
)

// cache holds records as the file has them. It must not be copied.
type cache struct {
	records map[session.Key]session.Record
	bytes   int
}

func (c *cache) clear() { c.records, c.bytes = make(map[session.Key]session.Record), 0 }

func (c *cache) drop(k session.Key) {
	if r, ok := c.records[k]; ok {
		delete(c.records, k)
		c.bytes -= recordBytes + len(r.Data)
	}
}

// put keeps r. What goes to make room is any other one: a map's order is random,
// and one that was in use comes back with its next read.
func (c *cache) put(k session.Key, r session.Record) {
	c.drop(k)
	c.records[k] = r
	c.bytes += recordBytes + len(r.Data)
	for old := range c.records {
		if c.bytes <= cacheBytes {
			return
		}
		if old != k {
			c.drop(old)
		}
	}
}
