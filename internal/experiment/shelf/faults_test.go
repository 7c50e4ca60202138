package shelf_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

// dropCookies removes the Set-Cookie of an answer.
func dropCookies(_ *http.Request, w *httptest.ResponseRecorder) { w.Header().Del("Set-Cookie") }

// answering is a server whose answers change can edit before they leave.
func answering(change func(*http.Request, *httptest.ResponseRecorder)) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			change(r, rec)
			for name, lines := range rec.Header() {
				w.Header()[name] = lines
			}
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes())
		})
	}
}

// rerouted is a server that does another press than the browser asked for.
func rerouted(path, other string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path {
				r.URL.Path, r.RequestURI = other, other
			}
			h.ServeHTTP(w, r)
		})
	}
}

// onSet is a server that lets f answer POST /set.
func onSet(h http.Handler, f func(w http.ResponseWriter, r *http.Request, form url.Values)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/set" {
			h.ServeHTTP(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		r.Body = io.NopCloser(bytes.NewReader(body))
		f(w, r, form)
	})
}

// instead answers with JSON in h's place. h is asked for something harmless
// meanwhile: an exchange ends when the application has seen its request.
func instead(h http.Handler, w http.ResponseWriter, r *http.Request, answer any) {
	r = r.Clone(r.Context())
	r.Method, r.URL.Path, r.Body = http.MethodGet, "/keys", http.NoBody
	h.ServeHTTP(httptest.NewRecorder(), r)
	_ = json.NewEncoder(w).Encode(answer)
}

// forgetful is a store that is empty whenever its program starts.
func forgetful(b session.Backend) session.Backend {
	ctx := context.Background()
	var keys []session.Key
	for e, err := range b.All(ctx) {
		if err == nil {
			keys = append(keys, e.Key)
		}
	}
	for _, k := range keys {
		_ = b.Delete(ctx, k) // what stays is found by the run
	}
	return b
}

// answerGet answers as a /get is answered; nil is a missing value.
func answerGet(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"found": value != nil, "value": value})
}

// aside lets the real server see a request that was answered already: the client waits for
// what the private instance notes of each request.
func aside(h http.Handler, r *http.Request) { h.ServeHTTP(httptest.NewRecorder(), r) }

// believing is a server that reads its cookies and does not verify them.
func believing(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(experiment.CookieName)
		if err != nil {
			h.ServeHTTP(w, r)
			return
		}
		var byJSON map[string]any
		var byGob map[any]any
		l, _ := session.Peel(c.Value)
		if e, ok := l.Envelope(); ok {
			_ = json.Unmarshal([]byte(e.Values), &byJSON)
			answerGet(w, byJSON[r.URL.Query().Get("key")])
			aside(h, r)
			return
		}
		_ = gob.NewDecoder(bytes.NewReader(payload(c.Value))).Decode(&byGob)
		answerGet(w, byGob[r.URL.Query().Get("key")])
	})
}

// passing replaces the cookie that the client sent. f gets it and all cookies that the server
// issued, and returns the cookie to pass on, "" for none, or a status to answer with.
func passing(f func(issued []string, sent string) (string, int)) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		var mu sync.Mutex
		var issued []string
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := r.Cookie(experiment.CookieName); err == nil {
				mu.Lock()
				value, status := f(issued, c.Value)
				mu.Unlock()
				if status != 0 {
					http.Error(w, "no", status)
					aside(h, r)
					return
				}
				r.Header.Del("Cookie")
				if value != "" {
					r.Header.Set("Cookie", experiment.CookieName+"="+value)
				}
			}
			copied := &copying{ResponseWriter: w, status: http.StatusOK}
			h.ServeHTTP(copied, r)
			if value := (seen{setCookie: copied.sent}).sent(); value != "" {
				mu.Lock()
				issued = append(issued, value)
				mu.Unlock()
			}
		})
	}
}

// rewriting is a server with something before it that changes what comes in.
func rewriting(change func(r *http.Request)) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			change(r)
			h.ServeHTTP(w, r)
		})
	}
}

// unversioned is a store that saves over whatever is there.
type unversioned struct {
	session.Backend
	mu sync.Mutex
}

func (u *unversioned) Save(ctx context.Context, k session.Key, r session.Record) (uint64, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	is, err := u.Load(ctx, k)
	if err != nil {
		return 0, err
	}
	r.Version = is.Version
	return u.Backend.Save(ctx, k, r)
}

func unversionedStore(b session.Backend) session.Backend { return &unversioned{Backend: b} }

// answeredInstead answers some requests itself. The program behind it sees a read in their
// place, since the client waits for what the private instance notes of each request.
func answeredInstead(is func(*http.Request) bool, status int, body string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !is(r) {
				h.ServeHTTP(w, r)
				return
			}
			read := r.Clone(r.Context())
			read.Method, read.URL.Path, read.Body = http.MethodGet, "/get", http.NoBody
			h.ServeHTTP(httptest.NewRecorder(), read)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})
	}
}

func onRoute(method, path string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method && r.URL.Path == path }
}

// unwritten refuses the first so many requests for a path.
func unwritten(path string, times int) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		left := times
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path && left > 0 {
				left--
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
}

// resetForm puts form in the place of r's body.
func resetForm(r *http.Request, form url.Values) {
	body := form.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
}

// noCookie is a ResponseWriter whose answers set no cookie.
type noCookie struct{ http.ResponseWriter }

func (n *noCookie) WriteHeader(status int) {
	n.Header().Del("Set-Cookie")
	n.ResponseWriter.WriteHeader(status)
}

func (n *noCookie) Write(p []byte) (int, error) {
	n.Header().Del("Set-Cookie")
	return n.ResponseWriter.Write(p)
}

func (n *noCookie) Unwrap() http.ResponseWriter { return n.ResponseWriter }
