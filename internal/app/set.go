package app

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// maxHold is the longest that a request can hold a session.
const maxHold = 5 * time.Second

// setForm is the form of POST /set.
type setForm struct {
	key       string
	value     session.Value
	placement session.Placement // 0: as the engine's policy says
	hold      time.Duration     // wait so long between load and write, for experiments
	fail      bool              // fail after the write is staged, for experiments
}

func readSet(form url.Values) (f setForm, err error) {
	if f.key, err = field(form, "key"); err != nil {
		return f, err
	}
	text, err := field(form, "value")
	if err != nil {
		return f, err
	}
	if err := session.CheckKey(f.key); err != nil {
		return f, err
	}
	if f.value, err = session.ParseValue(form.Get("type"), text); err != nil {
		return f, err
	}
	if p := form.Get("placement"); p != "" {
		if f.placement, err = session.ParsePlacement(p); err != nil {
			return f, err
		}
	}
	if text := form.Get("hold"); text != "" {
		if f.hold, err = time.ParseDuration(text); err != nil || f.hold < 0 || f.hold > maxHold {
			return f, &session.InputError{Field: "hold", Text: "hold is not a duration from 0s to 5s."}
		}
	}
	if text := form.Get("fail"); text != "" {
		if f.fail = text == "500"; !f.fail {
			return f, &session.InputError{Field: "fail", Text: "fail takes 500 and no other value."}
		}
	}
	return f, nil
}

// set is POST /set: session[key] = value.
func (a *App) set(c *call) (out outcome, err error) {
	form, err := readSet(c.form)
	if err != nil {
		return out, err
	}
	if err := a.hold(c, form.hold); err != nil {
		return out, err
	}
	s := c.session
	born := !s.Exists()
	if c.placeNext(); born && form.placement != 0 {
		s.SetPlacement(form.placement)
	}
	old, had := s.Get(form.key)
	came := s.Verdict()
	if err := s.Set(form.key, form.value); err != nil {
		return out, err
	}
	if form.fail {
		return out, &problem{status: http.StatusInternalServerError, cause: errAsked,
			detail: "This handler was asked to fail after it had staged the write. Nothing was saved, and no cookie was sent."}
	}
	out.did = trace.Did{Op: "set", Key: form.key, Value: c.value(form.key, form.value), Born: born, Same: had && old == form.value, Came: came}
	return out, nil
}

// placeNext has the session that this request may create begin with the placement that the visit
// keeps. A session that exists stays as it is.
func (c *call) placeNext() {
	if v := c.visit; v != nil && v.Placement() != 0 && !c.session.Exists() {
		c.session.SetPlacement(v.Placement())
	}
}

// value returns a value for the exchange. It is empty when no page can show the exchange.
func (c *call) value(key string, v session.Value) trace.Value {
	if c.x == nil {
		return trace.Value{}
	}
	return trace.ValueOf(key, v)
}

// errAsked is the failure that the field "fail" asks for.
var errAsked = errors.New("fail=500 was asked for")

// hold waits for d, so that an experiment can put another request between load and write. In a private
// instance it waits until another request has loaded its session too, for d at most. It ends with an
// error when the client leaves. At most capacity.holds requests wait at once, and in a
// class seatHolds of each seat.
func (a *App) hold(c *call, d time.Duration) error {
	if d == 0 {
		return nil
	}
	holds, whose := a.holds, ""
	if use := a.useOf(c.seat); use != nil {
		holds, whose = use.holds, " of this seat"
	}
	select {
	case holds <- struct{}{}:
		defer func() { <-holds }()
	default:
		return &problem{status: http.StatusTooManyRequests,
			detail: fmt.Sprintf("%d requests%s hold a session already, and no more are allowed. Try again in a moment.", cap(holds), whose)}
	}
	return a.met.Wait(c.ctx(), d)
}
