package say

import (
	"slices"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
)

// forEveryone is what the board says of what is done to every session of a class, and what the pages of
// the seats say became of theirs.
func forEveryone() section {
	s := section{heading: "# For everyone in a class"}
	add := func(line string) {
		if !slices.Contains(s.lines, line) {
			s.lines = append(s.lines, line)
		}
	}
	add(Reaches(0, 0))
	add(Reaches(1, 1))
	add(Reaches(24, 17))
	add(PhonesSent(0, 0, 0))
	for _, heard := range []int{0, 1} {
		add(PhonesSent(1, heard, 0))
	}
	for _, heard := range []int{0, 2, 7} {
		add(PhonesSent(7, heard, 0))
		add(PhonesSent(7, heard, 6))
	}
	add(spoken(DoneForEveryone("restart", 0, 0, false)))
	for _, a := range EveryoneActs {
		add(a.Name + " · " + a.Label + " · " + a.Does + " · " + SureButton(a.Name))
		add(AfterEveryone(a.Name))
		add(spoken(DoneForEveryone(a.Name, 24, 17, false)))
		add(spoken(DoneForEveryone(a.Name, 24, 17, true)))
		for _, store := range []string{"memory", "sqlite", "redis", "another"} {
			for p := session.InCookie; p <= session.OnServer; p++ {
				add("sessions of placement " + p.String() + " " + WillBecome(a.Name, p, store))
			}
		}
	}
	for _, b := range becomings() {
		f := Became(b)
		line := "[" + f.Tone + "] " + f.Title + " " + f.Text
		if f.Server != nil {
			line += " · " + spokenParts(f.Server)
		}
		add(line)
	}
	return s
}

// spokenParts are parts as the list has them.
func spokenParts(parts []Part) string {
	_, words, _ := strings.Cut(spoken(Sentence{Parts: parts}), ": ")
	return words
}

// becomings are what can become of a session, of each placement, after each act.
func becomings() (all []Becoming) {
	for _, a := range EveryoneActs {
		for p := session.Placement(0); p <= session.OnServer; p++ {
			for _, store := range []string{"memory", "sqlite"} {
				b := Becoming{Act: a.Name, Store: store, Lived: p, At: nine, ID: "9f2c41e0", Left: session.StateNone}
				there, gone, none := b, b, b
				there.Outcome, there.Has, there.Same = "there", true, true
				gone.Outcome, gone.Why, none.Outcome = "refused", "no record has this ID", "none"
				if a.Name == "restart-new-secret" {
					gone.Why, gone.Unread = "the signature does not fit", true
				}
				expired, kept, stale := gone, gone, gone
				kept.Left, stale.Left = session.StateLive, session.StateExpired
				expired.Outcome, expired.Why = "ended", "the record's clock has run out"
				all = append(all, there, gone, expired, kept, stale, none)
				later, over := there, there
				later.Same, over.Has, over.Same = false, false, false
				gone.Has, none.Has = true, true
				all = append(all, later, over, gone, none)
			}
		}
	}
	return all
}

// If this fails, a phone would say that its session is there while it is not, or the other way round, or
// give a reason that the engine has not given.
func TestBecameAgreesWithTheRequest(t *testing.T) {
	t.Parallel()
	for _, b := range becomings() {
		f := Became(b)
		there, gone := f.Title == "Your session is still there.", f.Title == "Your session is gone."
		switch {
		case there != (b.Outcome == "there" && b.Has && b.Same):
			t.Errorf("%+v: %s", b, f.Title)
		case gone != (b.Lived != 0 && (b.Outcome == "refused" || b.Outcome == "ended")):
			t.Errorf("%+v: %s", b, f.Title)
		case b.Why != "" && !strings.Contains(f.Text, b.Why):
			t.Errorf("%+v: the reason is missing: %s", b, f.Text)
		case strings.Contains(f.Text, "a new session since") && !b.Has, f.Server != nil && (!b.Unread || b.Has):
			t.Errorf("%+v: %s %v", b, f.Text, f.Server)
		}
	}
}
