package sqlite

import "github.com/sessionscope/sessionscope/internal/session"

const (
	// cacheBytes is about the most memory that cached records take.
	cacheBytes = 32 << 20
	// recordBytes is what a record takes besides its data: key, times, its place in the map.
	recordBytes = 200
)

// cache has the records that were read or written last, as they are in the file. It must
// not be copied.
type cache struct {
	records map[session.Key]session.Record
	bytes   int // as counted with recordBytes, at most cacheBytes
}

func (c *cache) clear() { c.records, c.bytes = make(map[session.Key]session.Record), 0 }

func (c *cache) drop(k session.Key) {
	if r, ok := c.records[k]; ok {
		delete(c.records, k)
		c.bytes -= recordBytes + len(r.Data)
	}
}

// put keeps r. To make room it drops other records at random, in the order of the map:
// a record that is in use comes back with its next read.
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
