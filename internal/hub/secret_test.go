package hub

import (
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
)

// A secret opens its own visit, on its own browser's pages only. Showing the secret proves the visit;
// knowing the visit's name does not.
func TestASecretOpensItsVisit(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		root, second := l.seats.Root, l.second("f").seat
		v, w, theirs := l.Begin(root, "", session.Key{}), l.Begin(root, "", session.Key{}), l.Begin(second, "f", session.Key{})
		for name, c := range map[string]struct {
			secret string
			seat   *seat.Seat
			want   *Visit
		}{
			"its own":                {v.Secret, root, v},
			"the other one's":        {w.Secret, root, w},
			"the second browser's":   {theirs.Secret, second, theirs},
			"on the second's pages":  {v.Secret, second, nil},
			"the second's, here":     {theirs.Secret, root, nil},
			"a letter short":         {v.Secret[:len(v.Secret)-1], root, nil},
			"a letter more":          {v.Secret + "A", root, nil},
			"with another beginning": {"0" + v.Secret[1:], root, nil},
			"with another end":       {v.Secret[:len(v.Secret)-1] + "*", root, nil},
			"in small letters":       {strings.ToLower(v.Secret), root, nil},
			"both":                   {v.Secret + " " + w.Secret, root, nil},
			"none":                   {"", root, nil},
		} {
			got, lost := l.Prove(c.secret, c.seat)
			if got != c.want || c.want != nil && lost != NotLost {
				t.Errorf("%s: %v, %q", name, got, lost)
			}
		}
		x := l.Begin(second, "f", session.Key{})
		l.Prove(x.Secret, root)
		if x.Proved() {
			t.Error("a secret that was shown to another browser's pages proves its visit")
		}
		if l.Prove(x.Secret, second); !x.Proved() {
			t.Error("the control: a secret proves nothing")
		}
	})
}

// The secret of an ended visit says why it opens nothing, so that the page can say so. A secret that
// was never given says nothing.
func TestWhyASecretOpensNothing(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		ended := l.Begin(l.seats.Root, "", session.Key{})
		theirs := l.Begin(l.second("f").seat, "f", session.Key{})
		time.Sleep(time.Nanosecond)
		after := New(l.seats, Limits{Visits: labVisits, Bytes: labBytes})
		defer after.Close()
		next, _ := after.Begin(l.seats.Root, "", session.Key{})
		time.Sleep(VisitLife + time.Second)
		live := l.Begin(l.second("g").seat, "g", session.Key{})
		for name, c := range map[string]struct {
			secret string
			want   Lost
		}{
			"of a visit that has ended":           {ended.Secret, Idle},
			"of another browser's that has ended": {theirs.Secret, NotLost},
			"that was never given":                {l.start + "A", NotLost},
			"of another run of the program":       {next.Secret, Restarted},
			"of any other beginning":              {strings.Repeat("A", len(l.start)+1), Restarted},
			"of another browser's pages":          {live.Secret, NotLost},
			"nothing":                             {"", NotLost},
			"as long as a beginning":              {l.start, NotLost},
			"shorter":                             {strings.Repeat("A", len(l.start)), NotLost},
			"as long as may be":                   {l.start + strings.Repeat("A", SecretLen-len(l.start)), NotLost},
			"of before a restart, as long":        {"0" + strings.Repeat("A", SecretLen-1), Restarted},
			"longer":                              {l.start + strings.Repeat("A", SecretLen-len(l.start)+1), NotLost},
			"far longer":                          {strings.Repeat("A", 1<<20), NotLost},
		} {
			if v, lost := l.Prove(c.secret, l.seats.Root); v != nil || lost != c.want {
				t.Errorf("a secret %s: %v, %q, want %q", name, v, lost, c.want)
			}
		}
		if len(live.Secret) > SecretLen {
			t.Errorf("a secret has %d bytes", len(live.Secret))
		}
	})
}

// What stands in addresses, which strangers may see, opens no visit.
func TestANameOpensNothing(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.second("f")
		v := l.Begin(b.seat, "FAMILYFAMILYFAMILYFAMILY26", session.Key{})
		proof := v.Proof()
		for _, name := range []string{v.Name, v.Family, b.seat.Base, b.seat.Name, l.start + v.Name} {
			if got, _ := l.Prove(name, b.seat); got != nil {
				t.Errorf("%q proves a visit", name)
			}
			if l.Redeem(name, b.seat) != nil {
				t.Errorf("%q is a proof", name)
			}
		}
		if got, _ := l.Prove(proof, b.seat); got != nil {
			t.Error("a proof is a secret")
		}
		if l.Redeem(v.Secret, b.seat) != nil {
			t.Error("a secret is a proof")
		}
		if v.Proved() {
			t.Error("the visit is proved")
		}
		if l.Redeem(proof, b.seat) != v || !v.Proved() {
			t.Error("the control: a proof opens nothing")
		}
	})
}

// A proof opens its visit once, on its own browser's pages. A proof that opened it twice would open
// it for everybody who reads the browser's history.
func TestAProofOpensOnce(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		root, second := l.seats.Root, l.second("f").seat
		v := l.Begin(root, "", session.Key{})
		proof := v.Proof()
		if l.Redeem(proof, second) != nil || l.Redeem("", root) != nil || l.Redeem(proof[1:], root) != nil {
			t.Error("it opens on another browser's pages, or another text does")
		}
		if l.Redeem(proof, root) != v {
			t.Error("it does not open")
		}
		if l.Redeem(proof, root) != nil {
			t.Error("it opens twice")
		}
	})
}

// A visit keeps its last four proofs: pages that are loaded again and again must not fill the memory.
func TestFourProofs(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		root := l.seats.Root
		v, w := l.Begin(root, "", session.Key{}), l.Begin(root, "", session.Key{})
		other := w.Proof()
		var proofs []string
		for range maxProofs + 2 {
			proofs = append(proofs, v.Proof())
		}
		if len(l.byProof) != maxProofs+1 {
			t.Errorf("%d proofs are kept", len(l.byProof))
		}
		for i, proof := range proofs[:2] {
			if l.Redeem(proof, root) != nil {
				t.Errorf("proof %d of six opens still", i+1)
			}
		}
		if l.Redeem(proofs[3], root) != v { // its place is free
			t.Error("proof 4 of six opens nothing")
		}
		last := v.Proof()
		for _, proof := range []string{proofs[2], proofs[4], proofs[5], last} {
			if l.Redeem(proof, root) != v {
				t.Error("one of the last four opens nothing")
			}
		}
		if l.Redeem(other, root) != w {
			t.Error("another visit's proof gave way")
		}
		if len(l.byProof) != 0 || len(v.proofs) != 0 {
			t.Error("used proofs are kept")
		}
	})
}

// A visit that has ended is opened by nothing, and gives no more proofs.
func TestProofsEndWithTheirVisit(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.Begin(l.seats.Root, "", session.Key{})
		proof := v.Proof()
		time.Sleep(VisitLife + time.Second)
		if l.Redeem(proof, l.seats.Root) != nil || v.Proof() != "" {
			t.Error("an ended visit is opened, or gives a proof")
		}
		if len(l.byProof) != 0 || len(l.bySecret) != 0 || l.Count() != 0 || l.Any() {
			t.Errorf("%d proofs and %d secrets are kept", len(l.byProof), len(l.bySecret))
		}
		closed := l.Begin(l.seats.Root, "", session.Key{})
		proof = closed.Proof()
		l.Close()
		l.Close() // twice is no harm
		if l.Redeem(proof, l.seats.Root) != nil || closed.Proof() != "" || l.Any() {
			t.Error("a visit is there after the end")
		}
		if v := l.Begin(l.seats.Root, "", session.Key{}); v == nil || l.Any() || v.Proof() != "" {
			t.Error("one began after the end, which somebody could find")
		}
		if got, lost := l.Prove(closed.Secret, l.seats.Root); got != nil || lost != Idle {
			t.Errorf("after the end: %v, %q", got, lost)
		}
	})
}
