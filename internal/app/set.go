package app

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

const (
	maxHold  = 5 * time.Second
	maxHolds = 32
)

// setForm is what POST /set takes.
type setForm struct {
	key       string
	value     session.Value
	placement session.Placement // 0: as the engine's policy says
	hold      time.Duration     // between load and write, for experiments
	fail      bool              // fail after staging, for experiments
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
			return f, &session.InputError{Field: "fail", Text: "fail takes 500 and nothing else."}
		}
	}
	return f, nil
}

// set is session[key] = value.
func (a *App) set(c echo.Context, s *session.Session) error {
	form, err := readSet(submitted(c))
	if err != nil {
		return err
	}
	if err := a.hold(c, form.hold); err != nil {
		return err
	}
	born := !s.Exists()
	if born && form.placement != 0 {
		s.SetPlacement(form.placement)
	}
	old, had := s.Get(form.key)
	came := s.Verdict()
	if err := s.Set(form.key, form.value); err != nil {
		return err
	}
	if form.fail {
		return &problem{status: http.StatusInternalServerError, cause: errAsked,
			detail: "This handler was asked to fail after it had staged the write. Nothing was saved, and no cookie was sent."}
	}
	return a.answer(c, s, outcome{op: "set", key: form.key, say: func(info session.Info) views.Sentence {
		return saySet(form.key, form.value, born, had && old == form.value, came, info)
	}})
}

// errAsked is a failure that the request itself asked for.
var errAsked = errors.New("fail=500 was asked for")

// hold waits between load and write, so that an experiment can put another
// request in between. It ends when the client leaves.
func (a *App) hold(c echo.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	select {
	case a.holds <- struct{}{}:
		defer func() { <-a.holds }()
	default:
		return &problem{status: http.StatusTooManyRequests,
			detail: fmt.Sprintf("%d requests hold a session already, and no more are allowed. Try again in a moment.", maxHolds)}
	}
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-c.Request().Context().Done():
		return c.Request().Context().Err()
	}
}

// field returns a form's field of that name, which must be there. It is a copy:
// the original is a part of the whole body, and some of it may be kept.
func field(form url.Values, name string) (string, error) {
	if !form.Has(name) {
		return "", &problem{status: http.StatusBadRequest, detail: fmt.Sprintf("The form has no field %q.", name)}
	}
	return strings.Clone(form.Get(name)), nil
}
