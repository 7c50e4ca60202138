package classroom

// Visitors returns how many visitors the class keeps.
func (c *Class) Visitors() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.visitors.byKey)
}

// Devices returns how many devices have a bucket.
func (c *Class) Devices() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.joins.buckets)
}

// AtPlace returns the seat at NAME-SUFFIX, if there is one.
func (c *Class) AtPlace(place string) (Seat, bool) {
	for _, s := range c.Seats() {
		if s.Place() == place {
			return s, true
		}
	}
	return Seat{}, false
}
