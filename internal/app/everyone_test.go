package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// restartable is a class whose store can be closed and opened again, and whose program can be killed.
type restartable struct {
	*classWorld
	store  string // "memory" or "sqlite"
	file   *sqlite.Store
	phones map[string]*seated // by where their values live; "none" has no session
}

// seated is a phone at its seat.
type seated struct {
	*guest
	base string
}

// openRestartable opens a class with four phones, which have a session in each placement but the last.
func openRestartable(t *testing.T, store string) *restartable {
	t.Helper()
	w := &restartable{store: store, phones: make(map[string]*seated)}
	path := filepath.Join(t.TempDir(), "class.db")
	w.classWorld = openClassWorld(t, func(c *Config) {
		open, now := c.Class.Open, c.Sessions.Now
		c.StoreName = store
		fresh := func(context.Context) (session.Backend, error) { return memory.New(memory.Config{Now: now}), nil }
		c.Class.Open = func(ctx context.Context) (ClassParts, error) {
			parts, err := open(ctx)
			parts.Reopen, parts.Forget = fresh, fresh
			if store == "sqlite" {
				parts.Reopen = func(ctx context.Context) (_ session.Backend, err error) {
					w.file.Close()
					w.file, err = sqlite.Open(ctx, sqlite.Config{File: path, Durability: sqlite.Batched, Now: now})
					return w.file, err
				}
				parts.Forget = func(ctx context.Context) (session.Backend, error) { return w.file, w.file.Forget(ctx) }
				if w.file == nil {
					w.file, err = sqlite.Open(ctx, sqlite.Config{File: path, Durability: sqlite.Batched, Now: now})
				} else {
					_, err = parts.Reopen(ctx)
				}
				parts.Backend = w.file
			}
			return parts, err
		}
	})
	t.Cleanup(func() {
		if w.file != nil {
			w.file.Close()
		}
	})
	for _, lives := range []string{"cookie", "hybrid", "server", "none"} {
		w.phones[lives] = w.sits(lives)
	}
	return w
}

// sits seats a phone, with a session of that placement; "none" for no session.
func (w *restartable) sits(lives string) *seated {
	w.Helper()
	p := w.phone()
	p.form = formPage
	s := &seated{p, p.join()}
	s.form = formJSON
	if lives != "none" {
		s.post(s.base+"/set", "key", "name", "value", "Rahim", "placement", lives).want(200)
	}
	return s
}

// everyone does an act.
func (w *restartable) everyone(act string) answer {
	w.Helper()
	w.teacher.form = formJSON
	return w.teacher.post("/classroom/everyone", "act", act, "sure", "1")
}

// kill ends the program without a word, and starts another one over what is kept.
func (w *restartable) kill() {
	w.Helper()
	w.class.end()
	w.class.lab.Close()
	w.app.class.Store(nil)
	if err := w.app.OpenClass(w.Context()); err != nil {
		w.Fatal(err)
	}
	w.class = w.app.openClass()
	w.teacher = w.guest(origin, "127.0.0.1:50000")
	w.teacher.get(w.app.TeacherLink()).want(303)
}

// became asks what became of the session, as the page's script does.
func (s *seated) became() string {
	s.Helper()
	var v struct{ Outcome, Why string }
	s.form = formJSON
	if err := json.Unmarshal([]byte(s.get(s.base+"/class/became").want(200).body), &v); err != nil {
		s.Fatal(err)
	}
	return strings.TrimSuffix(v.Outcome+": "+v.Why, ": ")
}

// has tells whether the phone's cookie opens its session.
func (s *seated) has() bool {
	s.Helper()
	s.form = formJSON
	return strings.Contains(s.get(s.base+"/get?key=name").want(200).body, "Rahim")
}

const (
	noRecord = "refused: no record has this ID"
	forged   = "refused: the signature does not fit"
	clockRan = "ended: the record's clock has run out"
)

// fates are what phones say after each act: in the cookie, hybrid, on the server; and where it differs,
// with a store that outlives a restart.
var fates = map[string][2][3]string{
	"restart":            {{"there", noRecord, noRecord}, {"there", "there", "there"}},
	"restart-new-secret": {{forged, forged, forged}, {forged, forged, forged}},
	"expire":             {{"there", clockRan, clockRan}, {"there", clockRan, clockRan}},
	"flush":              {{"refused: this ID was ended", noRecord, noRecord}, {"refused: this ID was ended", noRecord, noRecord}},
	"forget":             {{"there", noRecord, noRecord}, {"there", noRecord, noRecord}},
}

// eachAct runs test for each act over both stores, with what the phones shall say by where their values live.
func eachAct(t *testing.T, test func(t *testing.T, w *restartable, act string, want map[string]string)) {
	for i, store := range []string{"memory", "sqlite"} {
		for act, all := range fates {
			t.Run(store+"/"+act, func(t *testing.T) {
				t.Parallel()
				w := openRestartable(t, store)
				test(t, w, act, map[string]string{"cookie": all[i][0], "hybrid": all[i][1], "server": all[i][2], "none": "none"})
			})
		}
	}
}

// wantRows wants the board to count what the phones have said; heard are those that said something.
func (w *restartable) wantRows(want map[string]string, heard ...string) {
	w.Helper()
	var rows []classroom.Row
	for _, lives := range []string{"cookie", "hybrid", "server", "none"} {
		r := classroom.Row{Seats: 1, Why: map[string]int{}}
		r.Lived, _ = session.ParsePlacement(lives)
		what, why, _ := strings.Cut(want[lives], ": ")
		if !strings.Contains(fmt.Sprint(heard), lives) {
			what, r.Unheard = "", 1
		}
		switch what {
		case "there":
			r.There = 1
		case "refused":
			r.Refused, r.Why[why] = 1, 1
		case "ended":
			r.Ended, r.WhyEnded = 1, map[string]int{why: 1}
		case "none":
			r.None = 1
		}
		rows = append(rows, r)
	}
	if diff := cmp.Diff(rows, w.class.survey.Rows()); diff != "" {
		w.Errorf("the board counts (-want +got):\n%s", diff)
	}
}

// If this fails, the board or a phone says of a session what its request does not show, a late waker does
// not count, a seat cannot go on, or what is done to the class reaches the teacher's own lab.
func TestEveryone(t *testing.T) {
	t.Parallel()
	eachAct(t, func(t *testing.T, w *restartable, act string, want map[string]string) {
		w.teacher.form = formJSON
		w.teacher.post("/set", "key", "mine", "value", "stays", "placement", "server").want(200)
		w.everyone(act).want(200)
		w.wantRows(want)
		for lives, p := range w.phones {
			if lives == "server" { // sleeps
				continue
			}
			if got := p.became(); got != want[lives] {
				t.Errorf("%s: the phone says %q, want %q", lives, got, want[lives])
			}
			if got := p.became(); got != want[lives] {
				t.Errorf("%s: asked again, the phone says %q, want %q", lives, got, want[lives])
			}
		}
		w.wantRows(want, "cookie", "hybrid", "none")
		if w.phones["server"].has() != (want["server"] == "there") { // wakes, and presses by itself
			t.Error("the late waker: the lab says another thing than the board")
		}
		w.wantRows(want, "cookie", "hybrid", "none", "server")
		for lives, p := range w.phones {
			if p.has() != (want[lives] == "there") {
				t.Errorf("%s: the lab says another thing than the board", lives)
			}
			p.post(p.base+"/set", "key", "name", "value", "Rahim").want(200)
			if !p.has() {
				t.Errorf("%s: a value that was set afterwards is not there", lives)
			}
		}
		w.wantRows(want, "cookie", "hybrid", "none", "server")
		w.teacher.get("/get?key=mine").want(200, "stays")
		if stats, err := w.app.seats.Root.Engine.Stats(t.Context()); err != nil || stats.Live != 1 {
			t.Errorf("the teacher's own store: %+v, %v", stats, err)
		}
	})
}

// The program is killed in the middle of an act: when it was begun, and when half of it was done. If this
// fails, the act is half done afterwards, or old cookies open sessions again.
func TestEveryoneAndACrash(t *testing.T) {
	t.Parallel()
	eachAct(t, func(t *testing.T, w *restartable, act string, want map[string]string) {
		kind := classroom.ActKind(act)
		err := w.class.shared.Alone(t.Context(), func(ctx context.Context) error {
			stakes := w.class.stakes()
			if _, err := w.class.survey.Begin(ctx, kind, 0, stakes); err != nil {
				return err
			}
			if kind == classroom.ActFlush {
				return w.class.act(ctx, kind, stakes[:1])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		w.kill()
		if w.store == "memory" { // the sessions went with the program
			for _, lives := range []string{"hybrid", "server"} {
				if act != "restart-new-secret" {
					want[lives] = noRecord
				}
			}
		}
		w.wantRows(want)
		for lives, p := range w.phones {
			if got := p.became(); got != want[lives] {
				t.Errorf("%s: the phone says %q, want %q", lives, got, want[lives])
			}
		}
		w.wantRows(want, "cookie", "hybrid", "none", "server")
		if w.store == "sqlite" { // memory loses with the program who has which seat, too
			w.kill()
			w.wantRows(want, "cookie", "hybrid", "none", "server")
			for lives, p := range w.phones {
				if there := want[lives] == "there"; p.has() != there {
					t.Errorf("%s: after another crash the session is there: %t", lives, !there)
				}
			}
		}
		w.everyone(act).want(200, `"n":2`)
	})
}

// Seats press while everything is done to them. If this fails, a request meets a class in the middle of an
// act, the program faults, or a board counts a request that began before.
func TestEveryoneWhilePhonesPress(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"memory", "sqlite"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			w := openRestartable(t, store)
			var wait sync.WaitGroup
			for _, p := range w.phones {
				wait.Go(func() {
					for n := range 35 { // a seat may send 120 requests at once
						for _, got := range []answer{p.post(p.base+"/set", "key", "name", "value", fmt.Sprint(n)), p.get(p.base + "/get?key=name"), p.get(p.base + "/class/became")} {
							if got.StatusCode >= 500 && got.StatusCode != 503 {
								t.Errorf("%d: %s", got.StatusCode, got.body)
							}
						}
					}
				})
			}
			for range 3 {
				for act := range fates {
					w.everyone(act).want(200)
				}
			}
			wait.Wait()
			for lives, p := range w.phones {
				p.became()
				p.post(p.base+"/set", "key", "name", "value", "Rahim").want(200)
				if !p.has() {
					t.Errorf("%s: a value that was set afterwards is not there", lives)
				}
			}
			for _, r := range w.class.survey.Rows() {
				if r.Unheard > 0 {
					t.Errorf("not heard from: %+v", r)
				}
			}
		})
	}
}

// If this fails, an act is done without a question, twice by a double press, or by somebody who is not
// the teacher.
func TestEveryoneAsksFirst(t *testing.T) {
	t.Parallel()
	w := openRestartable(t, "memory")
	w.teacher.form = formPage
	if got := w.teacher.post("/classroom/everyone", "act", "flush").want(303).Header.Get("Location"); got != "/classroom?everyone=flush#everyone-sure" {
		t.Errorf("it leads to %s", got)
	}
	page := w.teacher.get("/classroom?everyone=flush").want(200, "It reaches 4 seats, 3 awake.", "end: a marker in the store says so", "Flush everybody’s session")
	w.teacher.form = formFragment
	w.teacher.get("/classroom?everyone=forget").want(200, "Let the store forget everything")
	w.teacher.form = formJSON
	w.teacher.post("/classroom/everyone", "act", "flush").want(200, `"n":0`)
	w.teacher.post("/classroom/everyone", "act", "lunch", "sure", "1").want(422)
	w.phones["server"].post("/classroom/everyone", "act", "flush", "sure", "1").want(404)
	if !w.phones["server"].has() {
		t.Error("a question ended a session")
	}
	after := fieldOf(page.body, "after")
	w.teacher.post("/classroom/everyone", "act", "flush", "sure", "1", "after", after).want(200, `"n":1,"seats":4,"awake":3`)
	w.teacher.post("/classroom/everyone", "act", "flush", "sure", "1", "after", after).want(409, "since this page asked")
	w.class.acting.Store(true)
	w.teacher.post("/classroom/everyone", "act", "flush", "sure", "1").want(409, "at this moment")
	w.class.acting.Store(false)
	if err := w.class.survey.Finish(t.Context()); err != nil || w.class.survivorsView() != nil || len(w.class.survey.All()) != 1 {
		t.Errorf("after its end: %v, %d past acts", err, len(w.class.survey.All()))
	}
}

// The store does not come back after a restart. If this fails, phones are told that their session is gone
// while nobody knows, the board says that all is well, or a second restart does not help.
func TestEveryoneWithoutAStore(t *testing.T) {
	t.Parallel()
	w := openRestartable(t, "sqlite")
	reopen := w.class.parts.Reopen
	w.class.parts.Reopen = func(context.Context) (session.Backend, error) { return nil, errors.New("no disk") }
	w.everyone("restart").want(200, `"failed":true`)
	p := w.phones["server"]
	p.get(p.base + "/class/became").want(503)
	p.post(p.base+"/set", "key", "name", "value", "Rahim").want(503)
	w.teacher.form = formPage
	w.teacher.get("/classroom").want(200, "The store could not be opened again.", "not heard from")
	w.class.parts.Reopen = reopen
	w.everyone("restart").want(200, `"n":2,"seats":4,"awake":3}`)
	if got := p.became(); got != "there" {
		t.Errorf("after the second restart the phone says %q", got)
	}
}

// A session in the cookie was flushed, and a copy of the cookie is kept. If this fails, the copy opens it
// while the marker is there, or the board does not say that it does once the store has forgotten the marker.
func TestForgetRevivesWhatLivesInCookies(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"memory", "sqlite"} {
		w := openRestartable(t, store)
		p := w.phones["cookie"]
		copied := *p.guest
		copied.jar = &keptCookies{p.jar.Cookies(p.request("GET", p.base+"/", "").URL)}
		p.post(p.base + "/flush").want(200)
		kept := &seated{&copied, p.base}
		if kept.has() {
			t.Errorf("%s: the copy opens a session that was flushed", store)
		}
		w.teacher.form = formPage
		w.teacher.get("/classroom?everyone=forget").want(200, "Without markers a kept copy of the cookie of a session that had ended opens it again")
		w.everyone("forget").want(200)
		if !kept.has() {
			t.Errorf("%s: the copy opens nothing, and the board says that it does", store)
		}
	}
}

// keptCookies is a copy of a browser's cookies, which never change.
type keptCookies struct{ all []*http.Cookie }

func (k *keptCookies) Cookies(*url.URL) []*http.Cookie     { return k.all }
func (k *keptCookies) SetCookies(*url.URL, []*http.Cookie) {}
