package show

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

const ours = "sessionscope"

// seen is x as its own browser sees it.
func seen(x trace.Exchange) trace.Seen { return x.Seen(trace.HideNothing) }

// lab gathers exchanges as an application does, with a real engine over the memory store.
type lab struct {
	*testing.T
	side   *seat.Seat
	cookie string      // that the browser keeps, "" for none
	others string      // of its Cookie header
	host   string      // of its address, "" for example.com
	key    session.Key // of the session that it had last
	before *trace.Exchange
}

func newLab(t *testing.T, placement session.Placement) *lab {
	t.Helper()
	return newLabOf(t, placement, false)
}

// newLabOf is newLab, with Secure on the cookie or without.
func newLabOf(t *testing.T, placement session.Placement, secure bool) *lab {
	t.Helper()
	now := time.Now() // it stands still
	seats, err := seat.New(session.Config{
		Now:     func() time.Time { return now },
		Backend: memory.New(memory.Config{MaxSessions: 100}), CookieName: ours, Placement: placement, Secure: secure,
		Secrets: [][]byte{[]byte("a secret of at least 32 bytes, for tests only")},
		OnEvent: func(ctx context.Context, ev session.Event) {
			if x := trace.From(ctx); x != nil {
				x.Add(ev)
			}
		},
	}, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &lab{T: t, side: seats.Root}
}

// request is one that carries the browser's cookies.
func (l *lab) request(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if l.host != "" {
		r.Host = l.host
	}
	var pairs []string
	if l.cookie != "" {
		pairs = append(pairs, ours+"="+l.cookie)
	}
	if l.others != "" {
		pairs = append(pairs, l.others)
	}
	if len(pairs) > 0 {
		r.Header.Set("Cookie", strings.Join(pairs, "; "))
	}
	return r
}

// opens is the session of a request with that cookie alone.
func (l *lab) opens(cookie string) *session.Session {
	l.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", ours+"="+cookie)
	}
	s, err := l.side.Engine.Load(r)
	if err != nil {
		l.Fatal(err)
	}
	return s
}

// press answers a request that does act, and returns its exchange. With put the press
// makes another cookie the browser's, as Drop and Put back do.
func (l *lab) press(target string, put *string, act func(*session.Session)) trace.Seen {
	l.Helper()
	e, x := l.side.Engine, &trace.Exchange{}
	r := l.request("POST", target, "key=name")
	r = r.WithContext(context.WithValue(r.Context(), trace.Key, x))
	x.At = e.Now()
	s, err := e.Load(r)
	if err != nil {
		l.Fatal(err)
	}
	had := l.key
	w := httptest.NewRecorder()
	if act != nil {
		act(s)
	}
	if err := s.Commit(r.Context()); err != nil {
		l.Fatal(err)
	}
	s.WriteCookie(w.Header())
	info := s.Info()
	if put != nil {
		w.Header().Set("Set-Cookie", (&http.Cookie{Name: ours, Value: *put, Path: "/"}).String())
		info = l.opens(*put).Info()
	}
	x.Came(r, tap.Head{}, l.side, "key=name")
	x.Keeps(r, l.side, info, trace.Kept{Put: put, Before: had != session.Key{}})
	x.Leaving(http.StatusOK, w.Header(), l.side)
	if info.Cookie != nil {
		l.key = info.Cookie.RecordKey()
	}
	x.Store.Keeps(r.Context(), e, l.key)
	if had != l.key && had != (session.Key{}) {
		x.Store.Leaves(r.Context(), e, had)
	}
	stats, err := e.Stats(r.Context())
	if err != nil {
		l.Fatal(err)
	}
	x.Store.Figures = trace.Figures{Known: true, Live: stats.Live, Expired: stats.Expired, Bytes: stats.Bytes}
	beside := x.Against(l.before)
	l.before, l.cookie = x, x.Cookie.Kept
	out := seen(*x)
	out.N, out.Beside = 7, beside
	return out
}

// sets is a press that sets a key to a number.
func (l *lab) sets(key, number string) trace.Seen {
	l.Helper()
	return l.press("/set", nil, func(s *session.Session) {
		v, err := session.ParseJSON(number)
		if err != nil {
			l.Fatal(err)
		}
		if err := s.Set(key, v); err != nil {
			l.Fatal(err)
		}
	})
}

// flip changes a letter of a cookie, so that its signature does not fit.
func flip(cookie string) string {
	letter := "A"
	if cookie[60] == 'A' {
		letter = "B"
	}
	return cookie[:60] + letter + cookie[61:]
}

// row is the table's row of the cookie of that name.
func row(b views.Browser, name string) views.JarCookie {
	i := slices.IndexFunc(b.Jar, func(j views.JarCookie) bool { return j.Name == name })
	if i < 0 {
		return views.JarCookie{}
	}
	return b.Jar[i]
}

// field is a field's value as a page shows it.
func field(hs []views.Header, name string) string {
	var b strings.Builder
	for _, h := range hs {
		if h.Name == name {
			for _, p := range h.Parts {
				if p.Kind == "hidden" {
					p.Text = "‹" + p.Text + "›"
				}
				b.WriteString(p.Text)
			}
		}
	}
	return b.String()
}

// A part of a sentence would be lost on its way to the page.
func TestSentence(t *testing.T) {
	t.Parallel()
	got := Sentence(say.Sentence{At: "12:00:00", Tone: "ok", Field: "key", Verb: "set", Parts: []say.Part{{Kind: "code", Text: "name"}, {Text: " is set."}}})
	if got.At != "12:00:00" || got.Tone != "ok" || got.Field != "key" || got.Verb != "set" || !slices.Equal(got.Parts, []views.Part{{Kind: "code", Text: "name"}, {Text: " is set."}}) {
		t.Errorf("%+v", got)
	}
}

// A placement would have no words, or the wrong one would be chosen.
func TestPlacementOptions(t *testing.T) {
	t.Parallel()
	var got []string
	for _, o := range PlacementOptions("hybrid") {
		if o.Title == "" {
			t.Errorf("%s has no title", o.Name)
		}
		got = append(got, o.Label)
		if o.Chosen {
			got = append(got, "chosen")
		}
	}
	if want := "Cookie Hybrid chosen Server"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Markup of an experiment would be shown as text, or text be lost.
func TestRich(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]views.Part{
		"plain":                 {{Text: "plain"}},
		"a `b` {cookie c d}.":   {{Text: "a "}, {Kind: "code", Text: "b"}, {Text: " "}, {Kind: "cookie", Text: "c d"}, {Text: "."}},
		"not {closed":           {{Text: "not {"}, {Text: "closed"}},
		"no {colour of ours} x": {{Text: "no {"}, {Text: "colour of ours} x"}},
		"":                      nil,
	} {
		if got := Rich(in); !slices.Equal(got, want) {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	if got := Plain("a `b` {cookie c d} {x"); got != "a b c d {x" {
		t.Errorf("plain: %q", got)
	}
}

// noon is a moment of a fixed day.
func noon() time.Time { return time.Date(2001, 3, 1, 12, 0, 0, 0, time.Local) }
