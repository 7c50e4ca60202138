package experiment

import (
	"slices"
)

// Note tells whether the caller must note the run in the learner's progress, and marks the
// run as noted. A run that could not be done is never noted.
func (r *Run) Note() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	notable := r.notable()
	r.noted = r.noted || notable
	return notable
}

// notable tells whether the run can be noted and is not yet. The caller holds the lock.
func (r *Run) notable() bool {
	return !r.ended.IsZero() && r.err == nil && !r.outcome.Undecided && !r.noted
}

// Unnote takes Note back, when the progress could not be written.
func (r *Run) Unnote() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noted = false
}

// Noted tells whether Note would return false.
func (r *Run) Noted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.notable()
}

// Remark keeps a sentence that the page shows beside what the run found.
func (r *Run) Remark(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remark = text
}

// Remarked returns the sentence of Remark, or "".
func (r *Run) Remarked() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.remark
}

// maxOwners is how many owners a run remembers. A new owner drops the oldest.
const maxOwners = 8

// Own adds owners of r: sessions and pages. A learner may have several sessions and pages,
// one after the other.
func (r *Run) Own(owners ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, owner := range owners {
		r.owners = append(slices.DeleteFunc(r.owners, func(old string) bool { return old == owner }), owner)
	}
	r.owners = r.owners[max(0, len(r.owners)-maxOwners):]
}

// OwnedBy tells whether one of who owns r. A run without owners, whose client had neither
// session nor page, is open to whoever knows its token.
func (r *Run) OwnedBy(who ...string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.owners) == 0 || slices.ContainsFunc(who, func(one string) bool { return slices.Contains(r.owners, one) })
}
