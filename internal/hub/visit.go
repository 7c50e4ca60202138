package hub

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// Visit is what one tab of the lab, with its reloads, saw. Its Name may stand in addresses and
// opens nothing; its Secret opens it, and stands in no address.
type Visit struct {
	Name   string
	Secret string
	Seat   *seat.Seat
	Family string // the Name of the visit that began the family; on the page of a second browser, the first browser's

	hub        *Hub
	began      time.Time
	heirOf     string      // the secret of the ended visit that it goes on for, "" for none
	takenUntil int         // the number of the last moment that it took over from other visits; its own begin after it
	takenOf    string      // the short name of the session whose moments it took over
	born       int64       // the number of the last deed before it began: its page saw what these deeds did
	idle       *time.Timer // fires when the visit may end

	// These three are guarded by the hub's lock.
	ended   bool
	adopted bool     // another visit has the load that this visit was made for
	proofs  []string // the tokens that open it once

	mu        sync.Mutex
	used      time.Time
	proved    bool // somebody has shown its secret
	claimed   bool // it is the heir of a visit that a client may have made up, and nobody has shown its own secret
	streamed  bool // a page of it had a stream
	entries   []Entry
	newest    int           // the number of the last moment
	dropped   int           // how many moments were dropped
	gone      int           // the number of the entry that made room for the last one, 0 for none
	whole     *Moment       // the moment whose exchange is not packed yet, or nil
	watched   []session.Key // sessions seen, the latest last
	present   session.Key   // the session that this browser has; zero without one
	carried   carried
	inCookie  bool              // all of that session is in the cookie: the store does not know when it expires
	labelled  [sha256.Size]byte // the digest of the cookie that the latest Set-Cookie of this browser set
	label     trace.Label       // and its attributes
	expiry    *time.Timer       // fires when the present session expires; nil without one
	pins      []Pin
	pinned    int // how many pins there ever were
	projector bool
	placement session.Placement // of the page's choice, 0 before a page was shown
	lesson    lesson
	streams   map[chan struct{}]bool // nil when it has ended
}

// use notes that v is in use; with proved, that a request showed its secret or a proof.
func (v *Visit) use(proved bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.used, v.proved, v.claimed = v.hub.now(), v.proved || proved, v.claimed && !proved
}

// Use notes that v is in use.
func (v *Visit) Use() { v.use(false) }

// Confirm notes that v is proved: a page of its family led to it.
func (v *Visit) Confirm() { v.hub.admit(v) }

// Proved tells whether a request has shown v's secret or a proof. Until then v's page may be the
// reload of a page that has another visit.
func (v *Visit) Proved() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.proved
}

// lastUse is when v was used last. A visit with a stream is in use: it counts as used later than
// every visit without one.
func (v *Visit) lastUse() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.streams) > 0 {
		return v.used.Add(VisitLife)
	}
	return v.used
}

// SetProjector switches the visit's large type on or off.
func (v *Visit) SetProjector(on bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.projector = on
}

// Projector tells whether the visit's large type is on.
func (v *Visit) Projector() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.projector
}

// SetPlacement keeps where the page's choice of a placement stands.
func (v *Visit) SetPlacement(p session.Placement) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.placement = p
}

// Placement returns where the page's choice of a placement stands: the next session of its browser
// begins with that placement. It returns 0 before a page was shown.
func (v *Visit) Placement() session.Placement {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.placement
}

// noteLabel notes the attributes of the cookie that this browser got with x. The browser keeps them
// as long as it keeps the cookie, and no later request carries them.
func (v *Visit) noteLabel(x *trace.Exchange) {
	if x.Cookie.Kept == "" || x.Cookie.Label.SetAt.IsZero() {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.labelled, v.label = sha256.Sum256([]byte(x.Cookie.Kept)), x.Cookie.Label
}

// LabelOf returns the attributes of a cookie, if the latest Set-Cookie that v saw set it.
func (v *Visit) LabelOf(cookie string) (trace.Label, bool) {
	sum := sha256.Sum256([]byte(cookie))
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.label, v.labelled == sum
}
