package hub

import "slices"

// News is what there is to tell a page of a visit.
type News struct {
	Last   int   // the number of the last moment
	Since  bool  // there are moments that the page has not been told of
	Others bool  // and not all of them are of its own presses
	Latest Entry // the last of them that changed what browser and server keep, if Changed
	// Changed tells that there is a Latest, and that the page did not press it itself.
	Changed bool
}

// Since returns the news of v after moment n for that load of a page, "" for none.
func (v *Visit) Since(n int, page string) (news News) {
	v.mu.Lock()
	defer v.mu.Unlock()
	news.Last = v.dropped + len(v.entries)
	news.Since = news.Last > n
	found := false
	for _, e := range slices.Backward(v.entries) {
		if e.N <= n {
			break
		}
		news.Others = news.Others || !e.IsOf(page)
		if !found && e.packed != nil && e.Kin == "" && !e.Gist.Aside && (e.Gist.Wrote || e.Gist.Put) {
			found, news.Latest, news.Changed = true, e, !e.IsOf(page)
		}
	}
	return news
}

// IsOf tells whether e is an exchange of that load of a page.
func (e Entry) IsOf(page string) bool {
	return e.Kin == "" && !e.Gist.Nothing && page != "" && e.Gist.Page == page
}

// LastOf returns the last exchange of that load of a page.
func (v *Visit) LastOf(page string) (Entry, bool) {
	return v.last(0, func(e Entry) bool { return e.IsOf(page) })
}

// Pressed tells whether a press of that load of a page was of the session of that short
// name: then the page may see what another load of the visit saw of it.
func (v *Visit) Pressed(page, name string) bool {
	_, ok := v.last(0, func(e Entry) bool { return e.IsOf(page) && e.Gist.Session == name && name != "" })
	return ok
}

// Last returns the number of the last moment of v, 0 for none.
func (v *Visit) Last() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.dropped + len(v.entries)
}
