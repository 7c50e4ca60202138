package hub

import "slices"

// News is what a stream has to tell a page of its visit.
type News struct {
	Last   int   // the number of the last moment
	Since  bool  // there are moments that the page has not been told of
	Others bool  // some of these moments are not the page's own presses
	Latest Entry // the last of these moments that changed what this browser and the server keep
	// Changed tells that there is a Latest, and that it is not the page's own press.
	Changed bool
}

// Since returns the news of v after the moment of number n, for the page of that ID; "" for a
// page that did not say its ID.
func (v *Visit) Since(n int, page string) (news News) {
	v.mu.Lock()
	defer v.mu.Unlock()
	news.Last = v.newest
	news.Since = news.Last > n
	found := false
	for _, e := range slices.Backward(v.entries) {
		if e.N <= n {
			break
		}
		news.Others = news.Others || !e.IsOf(page)
		if !found && e.Kept() && e.Kin == "" && !e.Gist.Aside && (e.Gist.Wrote || e.Gist.Put) {
			found, news.Latest, news.Changed = true, e, !e.IsOf(page)
		}
	}
	return news
}

// IsOf tells whether e is an exchange of the page of that ID.
func (e Entry) IsOf(page string) bool {
	return e.Kin == "" && !e.Gist.Nothing && page != "" && e.Gist.Page == page
}

// LastOf returns the last exchange of the page of that ID.
func (v *Visit) LastOf(page string) (Entry, bool) {
	return v.lastWhere(0, func(e Entry) bool { return e.IsOf(page) })
}

// Pressed tells whether the page of that ID pressed with the session of that short name: then
// it may see what another page of the visit saw of that session.
func (v *Visit) Pressed(page, name string) bool {
	_, ok := v.lastWhere(0, func(e Entry) bool { return e.IsOf(page) && e.Gist.Session == name && name != "" })
	return ok
}
