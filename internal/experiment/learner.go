package experiment

import (
	"slices"
)

// Note tells whether the run is still to be noted in the learner's progress, and
// that it is now. One that could not be done never is.
func (r *Run) Note() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	is := r.notable()
	r.noted = r.noted || is
	return is
}

// notable tells whether the run is still to be noted. The caller holds the lock.
func (r *Run) notable() bool {
	return !r.ended.IsZero() && r.err == nil && !r.outcome.Undecided && !r.noted
}

// Unnote takes a Note back that came to nothing.
func (r *Run) Unnote() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noted = false
}

// Noted tells whether Note would be false.
func (r *Run) Noted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.notable()
}

// Remark keeps what is to be said beside what the run found.
func (r *Run) Remark(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remark = text
}

// Remarked returns it.
func (r *Run) Remarked() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.remark
}

// maxOwners is how many that a run remembers; the oldest makes room.
const maxOwners = 8

// Own notes whose r is: a session, or a page. One learner may be known by several, one
// after the other.
func (r *Run) Own(owners ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, owner := range owners {
		r.owners = append(slices.DeleteFunc(r.owners, func(old string) bool { return old == owner }), owner)
	}
	r.owners = r.owners[max(0, len(r.owners)-maxOwners):]
}

// OwnedBy tells whether r is one of theirs. A run that nobody owns, since its client had
// neither session nor page, is open to whoever knows its token.
func (r *Run) OwnedBy(who ...string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.owners) == 0 || slices.ContainsFunc(who, func(one string) bool { return slices.Contains(r.owners, one) })
}
