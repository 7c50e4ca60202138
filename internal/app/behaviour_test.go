package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/stores"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// promises are the engine's promises, seen from outside: over the real router,
// by browsers that keep cookies. A promise about records is not for placement
// cookie, which has none.
var promises = []struct {
	name    string
	records bool
	check   func(*world)
}{
	{"1 reading never creates", false, readingNeverCreates},
	{"2 a client never chooses an ID", false, idIsNotChosen},
	{"3 born on the first write", false, bornOnFirstWrite},
	{"4 no change is no write", false, noChangeNoWrite},
	{"5 clear keeps the session", false, clearKeeps},
	{"5 flush kills every cookie of before", false, flushKills},
	{"5 flush acts when called", false, flushActs},
	{"6 cycle moves the data and kills the ID", false, cycleMoves},
	{"6 a move takes nothing along", false, moveTakesNothing},
	{"7 two clocks", false, twoClocks},
	{"7 rolling", true, rolling},
	{"7 an expiry of its own", false, ownExpiry},
	{"8 expired reads as absent", false, expiredIsAbsent},
	{"8 expired is not cleared", true, expiredIsNotCleared},
	{"9 parallel sets of different keys survive", true, parallelSets},
	{"9 parallel increments are all counted", true, parallelIncrements},
	{"9 an ended session is not revived", false, nothingRevived},
	{"9 a stale cookie is said to be stale", true, staleIsSaid},
	{"10 settle, commit, render", false, settleCommit},
	{"11 limits change nothing", false, limits},
	{"11 a full store refuses no logout", true, fullStore},
	{"12 corrupt reads as absent", true, corrupt},
	{"12 an outage is no logout", false, outage},
	{"13 the ID stays in the cookie", false, idStaysInCookie},
	{"14 secrets rotate", false, secretsRotate},
}

func TestBehaviour(t *testing.T) {
	for _, store := range stores.All {
		for _, placement := range session.Placements() {
			t.Run(placement+" × "+store.Name, func(t *testing.T) {
				t.Parallel()
				for _, promise := range promises {
					if promise.records && placement == "cookie" {
						continue
					}
					t.Run(promise.name, func(t *testing.T) {
						promise.check(&world{T: t, store: store, placement: placement})
					})
				}
			})
		}
	}
}

// world is one application with its clock and its store, and what they did.
type world struct {
	*testing.T
	store     stores.Store
	placement string

	app     *App
	clock   *storetest.Clock
	backend *storetest.Hooked
	writes  atomic.Int64                                               // store operations that may write
	hook    func(ctx context.Context, op string) (before, after error) // of this test, may be nil
	log     lines
}

// lines is a log. Several requests write it at the same time.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start starts the application with an empty store for max sessions, 0 for no
// limit, and some routes for what the real ones do not do.
func (w *world) start(max int, change func(*Config)) *world {
	w.Helper()
	w.clock = storetest.NewClock()
	w.backend = &storetest.Hooked{Backend: w.store.Open(w, max, w.clock.Now), Hook: func(ctx context.Context, op string) (before, after error) {
		switch op {
		case "create", "save", "touch", "delete":
			w.writes.Add(1)
		}
		if w.hook != nil {
			return w.hook(ctx, op)
		}
		return nil, nil
	}}
	placement, err := session.ParsePlacement(w.placement)
	if err != nil {
		w.Fatal(err)
	}
	w.app = newApp(w.T, func(c *Config) {
		c.Sessions.Backend, c.Sessions.Now, c.Sessions.Placement = w.backend, w.clock.Now, placement
		c.StoreName, c.Log = w.store.Name, slog.New(slog.NewTextHandler(&w.log, nil))
		if change != nil {
			change(c)
		}
	})
	staged := func(path string, act func(*call, *session.Session) error) {
		w.app.echo.POST(path, handler(w.app.with(func(c *call) error { return act(c, c.session) })))
	}
	set := func(s *session.Session, key string) {
		if err := s.Set(key, `"x"`); err != nil {
			w.Error(err)
		}
	}
	staged("/test/increment", func(c *call, s *session.Session) error {
		return s.Update("count", func(old session.Value, _ bool) session.Value {
			var n int
			fmt.Sscan(string(old), &n)
			return session.Value(fmt.Sprint(n + 1))
		})
	})
	staged("/test/no-body", func(c *call, s *session.Session) error { set(s, "staged"); return nil })
	staged("/test/404", func(c *call, s *session.Session) error { set(s, "staged"); return c.String(404, "nothing") })
	staged("/test/500", func(c *call, s *session.Session) error { set(s, "staged"); return c.String(500, "broken") })
	staged("/test/error", func(c *call, s *session.Session) error { set(s, "staged"); return errors.New("broken") })
	staged("/test/refuse", func(c *call, s *session.Session) error {
		set(s, "staged")
		return &session.InputError{Field: "key", Text: "no"}
	})
	staged("/test/twice", func(c *call, s *session.Session) error {
		for _, key := range []string{"staged", "more"} {
			set(s, key)
			if err := c.commitRead(); err != nil {
				return err
			}
		}
		return nil
	})
	staged("/test/flush-and-fail", func(c *call, s *session.Session) error {
		if err := s.Flush(c.Request().Context()); err != nil {
			return err
		}
		return errors.New("broken")
	})
	staged("/test/late", func(c *call, _ *session.Session) error {
		st := gorillaStore{}
		gs, err := st.Get(c.Request(), cookieName)
		if err != nil {
			return err
		}
		gs.Values["staged"] = "x"
		if err := c.String(200, "the first byte"); err != nil {
			return err
		}
		if err := gs.Save(c.Request(), c.Response()); !errors.Is(err, errTooLate) {
			w.Errorf("a Save after the first byte: %v, want errTooLate", err)
		}
		return nil
	})
	staged("/test/until", func(c *call, s *session.Session) error { // a minute from now
		s.SetExpiry(session.Expiry{At: w.clock.Now().Add(time.Minute)})
		return nil
	})
	return w
}

func (w *world) browser() *browser { return newBrowser(w.T, w.app, formJSON) }

// born is a browser with a session: "name" is small, "big" is held by the server
// with hybrid too.
func (w *world) born() *browser {
	w.Helper()
	b := w.browser()
	b.post("/set", "key", "name", "value", "Rahim").want(200)
	b.post("/set", "key", "big", "value", large).want(200)
	return b
}

var large = strings.Repeat("x", 300)

// holding is another browser with that cookie.
func (w *world) holding(cookie string) *browser {
	b := w.browser()
	u, _ := url.Parse(origin)
	b.jar.SetCookies(u, []*http.Cookie{{Name: cookieName, Value: cookie}})
	return b
}

// quiet does a request that must not write to the store nor set a cookie.
func (w *world) quiet(b *browser, method, target string, pairs ...string) answer {
	w.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	before := w.writes.Load()
	a := b.send(b.request(method, target, form.Encode()))
	if n := w.writes.Load() - before; n != 0 || a.Header.Get("Set-Cookie") != "" {
		w.Errorf("%s %s: %d writes, Set-Cookie %q; want none", method, target, n, a.Header.Get("Set-Cookie"))
	}
	return a
}

// wantKeys checks what b sees, and that looking writes nothing.
func (w *world) wantKeys(b *browser, want ...string) {
	w.Helper()
	got := []string{}
	for _, key := range w.quiet(b, "GET", "/keys").want(200).json()["keys"].([]any) {
		got = append(got, key.(string))
	}
	if !slices.Equal(got, want) && len(got)+len(want) > 0 {
		w.Fatalf("keys %v, want %v", got, want)
	}
}

func (w *world) wantStats(live, expired int) {
	w.Helper()
	got := w.browser().get("/session").want(200).json()["stats"].(map[string]any)
	if got["sessions"] != float64(live) || got["expired"] != float64(expired) {
		w.Errorf("the store has %v, want %d live and %d expired", got, live, expired)
	}
}

// records is how many records n sessions have.
func (w *world) records(n int) int {
	if w.placement == "cookie" {
		return 0
	}
	return n
}

func about(a answer) map[string]any {
	a.t.Helper()
	return a.json()["session"].(map[string]any)
}

// id is the session's short name, "" without a session.
func id(a answer) string {
	a.t.Helper()
	name, _ := about(a)["id"].(string)
	return name
}

// sent returns the cookie that a sets, which must be there.
func sent(a answer) *http.Cookie {
	a.t.Helper()
	cookies := a.Cookies()
	if len(cookies) != 1 || cookies[0].Name != cookieName || !cookies[0].HttpOnly || cookies[0].Path != "/" || cookies[0].SameSite != http.SameSiteLaxMode {
		a.t.Fatalf("cookies %v", cookies)
	}
	return cookies[0]
}

func readingNeverCreates(w *world) {
	w.start(0, nil)
	flushed := w.born().cookie()
	w.holding(flushed).post("/flush").want(200)
	expired := w.born().cookie()
	w.clock.Move(9 * time.Hour)
	w.browser().post("/clear-expired").want(200)
	for name, cookie := range map[string]string{
		"none": "", "garbled": "xyz", "flushed": flushed, "expired": expired, "forged": flushed[:50] + "A" + flushed[51:],
	} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, target := range []string{"/", "/get?key=name", "/keys", "/session", "/nope"} {
				w.quiet(w.holding(cookie), method, target)
			}
		}
		for target, form := range map[string][]string{
			"/delete": {"key", "name"}, "/clear": nil, "/flush": nil, "/cycle-id": nil, "/expiry": {"seconds", "5"},
			"/placement": {"placement", "server"}, "/logout": nil,
		} {
			if a := w.quiet(w.holding(cookie), "POST", target, form...).want(200); about(a)["exists"] != false {
				w.Errorf("%s with a cookie that is %s: %s", target, name, a.body)
			}
		}
	}
	w.wantStats(0, 0)
	if w.born(); w.placement != "cookie" { // the control
		w.wantStats(1, 0)
	}
}

func idIsNotChosen(w *world) {
	w.start(0, nil)
	chosen := "AAAAAAAAAAAAAAAAAAAAAAAAAA"
	cookies := map[string]string{"a bare ID": chosen, "empty": "", "a script": "<script>"}
	if w.placement != "cookie" { // without a record nobody can tell
		elsewhere := &world{T: w.T, store: w.store, placement: w.placement}
		cookies["signed, of another store"] = elsewhere.start(0, nil).born().cookie()
	}
	b := w.born()
	cookies["signed, and flushed"] = b.cookie()
	b.post("/flush")
	names := map[string]bool{session.KeyOf(chosen).Name().String(): true}
	for name, cookie := range cookies {
		if v, err := w.app.seats.Root.Engine.Load(w.holding(cookie).request("GET", "/", "")); err == nil && v.Info().Cookie != nil {
			names[session.KeyOf(v.Info().Cookie.Envelope().ID).Name().String()] = true
		}
		b := w.holding(cookie)
		w.wantKeys(b)
		if is := id(b.post("/set", "key", "a", "value", "1").want(200)); is == "" || names[is] {
			w.Errorf("%s: the new session has the ID %q", name, is)
		} else {
			names[is] = true
		}
		w.wantKeys(b, "a")
	}
}

func bornOnFirstWrite(w *world) {
	w.start(0, nil)
	b := w.browser()
	first := b.post("/set", "key", "a", "value", "1").want(200)
	if c := sent(first); c.MaxAge != 28800 || c.Secure {
		w.Errorf("the first cookie is %v", c)
	}
	if n := w.writes.Load(); n != int64(w.records(1)) {
		w.Errorf("%d writes to the store", n)
	}
	w.wantStats(w.records(1), 0)
	if again := b.post("/set", "key", "b", "value", "2").want(200); id(again) != id(first) || id(first) == "" {
		w.Errorf("the ID %q became %q", id(first), id(again))
	}
	w.wantStats(w.records(1), 0)
}

func noChangeNoWrite(w *world) {
	w.start(0, nil)
	b := w.born()
	b.post("/set", "key", "n", "value", `{"a":[1,{"b":2}]}`, "type", "json").want(200)
	version := about(b.get("/keys"))["version"].(float64)
	w.quiet(b, "POST", "/delete", "key", "nope").want(200)
	w.quiet(b, "POST", "/set", "key", "name", "value", "Rahim").want(200)
	w.quiet(b, "POST", "/set", "key", "n", "value", `{ "a": [1, {"b": 2}] }`, "type", "json").want(200)
	w.quiet(b, "POST", "/placement", "placement", w.placement).want(200)
	if got := about(b.get("/keys"))["version"]; got != version {
		w.Errorf("version %v after no change, before %v", got, version)
	}
	b.post("/set", "key", "n", "value", `{"a":[1,{"b":3}]}`, "type", "json").want(200)
	if got := about(b.get("/keys"))["version"]; got != version+1 {
		w.Errorf("a change inside a value: version %v after %v", got, version)
	}
}

func clearKeeps(w *world) {
	w.start(0, nil)
	b := w.born()
	old, was := w.holding(b.cookie()), id(b.get("/keys"))
	if is := id(b.post("/clear").want(200)); is != was || is == "" {
		w.Errorf("clear changed the ID from %q to %q", was, is)
	}
	w.wantKeys(b)
	w.wantStats(w.records(1), 0)
	if w.placement != "cookie" { // there nothing could tell an older cookie
		w.wantKeys(old)
	}
	w.quiet(b, "POST", "/clear").want(200)
}

func flushKills(w *world) {
	w.start(0, nil)
	b := w.browser()
	var cookies []string
	for _, step := range [][]string{{"key", "name", "value", "Rahim"}, {"key", "big", "value", large}, {"key", "more", "value", "x"}} {
		b.post("/set", step...).want(200)
		cookies = append(cookies, b.cookie())
	}
	w.wantKeys(w.holding(cookies[2]), "big", "more", "name") // the control
	was := id(b.get("/keys"))
	if c := sent(b.post("/flush").want(200)); c.MaxAge != -1 || c.Value != "" {
		w.Errorf("flush sends %v", c)
	}
	w.wantStats(0, 0)
	for _, after := range []time.Duration{0, 31 * time.Second, time.Hour} {
		w.clock.Move(after)
		w.browser().post("/clear-expired").want(200)
		for _, cookie := range cookies {
			w.wantKeys(w.holding(cookie))
		}
	}
	late := w.holding(cookies[2])
	if is := id(late.post("/set", "key", "a", "value", "1").want(200)); is == was {
		w.Error("a flushed ID came back")
	}
	w.wantKeys(late, "a")
}

func flushActs(w *world) {
	w.start(0, nil)
	b := w.born()
	old := w.holding(b.cookie())
	if c := sent(b.post("/test/flush-and-fail").want(500)); c.MaxAge != -1 {
		w.Errorf("the failing page sends %v", c)
	}
	w.wantKeys(old)
	w.wantStats(0, 0)
}

func cycleMoves(w *world) {
	w.start(0, nil)
	b := w.born()
	old, was := w.holding(b.cookie()), b.get("/session").json()
	w.clock.Move(time.Hour)
	a := b.post("/cycle-id").want(200)
	if id(a) == was["id"] || a.json()["id_before"] != was["id"] || sent(a).MaxAge != 7*3600 {
		w.Errorf("cycle says %s, Max-Age %d", a.body, sent(a).MaxAge)
	}
	if is := b.get("/session").json(); is["expires"] != was["expires"] {
		w.Errorf("the absolute end moved from %v to %v", was["expires"], is["expires"])
	}
	w.wantKeys(b, "big", "name")
	w.wantStats(w.records(1), 0)
	kept := old.cookie()
	for _, after := range []time.Duration{0, 29 * time.Second} {
		w.clock.Move(after)
		w.wantKeys(old)
		for target, form := range map[string][]string{"/set": {"key", "a", "value", "1"}, "/flush": nil, "/login": {"user", "eve"}} {
			if a := old.post(target, form...).want(409); a.Header.Get("Set-Cookie") != "" || old.cookie() != kept {
				w.Errorf("%s with the old ID sent a cookie", target)
			}
		}
	}
	w.clock.Move(time.Second)
	w.wantKeys(old)
	if is := id(old.post("/set", "key", "a", "value", "1").want(200)); is == was["id"] || is == id(b.get("/keys")) {
		w.Errorf("the old ID came back as %q", is)
	}
	w.wantKeys(b, "big", "name")
}

func twoClocks(w *world) {
	w.start(0, nil)
	b := w.born()
	w.clock.Move(2*time.Hour - time.Millisecond)
	w.wantKeys(b, "big", "name") // reading moves nothing
	w.clock.Move(time.Millisecond)
	w.wantKeys(b)

	b = w.born()
	for n := range 4 {
		w.clock.Move(2*time.Hour - time.Minute)
		b.post("/set", "key", "name", "value", fmt.Sprint(n)).want(200)
	}
	w.clock.Move(4*time.Minute - time.Millisecond)
	w.wantKeys(b, "big", "name")
	w.clock.Move(time.Millisecond)
	w.wantKeys(b)

	b = w.born()
	w.clock.Move(-time.Minute) // a step back ends nothing, and no label is below zero
	w.wantKeys(b, "big", "name")
	if age := sent(b.post("/expiry", "seconds", "").want(200)).MaxAge; age != 8*3600+60 {
		w.Errorf("Max-Age %d a minute before the session was born", age)
	}
	w.clock.Move(100 * 365 * 24 * time.Hour) // a leap ends it, once
	w.wantKeys(b)
	w.clock.Move(-100 * 365 * 24 * time.Hour)
	w.wantKeys(b, "big", "name")
}

func rolling(w *world) {
	w.start(0, func(c *Config) { c.Sessions.Rolling = true })
	b := w.born()
	version := about(b.get("/keys"))["version"]
	for range 3 {
		w.clock.Move(2*time.Hour - time.Minute)
		if a := b.get("/keys").want(200, `"big"`); a.Header.Get("Set-Cookie") != "" || about(a)["version"] != version {
			w.Errorf("a rolling read: %s, Set-Cookie %q", a.body, a.Header.Get("Set-Cookie"))
		}
	}
	w.clock.Move(2*time.Hour - time.Minute)
	b.get("/keys").want(200, `"big"`)
	w.clock.Move(5 * time.Minute) // the absolute end
	b.get("/keys").want(200).wantNo(`"big"`)
}

func ownExpiry(w *world) {
	w.start(0, nil)
	expire := func(b *browser, seconds string) *http.Cookie {
		return sent(b.post("/expiry", "seconds", seconds).want(200))
	}

	b := w.born()
	if c := expire(b, "5"); c.MaxAge != 5 {
		w.Errorf("Max-Age %d, want 5", c.MaxAge)
	}
	w.clock.Move(4 * time.Second)
	if c := sent(b.post("/set", "key", "name", "value", "x").want(200)); c.MaxAge != 5 { // each write starts it again
		w.Errorf("after a write Max-Age is %d, want 5", c.MaxAge)
	}
	w.clock.Move(5*time.Second - time.Millisecond)
	w.wantKeys(b, "big", "name")
	w.clock.Move(time.Millisecond)
	w.wantKeys(b)

	b = w.born()
	if c := expire(b, "360000"); c.MaxAge != 8*3600 {
		w.Errorf("Max-Age %d beyond the lifetime", c.MaxAge)
	}
	if c := expire(b, "0"); c.MaxAge != 0 || strings.Contains(c.Raw, "Max-Age") || strings.Contains(c.Raw, "Expires") {
		w.Errorf("until the browser closes: %s", c.Raw)
	}
	if got := b.get("/session").json()["browser_close"]; got != true {
		w.Errorf("browser_close %v", got)
	}
	if c := expire(b, ""); c.MaxAge != 8*3600 {
		w.Errorf("back to the policy: Max-Age %d", c.MaxAge)
	}
	if c := sent(b.post("/test/until").want(200)); c.MaxAge != 60 {
		w.Errorf("at an instant: Max-Age %d", c.MaxAge)
	}
	w.clock.Move(59 * time.Second)
	b.post("/set", "key", "name", "value", "y").want(200) // does not move it
	w.clock.Move(time.Second)
	w.wantKeys(b)

	b = w.born()
	old := w.holding(b.cookie())
	if c := expire(b, "-1"); c.MaxAge != -1 || c.Value != "" {
		w.Errorf("a past expiry sends %v", c)
	}
	w.wantKeys(old)
}

func expiredIsAbsent(w *world) {
	w.start(0, nil)
	b := w.born()
	was := id(b.get("/keys"))
	w.clock.Move(2 * time.Hour)
	w.wantKeys(b)
	for _, target := range []string{"/cycle-id", "/flush", "/clear"} {
		w.quiet(b, "POST", target).want(200, `"exists":false`)
	}
	if is := id(b.post("/set", "key", "a", "value", "1").want(200)); is == was {
		w.Error("an expired ID was used again")
	}
	w.wantKeys(b, "a")
}

func expiredIsNotCleared(w *world) {
	w.start(0, nil)
	w.born()
	w.clock.Move(time.Hour)
	b := w.born()
	w.clock.Move(time.Hour)
	w.wantStats(1, 1)
	for _, want := range []float64{1, 0} {
		if got := b.post("/clear-expired").want(200).json()["removed"]; got != want {
			w.Errorf("%v removed, want %v", got, want)
		}
	}
	w.wantStats(1, 0)
	w.wantKeys(b, "big", "name")
}

func parallelSets(w *world) {
	w.start(0, nil)
	b := w.born()
	cookie := b.cookie()
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			w.holding(cookie).post("/set", "key", fmt.Sprintf("k%02d", n), "value", large).want(200)
		})
	}
	wg.Wait()
	if got := len(b.get("/keys").json()["keys"].([]any)); got != 52 {
		w.Errorf("%d keys, want 52", got)
	}
}

func parallelIncrements(w *world) {
	w.start(0, nil)
	b := w.born()
	b.post("/placement", "placement", "server").want(200) // so that the counter is held there with hybrid too
	cookie := b.cookie()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { w.holding(cookie).post("/test/increment").want(200) })
	}
	wg.Wait()
	b.get("/get?key=count").want(200, `"value":50,`)
}

// moveTakesNothing: a write that had loaded the session before it moved, and a move
// whose answer was lost.
func moveTakesNothing(w *world) {
	for _, to := range session.Placements() {
		for _, value := range []string{"small", large} {
			w.start(0, nil)
			b := w.born()
			b.post("/set", "key", "a1", "value", "1").want(200)
			late := w.holding(b.cookie())
			w.hook = func(_ context.Context, op string) (_, _ error) {
				if op == "load" {
					w.hook = func(context.Context, string) (_, _ error) {
						w.hook = nil
						b.post("/placement", "placement", to).want(200)
						return nil, nil
					}
				}
				return nil, nil
			}
			a := late.post("/set", "key", "late", "value", value)
			if w.hook != nil || a.StatusCode != 200 && a.StatusCode != 409 {
				w.Fatalf("to %s: the late write got %d, and the move was made: %v", to, a.StatusCode, w.hook == nil)
			}
			if a.Header.Get("Set-Cookie") != "" { // the later answer is the one that the browser keeps
				b = late
			}
			want := []string{"a1", "big", "name"}
			if a.StatusCode == 200 {
				want = []string{"a1", "big", "late", "name"}
			}
			w.wantKeys(b, want...)
		}
	}
}

// nothingRevived: a write that had loaded the session before it ended. The end
// comes between its load and its first write, and then at any time.
func nothingRevived(w *world) {
	for name, act := range map[string]func(b *browser){
		"flush":  func(b *browser) { b.post("/flush").want(200) },
		"logout": func(b *browser) { b.post("/logout").want(200) },
		"cycle":  func(b *browser) { b.post("/cycle-id").want(200) },
		"past":   func(b *browser) { b.post("/expiry", "seconds", "-1").want(200) },
	} {
		w.start(0, nil)
		b := w.born()
		late := w.holding(b.cookie())
		kept := late.cookie()
		w.hook = func(_ context.Context, op string) (before, after error) {
			if op == "load" {
				w.hook = func(_ context.Context, op string) (before, after error) {
					w.hook = nil
					act(b) // before the late request's next operation
					return nil, nil
				}
			}
			return nil, nil
		}
		if a := late.post("/set", "key", "late", "value", large).want(409); a.Header.Get("Set-Cookie") != "" || late.cookie() != kept {
			w.Errorf("%s: the late write got a cookie", name)
		}
		w.wantKeys(late)
		if name == "cycle" {
			w.wantKeys(b, "big", "name")
			w.wantStats(w.records(1), 0)
		} else {
			w.wantKeys(b)
			if got := b.get("/session").json()["stats"].(map[string]any)["sessions"]; got != 0.0 {
				w.Errorf("%s: %v sessions live", name, got)
			}
		}
	}

	w.start(0, nil)
	for range 10 {
		b := w.born()
		cookie := b.cookie()
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				a := w.holding(cookie).post("/delete", "key", [...]string{"name", "big"}[n%2])
				if a.StatusCode != 200 && a.StatusCode != 409 {
					w.Errorf("a delete that met a flush: %d", a.StatusCode)
				}
			})
		}
		wg.Go(func() { b.post("/flush").want(200) })
		wg.Wait()
		w.wantKeys(w.holding(cookie))
		w.wantStats(0, 0)
	}
}

func staleIsSaid(w *world) {
	w.start(0, nil)
	b := w.born()
	old := w.holding(b.cookie())
	b.post("/set", "key", "name", "value", "Karim").want(200)
	want := map[string]string{"hybrid": "stale", "server": "ok"}[w.placement] // a cookie without values is never stale
	for b, want := range map[*browser]string{old: want, b: "ok"} {
		if got := b.get("/session").json()["cookie"].(map[string]any)["verdict"]; got != want {
			w.Errorf("verdict %v, want %s", got, want)
		}
	}
	old.post("/set", "key", "more", "value", "x").want(200) // not refused
}

func settleCommit(w *world) {
	for _, test := range []struct {
		target string
		status int
		saved  bool
	}{
		{"/test/no-body", 200, true}, {"/test/404", 404, true}, {"/test/twice", 200, true},
		{"/test/500", 500, false}, {"/test/error", 500, false}, {"/set", 500, false}, {"/test/late", 200, false}, {"/test/refuse", 422, false},
	} {
		for _, exists := range []bool{false, true} {
			w.start(0, nil)
			b := w.browser()
			want := []string{}
			if exists {
				b = w.born()
				want = append(want, "big", "name")
			}
			kept := b.cookie()
			a := b.post(test.target, "key", "staged", "value", "x", "fail", "500").want(test.status)
			if test.saved {
				want = append(want, "staged")
				if test.target == "/test/twice" {
					want = slices.Sorted(slices.Values(append(want, "more")))
				}
			} else if a.Header.Get("Set-Cookie") != "" || b.cookie() != kept {
				w.Errorf("%s sent a cookie", test.target)
			}
			if got := len(a.Header["Set-Cookie"]); !exists && test.saved && got != 1 {
				w.Errorf("%s sent %d cookies", test.target, got)
			}
			w.wantKeys(b, want...)
		}
	}
}

func limits(w *world) {
	w.start(0, nil)
	b := w.browser()
	b.post("/set", "key", "name", "value", "Rahim").want(200)
	type limit struct {
		limit string
		max   float64
		key   string
	}
	refused := func(want limit, pairs ...string) {
		w.Helper()
		p := w.quiet(b, "POST", "/set", pairs...).want(413).json()
		if p["limit"] != want.limit || p["max"] != want.max || p["key"] != want.key || p["size"].(float64) <= want.max {
			w.Errorf("problem %v, want %+v", p, want)
		}
	}
	refused(limit{"value", 65536, "v"}, "key", "v", "value", strings.Repeat("x", 65535))
	w.quiet(b, "POST", "/set", "key", strings.Repeat("k", 129), "value", "1").want(422, "at most 128")
	if w.placement == "cookie" {
		refused(limit{"cookie", 4096, "v"}, "key", "v", "value", strings.Repeat("x", 2300))
		w.wantKeys(b, "name")
		return
	}
	b.post("/set", "key", strings.Repeat("k", 128), "value", strings.Repeat("x", 65534)).want(200)
	b.post("/delete", "key", strings.Repeat("k", 128)).want(200)
	for n := range 3 {
		b.post("/set", "key", fmt.Sprint("v", n), "value", strings.Repeat("x", 65534)).want(200)
	}
	refused(limit{"session", 262144, "v3"}, "key", "v3", "value", strings.Repeat("x", 65534))
	w.wantKeys(b, "name", "v0", "v1", "v2")
	b = w.browser()
	keys := []string{}
	for n := range 256 {
		keys = append(keys, fmt.Sprintf("k%03d", n))
		b.post("/set", "key", keys[n], "value", "1").want(200)
	}
	refused(limit{"keys", 256, "one more"}, "key", "one more", "value", "1")
	w.wantKeys(b, keys...)
	if n := len(cookieName) + len(b.cookie()); n > 4096 {
		w.Errorf("a cookie of %d bytes", n)
	}
}

func fullStore(w *world) {
	w.start(1, nil)
	b, late := w.born(), w.browser()
	if a := late.post("/set", "key", "a", "value", "1").want(507); a.Header.Get("Retry-After") == "" || late.cookie() != "" {
		w.Errorf("headers %v", a.Header)
	}
	b.post("/set", "key", "more", "value", "x").want(200)
	b.post("/login", "user", "ada").want(200)
	inCookie := w.browser() // needs no record, and its logout a marker only
	inCookie.post("/set", "key", "a", "value", "1", "placement", "cookie").want(200)
	old := w.holding(inCookie.cookie())
	for _, placement := range []string{"hybrid", "server"} { // a record of its own would be one too many
		if a := inCookie.post("/placement", "placement", placement).want(507); a.Header.Get("Set-Cookie") != "" {
			w.Error("a move that was refused sent a cookie")
		}
	}
	w.wantKeys(inCookie, "a")
	inCookie.post("/logout").want(200)
	w.wantKeys(old)
	w.wantKeys(b, "big", "more", "name", "user")
	b.post("/logout").want(200)
	late.post("/set", "key", "a", "value", "1").want(200)
}

func corrupt(w *world) {
	w.start(0, nil)
	for _, data := range []string{`{"placement":"hybrid","values":[]}`, `{"values":{}}`, `null`, `{"placement":"cookie","values":{}}`} {
		b := w.born()
		was := id(b.get("/keys"))
		for e, err := range w.backend.All(w.Context()) {
			if err != nil {
				w.Fatal(err)
			}
			if e.Key.Name().String() == was {
				e.Data = data
				if _, err := w.backend.Save(w.Context(), e.Key, e.Record); err != nil {
					w.Fatal(err)
				}
			}
		}
		warnings := func() int { return strings.Count(w.log.String(), `level=WARN msg="a session record is corrupt`) }
		before := warnings()
		b.get("/keys").want(200, `"keys":[]`)
		if n := warnings() - before; n != 1 {
			w.Errorf("%s: %d warnings, want 1", data, n)
		}
		if is := id(b.post("/set", "key", "a", "value", "1").want(200)); is == was {
			w.Errorf("%s: the corrupt record's ID is used again", data)
		}
		w.wantKeys(b, "a")
	}
}

func outage(w *world) {
	w.start(0, nil)
	b := w.born()
	kept := b.cookie()
	w.hook = func(context.Context, string) (before, after error) { return errDown, nil }
	for _, step := range [][]string{
		{"/set", "key", "a", "value", "1"}, {"/flush"}, {"/logout"}, {"/cycle-id"}, {"/delete", "key", "name"}, {"/clear"},
		{"/expiry", "seconds", "5"}, {"/placement", "placement", "server"}, {"/clear-expired"},
	} {
		a := b.post(step[0], step[1:]...).want(503)
		if a.Header.Get("Retry-After") == "" || a.Header.Get("Set-Cookie") != "" || strings.Contains(a.body, errDown.Error()) {
			w.Errorf("%s: headers %v, %s", step[0], a.Header, a.body)
		}
	}
	for _, target := range []string{"/", "/keys", "/session", "/get?key=name", "/healthz"} {
		if a := b.get(target).want(503); a.Header.Get("Retry-After") == "" || a.Header.Get("Set-Cookie") != "" {
			w.Errorf("%s: headers %v", target, a.Header)
		}
	}
	w.hook = nil
	if b.cookie() != kept {
		w.Error("the outage changed the cookie")
	}
	w.wantKeys(b, "big", "name")
}

func idStaysInCookie(w *world) {
	w.start(0, nil)
	b := w.browser()
	var seen strings.Builder
	look := func(a answer) answer { seen.WriteString(a.body); return a }
	look(b.post("/set", "key", "name", "value", "Rahim"))
	look(b.post("/set", "key", "big", "value", large))
	look(b.post("/cycle-id"))
	look(b.get("/session"))
	look(b.get("/"))
	look(b.post("/set", "key", "a", "value", "1", "fail", "500"))
	s, err := w.app.seats.Root.Engine.Load(b.request("GET", "/", ""))
	if err != nil {
		w.Fatal(err)
	}
	secret := s.Info().Cookie.Envelope().ID
	for e, err := range w.backend.All(w.Context()) {
		fmt.Fprintf(&seen, "%v %+v", err, e)
	}
	all := seen.String() + w.log.String()
	if len(secret) != 26 || strings.Contains(all, secret) {
		w.Errorf("the ID %q is seen outside the cookie", secret)
	}
	if !strings.Contains(all, session.KeyOf(secret).Name().String()) {
		w.Error("the control: its short name is not seen either")
	}
	b.form = formPage // on the page of the browser that sent it, and no other's
	b.get("/").want(200, secret)
	other := w.born()
	other.form = formPage
	other.get("/").want(200).wantNo(secret)
}

func secretsRotate(w *world) {
	w.start(0, nil)
	b := w.born()
	old := []byte("a secret of at least 32 bytes, for tests only")
	fresh := []byte(strings.Repeat("a fresh secret ", 3))
	rotate := func(secrets ...[]byte) {
		if err := w.app.SetSecrets(secrets); err != nil {
			w.Fatal(err)
		}
	}
	rotate(fresh, old)
	carries := w.placement != "server"
	a := b.get("/keys").want(200, `"big","name"`)
	if got := a.Header.Get("Set-Cookie") != ""; got == carries { // a late answer to a read must not undo newer values
		w.Errorf("a read re-signed: %v", got)
	}
	b.post("/set", "key", "more", "value", "x").want(200)
	rotate(fresh)
	w.wantKeys(b, "big", "more", "name")
	rotate([]byte(strings.Repeat("another secret ", 3))) // the control
	w.wantKeys(b)
}
