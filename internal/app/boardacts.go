package app

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/views"
)

// setDoor is POST /classroom/door: it closes the door with close=1, and opens it with close=0.
func (a *App) setDoor(c *call, cl *class) error {
	value := c.form.Get("close")
	if value != "0" && value != "1" {
		return &problem{status: http.StatusUnprocessableEntity, brief: true, detail: `The field "close" is 1 to close the door, or 0 to open it. Nothing was changed.`}
	}
	closed := value == "1"
	if err := cl.roster.SetDoor(c.ctx(), closed); err != nil {
		return notWritten(err)
	}
	return cl.leadToBoard(c, cl.saying(c, say.DoorSet(closed)), "", struct {
		Op     string `json:"op"`
		Closed bool   `json:"closed"`
	}{"door", closed})
}

// letIn is POST /classroom/door/let-in: it lets in who waits under each nickname, or with all=1 all.
func (a *App) letIn(c *call, cl *class) error {
	names := c.form["nickname"]
	if c.form.Get("all") == "1" {
		for _, w := range cl.roster.Waiting() {
			names = append(names, w.Nickname)
		}
	}
	n, err := cl.roster.LetIn(c.ctx(), names...)
	if err != nil {
		return notWritten(err)
	}
	return cl.leadToBoard(c, cl.saying(c, say.LetIn(n)), "", struct {
		Op    string `json:"op"`
		LetIn int    `json:"let_in"`
	}{"let-in", n})
}

// giveBack is POST /classroom/give-back: it shows a code, once, by which the seat can be taken again
// within a minute.
func (a *App) giveBack(c *call, cl *class) error {
	s, ok := cl.roster.Named(c.form.Get("seat"))
	if !ok {
		return errNoSeat()
	}
	code, until, err := cl.roster.GiveBack(c.ctx(), s.ID)
	switch {
	case errors.Is(err, classroom.ErrNoSeat):
		return errNoSeat()
	case err != nil:
		return notWritten(err)
	}
	said := cl.saying(c, say.GaveBack(s.Nickname))
	said.Code, said.Until = code, until.UnixMilli()
	said.Left = say.Left(until.Sub(c.now()))
	return cl.leadToBoard(c, said, s.Name, struct {
		Op       string    `json:"op"`
		Nickname string    `json:"nickname"`
		Code     string    `json:"code"`
		Until    time.Time `json:"until"`
	}{"give-back", s.Nickname, code, until})
}

// removeSeats is POST /classroom/remove: the field seat names one seat; the field device names a
// seat, and all seats of its device go.
func (a *App) removeSeats(c *call, cl *class) error {
	s, ok := cl.roster.Named(c.form.Get("seat") + c.form.Get("device"))
	if !ok {
		return errNoSeat()
	}
	ids := []classroom.ID{s.ID}
	if c.form.Has("device") {
		ids = cl.roster.OfDevice(s.Device)
	}
	if err := cl.roster.Remove(c.ctx(), ids...); err != nil {
		return notWritten(err)
	}
	return cl.leadToBoard(c, cl.saying(c, say.SeatsRemoved(len(ids), s.Nickname)), "", struct {
		Op      string `json:"op"`
		Removed int    `json:"removed"`
	}{"remove", len(ids)})
}

// askDoctor is POST /classroom/doctor: it fetches the addresses now.
func (a *App) askDoctor(c *call, cl *class) error {
	<-cl.doctor.lookNow()
	cl.doctor.lookLocal()
	all, answered := 0, 0
	for _, f := range cl.health().fetched {
		if all++; f.err == "" {
			answered++
		}
	}
	return cl.leadToBoard(c, cl.saying(c, say.AddressesAsked(all, answered)), "", struct {
		Op        string `json:"op"`
		Addresses int    `json:"addresses"`
		Answered  int    `json:"answered"`
	}{"doctor", all, answered})
}

// notWritten is the refusal of an act that the documents of the class could not keep.
func notWritten(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &problem{status: http.StatusServiceUnavailable, brief: true, cause: err, detail: "The class could not write that down: nothing was changed. Try again."}
}

// saying returns a sentence for the board, with the time.
func (cl *class) saying(c *call, s say.Sentence) views.Said {
	said := views.Said{Sentence: show.Sentence(s), Now: c.now().UnixMilli()}
	said.At = say.Clock(c.now())
	return said
}

// boardSaid keeps what presses on the board did for the pages after them: each for one look, at most
// a minute, in memory only.
type boardSaid struct {
	mu   sync.Mutex
	kept []keptSaid // the oldest first
}

type keptSaid struct {
	token string
	ends  time.Time
	said  views.Said
}

// maxSaid is how many presses are kept; the oldest gives way.
const maxSaid = 16

// put keeps said, and returns the token for take.
func (b *boardSaid) put(said views.Said, now time.Time) string {
	token := rand.Text()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept = append(b.kept, keptSaid{token, now.Add(resultLife), said})
	b.kept = b.kept[max(0, len(b.kept)-maxSaid):]
	return token
}

// forget forgets all that is kept.
func (b *boardSaid) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.kept)
	b.kept = nil
}

// take returns what was kept under the token, once.
func (b *boardSaid) take(token string, now time.Time) (said views.Said) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rest := b.kept[:0]
	for _, k := range b.kept {
		switch {
		case !now.Before(k.ends):
		case k.token == token:
			said = k.said
		default:
			rest = append(rest, k)
		}
	}
	clear(b.kept[len(rest):])
	b.kept = rest
	return said
}
