package session

// place decides where each value of d lives, writes that into d, and gives v the values
// that live in the cookie. It returns a *LimitError if the session would be too large, or
// if the cookie would be too large and no value may move to the server.
func (s *Session) place(d *draft, v *envelope, fresh bool) error {
	toServer := s.allToServer(d, fresh)
	// An object of n members has n-1 commas and 2 braces. Each entry.bytes counts one comma
	// or brace; the +1 counts the last brace.
	var buf [64 + idBytes]byte
	total, cookie := 0, len(v.head(buf[:0]))+1
	for i := range d.values {
		e := &d.values[i]
		if len(e.Value) > MaxValueBytes {
			return &LimitError{LimitValue, len(e.Value), MaxValueBytes, e.key}
		}
		switch d.placement {
		case InCookie:
			e.onServer = false
		case OnServer:
			e.onServer = true
		case Hybrid:
			e.onServer = e.onServer || toServer || len(e.Value) > MaxSmallBytes
		}
		size := e.bytes()
		total += size
		if !e.onServer {
			cookie += size
		}
	}
	tooLarge := func(limit Limit, size, max int) error {
		key := s.lastSet
		if e := largestInCookie(d.values); key == "" && e != nil {
			key = e.key
		}
		return &LimitError{limit, size, max, key}
	}
	if n := len(d.values); n > MaxKeys {
		return tooLarge(LimitKeys, n, MaxKeys)
	}
	if total > MaxSessionBytes {
		return tooLarge(LimitSession, total, MaxSessionBytes)
	}
	for cookie > s.e.maxRaw {
		e := largestInCookie(d.values)
		if e == nil {
			break
		}
		if d.placement == InCookie {
			return tooLarge(LimitCookie, len(s.e.name)+signedBytes(cookie), MaxCookieBytes)
		}
		e.onServer = true
		cookie -= e.bytes()
	}
	v.values = d.values.half(false)
	return nil
}

// allToServer tells whether all values of a hybrid session live on the server: this request does
// not know the values in a later cookie, or requests with older cookies would not know the values
// in this request's cookie.
func (s *Session) allToServer(d *draft, fresh bool) bool { return s.blind || d.voids && !fresh }

// whyPlaced is the reason of the event Placed for e, which place has put on the server in
// placement hybrid, or "". before is the entry of its key as it was loaded.
func (s *Session) whyPlaced(e, before entry, p *plan) string {
	switch d := &s.work; {
	case !e.onServer || d.placement != Hybrid:
		return ""
	case len(e.Value) > MaxSmallBytes:
		return PlacedLarge
	case before.onServer:
		return PlacedStays
	case s.allToServer(d, p.fresh):
		return PlacedStale
	}
	return PlacedNoRoom
}

// largestInCookie returns the largest of the entries in the cookie, the first of equally large
// entries, or nil if the cookie carries none.
func largestInCookie(es entries) (largest *entry) {
	for i := range es {
		if e := &es[i]; !e.onServer && (largest == nil || len(e.Value) > len(largest.Value)) {
			largest = e
		}
	}
	return largest
}
