package session_test

import (
	"net/http"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// Benchmark measures the session layer without HTTP: from the request's cookie to the
// Set-Cookie header, over the memory store, with alternating values.
func Benchmark(b *testing.B) {
	for _, p := range placements {
		e, err := session.New(session.Config{
			Backend: memory.New(memory.Config{}), Secrets: [][]byte{secret}, CookieName: "sessionscope", Placement: p,
		})
		if err != nil {
			b.Fatal(err)
		}
		cookie := ""
		request := func(act func(s *session.Session)) {
			r := &http.Request{Header: http.Header{"Cookie": {"sessionscope=" + cookie}}}
			s, err := e.Load(r)
			if err != nil {
				b.Fatal(err)
			}
			act(s)
			if err := s.Commit(b.Context()); err != nil {
				b.Fatal(err)
			}
			if c := s.SetCookie(); c != nil {
				s.WriteCookie(http.Header{})
				cookie = c.Value
			}
		}
		values := [2]session.Value{`"Rahim"`, `"Karim"`}
		request(func(s *session.Session) { s.Set("name", values[1]) })
		b.Run("read/"+p.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				request(func(s *session.Session) {
					if _, ok := s.Get("name"); !ok {
						b.Fatal("missing")
					}
				})
			}
		})
		n := 0
		b.Run("write/"+p.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				request(func(s *session.Session) { s.Set("name", values[n%2]) })
				n++
			}
		})
	}
}
