package session

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/gorilla/sessions"
)

// Store is an Engine behind gorilla's idiom: s.Values, s.Save, s.AddFlash,
// s.Options.MaxAge. Save compares s.Values with what was loaded and commits the
// difference as operations, never the whole map, so that code written for gorilla gets the
// engine's guarantees. Keys must be strings. Values must be what encoding/json can write;
// they come back as it decodes them, numbers as json.Number. Flash messages live under
// gorilla's key "_flash".
//
// s.ID is the session's short name, never the ID itself. Code that sets it to "" before
// Save asks for a new ID with the same data. Options.MaxAge: a negative one is a flush, 0
// ends the session with the browser, n lets it expire n seconds after the last write.
type Store struct{ *Engine }

var _ sessions.Store = Store{}

// Get returns the session of r. A request loads it once.
func (st Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(st, name)
}

// New returns the session that r's cookie opens, or a new, empty session; never nil. That
// a cookie is refused is no error. It is an error that the store does not answer, and that
// the engine's cookie has another name.
func (st Store) New(r *http.Request, name string) (*sessions.Session, error) {
	gs := sessions.NewSession(st, name)
	gs.IsNew = true
	gs.Options = &sessions.Options{
		Path: st.path, HttpOnly: true, Secure: st.cfg.Secure, SameSite: http.SameSiteLaxMode,
	}
	if name != st.name {
		return gs, fmt.Errorf("session: this store keeps %q, not %q", st.name, name)
	}
	s, err := st.Load(r)
	if err != nil {
		return gs, err
	}
	s.fill(gs)
	return gs, nil
}

// fill gives gs the committed state of s.
func (s *Session) fill(gs *sessions.Session) {
	s.label = int(s.e.cfg.Lifetime / time.Second)
	if s.Exists() {
		s.label = s.maxAge(s.e.Now())
	}
	gs.ID, gs.IsNew, gs.Options.MaxAge = s.ID(), !s.Exists(), s.label
	clear(gs.Values)
	for _, e := range s.base.values {
		gs.Values[e.key] = e.Any()
	}
}

// Save commits what changed in gs since it was loaded or saved, and sets the cookie on w. A
// second Save replaces the cookie of the first. It returns Commit's errors, and an
// *InputError for a key or a value that a session cannot have.
func (st Store) Save(r *http.Request, w http.ResponseWriter, gs *sessions.Session) error {
	s, err := st.Load(r)
	if err != nil {
		return err
	}
	if err := s.commitGorilla(r, gs); err != nil {
		s.Discard(r.Context(), err.Error())
		return err
	}
	s.WriteCookie(w.Header())
	s.fill(gs)
	return nil
}

// commitGorilla stages what differs between gs and s, and commits it.
func (s *Session) commitGorilla(r *http.Request, gs *sessions.Session) error {
	ctx := r.Context()
	if gs.Options.MaxAge < 0 {
		return s.Flush(ctx)
	}
	if gs.ID != s.ID() && gs.ID != "" {
		return errors.New("session: an ID cannot be chosen; set it to \"\" for a new one")
	}
	for key, x := range gs.Values {
		name, ok := key.(string)
		if !ok {
			return &InputError{"key", fmt.Sprintf("A session's key is a string, not a %T.", key)}
		}
		if v, ok := s.Get(name); ok && reflect.DeepEqual(v.Any(), x) {
			continue
		}
		v, err := ValueOf(x)
		if err != nil {
			return err
		}
		if err := s.Set(name, v); err != nil {
			return err
		}
	}
	for _, key := range s.Keys() {
		if _, ok := gs.Values[key]; !ok {
			s.Delete(key)
		}
	}
	if n := gs.Options.MaxAge; n != s.label {
		s.SetExpiry(Expiry{After: time.Duration(n) * time.Second, BrowserClose: n == 0})
	}
	if gs.ID == "" && s.Exists() {
		s.CycleID()
	}
	return s.Commit(ctx)
}
