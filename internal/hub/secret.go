package hub

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"

	"github.com/sessionscope/sessionscope/internal/seat"
)

// Lost says why the secret of a visit opens nothing.
type Lost string

const (
	NotLost   Lost = ""
	Restarted Lost = "restarted" // the program that gave it has ended
	Idle      Lost = "idle"      // its visit ended after VisitLife without a request
	Ended     Lost = "ended"     // its visit ended like that, or since others needed its place
	Full      Lost = "full"      // it is good, but as many visits as may be are in use
)

// SecretLen is the most bytes that a secret has; nothing longer is looked at.
const SecretLen = 64

// randomLen is how many bytes rand.Text returns.
const randomLen = 26

// Prove returns the visit that the secret opens on the pages of s, and notes that the visit is in
// use. If the secret opens no visit, Prove returns nil; for the secret of a visit that has ended
// it says why.
func (h *Hub) Prove(secret string, s *seat.Seat) (*Visit, Lost) {
	if len(secret) <= len(h.start) || len(secret) > SecretLen {
		return nil, NotLost
	}
	h.mu.Lock()
	v := h.bySecret[secret]
	h.mu.Unlock()
	switch {
	case v != nil && v.Seat == s && !h.admit(v):
		return nil, Full
	case v != nil && v.Seat == s:
		return v, NotLost
	case v != nil:
		return nil, NotLost // the visit is on another browser's pages
	case !strings.HasPrefix(secret, h.start):
		return nil, Restarted
	case h.gave(s, secret, ofNobody), h.gave(s, secret, ofFamily):
		if h.gaveWay.Load() {
			return nil, Ended
		}
		return nil, Idle
	}
	return nil, NotLost // somebody made it up
}

// Opened returns the visit of a page that was opened on the pages of s, by its secret, or nil.
// The visit is not proved by it.
func (h *Hub) Opened(secret string, s *seat.Seat) *Visit {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v := h.bySecret[secret]; v != nil && v.Seat == s {
		return v
	}
	return nil
}

// Redeem returns the visit that a proof opens on the pages of s, or nil. A proof opens its
// visit once.
func (h *Hub) Redeem(proof string, s *seat.Seat) *Visit {
	h.mu.Lock()
	v := h.byProof[proof]
	if v != nil && v.Seat == s {
		v.dropProof(proof)
	}
	h.mu.Unlock()
	if v == nil || v.Seat != s || !h.admit(v) {
		return nil
	}
	return v
}

// Proof returns a token that opens v once, for the request that follows a page without a
// script. Only the last maxProofs of a visit are kept. It is "" for a visit that has ended.
func (v *Visit) Proof() string {
	v.hub.mu.Lock()
	defer v.hub.mu.Unlock()
	if v.ended {
		return ""
	}
	proof := rand.Text()
	if len(v.proofs) >= maxProofs {
		v.dropProof(v.proofs[0])
	}
	v.proofs = append(v.proofs, proof)
	v.hub.byProof[proof] = v
	return proof
}

// dropProof forgets a proof. The caller holds the hub's lock.
func (v *Visit) dropProof(proof string) {
	delete(v.hub.byProof, proof)
	v.proofs = slices.DeleteFunc(v.proofs, func(p string) bool { return p == proof })
}

// owner says in which family the visit of a secret was. The mark at the secret's end is made of it.
type owner string

const (
	ofNobody owner = "nobody" // the visit began a family of its own
	ofFamily owner = "family" // the visit was in the family that opened the seat
)

// secret returns a new secret for a visit on the pages of s. It ends with a mark that nobody else
// can make: after the visit has ended, the mark still proves that there was a visit, and says of
// which owner.
func (h *Hub) secret(s *seat.Seat, family string) string {
	secret, of := h.start+rand.Text(), ofNobody
	if family != "" {
		of = ofFamily
	}
	return secret + h.mark(s, secret, of)
}

// mark returns the mark at the end of a secret, whose beginning is given.
func (h *Hub) mark(s *seat.Seat, secret string, of owner) string {
	m := hmac.New(sha256.New, h.key)
	m.Write([]byte(string(of) + " " + s.Base + " " + secret))
	return base32.StdEncoding.EncodeToString(m.Sum(nil)[:10])
}

// gave tells whether the hub gave that secret to a visit of that owner on the pages of s. A client
// can make up a secret, and not its mark.
func (h *Hub) gave(s *seat.Seat, secret string, of owner) bool {
	n := len(h.start) + randomLen
	return len(secret) > n && hmac.Equal([]byte(secret[n:]), []byte(h.mark(s, secret[:n], of)))
}
