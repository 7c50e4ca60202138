package e2e

import (
	"strconv"
	"strings"
)

func (f *facts) ofBefore() {
	where := "GET /session of another client before the press"
	if f.verdict != "" {
		f.say("the state that the test made", "verdict=%s", f.verdict)
		if f.verdict == "forged" && f.after.Status != 503 && !f.after.Exists {
			f.say("the state that the test made", "signature=does not fit")
		}
	}
	if f.before.Status != 503 {
		f.say(where, "opened before=%s", yesNo(f.before.Exists))
		f.say(where, "was expired records=%d", f.before.Stats.Expired)
		if f.before.Exists {
			f.say(where, "was id=%s", f.before.ID)
		}
		if f.after.Status != 503 {
			if f.same.Status == 200 {
				f.say(where, "wrote=%s", yesNo(f.before.session() != f.same.session() || !f.before.Exists && f.after.Exists || f.before.ID == f.after.ID && f.before.session() != f.after.session()))
			}
			f.say(where, "new ID=%s", yesNo(f.before.ID != f.after.ID))
		}
	}
	f.ofPrevious()
}

// shownJar are the cookies of which the row of changes speaks.
func (t *truth) shownJar() (out string) {
	for _, c := range t.kept {
		if c.name == t.name || c.name == t.name+"-readable" {
			out += c.String() + "; "
		}
	}
	return out
}

// then is a figure of the moment before. What the test's other client did since the last press may
// have become a moment, with the figure of that time: that client may have ended as many as more of
// the records that it made.
func (f *facts) then(after, before, more int) string {
	if !f.acted || f.before.Status == 503 {
		return strconv.Itoa(after)
	}
	any := []string{}
	for n := min(after, before); n <= max(after, before)+more; n++ {
		any = append(any, strconv.Itoa(n))
	}
	return strings.Join(any, " or ")
}

// ofPrevious claims what the moment before said, for the row of changes.
func (f *facts) ofPrevious() {
	p := f.previous
	if p == nil || p.after.Status == 503 || f.after.Status == 503 || f.twice() {
		return
	}
	where := "the truth of the moment before"
	same := p.shownJar() == f.shownJar() && p.after.session() == f.after.session()
	f.say(where, "changed=%s", yesNo(!same))
	f.say(where, "previously live records=%s", f.then(p.after.Stats.Sessions, f.before.Stats.Sessions, 1))
	f.say(where, "previously expired records=%s", f.then(p.after.Stats.Expired, f.before.Stats.Expired, 0))
	size := "none"
	for _, c := range p.kept {
		if c.name == f.name && !c.bare {
			size = strconv.Itoa(len(c.name) + len(c.value))
		}
	}
	f.say(where, "previously kept size=%s", size)
	if !p.after.Exists {
		return // the page may have shown the record of an older session
	}
	f.say(where, "previously id=%s", p.after.ID)
	f.say(where, "previously version=%d", p.after.Version)
	for _, v := range p.after.Values {
		f.say(where, "previously value(%s)=%s", v.Key, v.Value)
	}
}
