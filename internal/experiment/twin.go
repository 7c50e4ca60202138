package experiment

import (
	"encoding/json"
	"net/http"
	"sync/atomic"

	"github.com/gorilla/sessions"
)

// This file holds the vulnerable twins: small programs that do as the application
// does, over plain gorilla/sessions. They exist in private instances only.

// CookieTwin is a twin whose sessions are in gorilla's CookieStore. With a block
// key, of 16, 24 or 32 bytes, they are encrypted too.
func CookieTwin(hash, block []byte) func(func() string) http.Handler {
	return func(func() string) http.Handler { return Twin(sessions.NewCookieStore(hash, block), false) }
}

// FileTwin is a twin whose sessions are in gorilla's FilesystemStore.
func FileTwin(hash []byte) func(func() string) http.Handler {
	return func(dir func() string) http.Handler { return Twin(sessions.NewFilesystemStore(dir(), hash), false) }
}

// WriteJSON answers with v.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have left
}

// Twin is the program. It answers as the application does:
// {"op":…,"key":…,"found":…,"value":…}. When the store's Get returns an error, one
// that stops answers 500, as gorilla's package documentation does; the other goes on
// with the session that Get returns beside it, as gorilla's README does.
func Twin(store sessions.Store, stops bool) http.Handler {
	// Of gorilla's defaults, Secure and SameSite=None let no cookie come back over plain http.
	options := &sessions.Options{Path: "/", MaxAge: 30 * 24 * 60 * 60, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	// load returns the session, or nil when it has answered.
	load := func(w http.ResponseWriter, r *http.Request) *sessions.Session {
		s, err := store.Get(r, CookieName)
		if err != nil && stops {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return nil
		}
		*s.Options = *options
		return s
	}
	var late atomic.Value // what the last Save of /late returned
	mux := http.NewServeMux()
	// handle loads the session, lets f change it, and saves it if f says so.
	handle := func(pattern string, f func(r *http.Request, s *sessions.Session) (op, key string, save bool)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s := load(w, r)
			if s == nil {
				return
			}
			op, key, save := f(r, s)
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
	handle("POST /set", func(r *http.Request, s *sessions.Session) (string, string, bool) {
		s.Values[r.PostFormValue("key")] = r.PostFormValue("value")
		return "set", r.PostFormValue("key"), true
	})
	handle("GET /get", func(r *http.Request, s *sessions.Session) (string, string, bool) {
		return "get", r.URL.Query().Get("key"), false
	})
	handle("POST /login", func(r *http.Request, s *sessions.Session) (string, string, bool) {
		s.Values["user"] = r.PostFormValue("user")
		return "login", "user", true
	})
	handle("POST /logout", func(r *http.Request, s *sessions.Session) (string, string, bool) {
		clear(s.Values)
		s.Options.MaxAge = -1
		return "logout", "user", true
	})
	handle("POST /expiry", func(r *http.Request, s *sessions.Session) (string, string, bool) {
		s.Options.MaxAge = 1 // one second
		return "expiry", "", true
	})
	mux.HandleFunc("POST /late", func(w http.ResponseWriter, r *http.Request) {
		s := load(w, r)
		if s == nil {
			return
		}
		s.Values["name"] = "Rahim"
		_, _ = w.Write([]byte("saved"))
		if err := s.Save(r, w); err != nil {
			late.Store(err.Error())
		}
	})
	mux.HandleFunc("GET /late", func(w http.ResponseWriter, r *http.Request) {
		text, _ := late.Load().(string)
		WriteJSON(w, http.StatusOK, map[string]any{"error": text})
	})
	return mux
}
