package experiment

import (
	"encoding/json"
	"net/http"
	"sync/atomic"

	"github.com/gorilla/sessions"
)

// This file holds the vulnerable twins: small programs over plain gorilla/sessions that
// answer as the application does. They exist in private instances only.

// CookieTwin returns a twin whose sessions are in gorilla's CookieStore. A block key, of 16, 24
// or 32 bytes, encrypts the sessions; with nil they are only signed.
func CookieTwin(hash, block []byte) func(func() string) http.Handler {
	return func(func() string) http.Handler { return Twin(sessions.NewCookieStore(hash, block), false) }
}

// FileTwin returns a twin whose sessions are in gorilla's FilesystemStore.
func FileTwin(hash []byte) func(func() string) http.Handler {
	return func(dir func() string) http.Handler { return Twin(sessions.NewFilesystemStore(dir(), hash), false) }
}

// WriteJSON answers with v.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have left
}

// twin is one program over a store.
type twin struct {
	store   sessions.Store
	stops   bool
	options sessions.Options // the options of each session
	late    atomic.Value     // the error that the last Save of /late returned
}

// Twin returns the program. It answers as the application does:
// {"op":…,"key":…,"found":…,"value":…}. When the store's Get returns an error, a twin that
// stops answers 500, as in gorilla's package documentation; a twin that does not stop goes
// on with the session that Get returns beside the error, as in gorilla's README.
func Twin(store sessions.Store, stops bool) http.Handler {
	t := &twin{store: store, stops: stops}
	// With gorilla's defaults, Secure and SameSite=None, no cookie comes back over plain http.
	t.options = sessions.Options{Path: "/", MaxAge: 30 * 24 * 60 * 60, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	mux := http.NewServeMux()
	mux.Handle("POST /set", t.handle("set", func(r *http.Request, s *sessions.Session) (key string, save bool) {
		s.Values[r.PostFormValue("key")] = r.PostFormValue("value")
		return r.PostFormValue("key"), true
	}))
	mux.Handle("GET /get", t.handle("get", func(r *http.Request, _ *sessions.Session) (key string, save bool) {
		return r.URL.Query().Get("key"), false
	}))
	mux.Handle("POST /login", t.handle("login", func(r *http.Request, s *sessions.Session) (key string, save bool) {
		s.Values["user"] = r.PostFormValue("user")
		return "user", true
	}))
	mux.Handle("POST /logout", t.handle("logout", func(_ *http.Request, s *sessions.Session) (key string, save bool) {
		clear(s.Values)
		s.Options.MaxAge = -1
		return "user", true
	}))
	mux.Handle("POST /expiry", t.handle("expiry", func(_ *http.Request, s *sessions.Session) (key string, save bool) {
		s.Options.MaxAge = 1 // one second
		return "", true
	}))
	mux.HandleFunc("POST /late", t.saveLate)
	mux.HandleFunc("GET /late", func(w http.ResponseWriter, r *http.Request) {
		text, _ := t.late.Load().(string)
		WriteJSON(w, http.StatusOK, map[string]any{"error": text})
	})
	return mux
}

// load returns the session, or nil when it has answered.
func (t *twin) load(w http.ResponseWriter, r *http.Request) *sessions.Session {
	s, err := t.store.Get(r, CookieName)
	if err != nil && t.stops {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return nil
	}
	*s.Options = t.options
	return s
}

// handle loads the session, lets act change it, and saves it if act says so. It answers
// with the key that act names.
func (t *twin) handle(op string, act func(*http.Request, *sessions.Session) (key string, save bool)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := t.load(w, r)
		if s == nil {
			return
		}
		key, save := act(r, s)
		if save {
			if err := s.Save(r, w); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		value, found := s.Values[key]
		WriteJSON(w, http.StatusOK, map[string]any{"op": op, "key": key, "value": value, "found": found})
	})
}

// saveLate writes its answer first and saves the session afterwards, which is the wrong
// way round.
func (t *twin) saveLate(w http.ResponseWriter, r *http.Request) {
	s := t.load(w, r)
	if s == nil {
		return
	}
	s.Values["name"] = "Rahim"
	_, _ = w.Write([]byte("saved"))
	if err := s.Save(r, w); err != nil {
		t.late.Store(err.Error())
	}
}
