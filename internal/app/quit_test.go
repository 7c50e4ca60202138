package app

import (
	"strings"
	"sync/atomic"
	"testing"
)

// quitWorld is an application whose pages have Quit, and how often that ended the program.
func quitWorld(t *testing.T) (w *classWorld, ended *atomic.Int32) {
	t.Helper()
	ended = new(atomic.Int32)
	return classWorldBefore(t, func(c *Config) { c.Quit = func() { ended.Add(1) } }), ended
}

// If this fails, who has no terminal cannot end the program, or ends it without a word about what goes.
func TestQuit(t *testing.T) {
	t.Parallel()
	w, ended := quitWorld(t)
	w.teacher.get("/quit").want(200, "Quit Sessionscope?", "All sessions of the lab end with it: their cookies open nothing at the next start.").wantNo(`name="sure"`, "A class is open")
	newBrowser(t, w.app, formJSON).post("/set", "key", "a", "value", "1").want(200)
	w.teacher.get("/quit").want(200, "All sessions of the lab end with it, also the 1 that has a record: ")
	if ended.Load() != 0 {
		t.Fatal("a look ended the program")
	}
	w.teacher.post("/quit").want(200, "Sessionscope has ended.", "You can close this page.").wantNo("<a ", "<form", `id="away"`)
	if ended.Load() != 1 {
		t.Errorf("Quit ended the program %d times", ended.Load())
	}
}

// If this fails, Quit takes a class away that learners are in, without asking.
func TestQuitWithAClass(t *testing.T) {
	t.Parallel()
	w, ended := quitWorld(t)
	if err := w.app.OpenClass(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.class = w.app.openClass()
	w.teacher.get("/quit").want(200, `formaction="/classroom/begin">Back to the board`).wantNo(`name="sure"`, "A class is open, with", "Back to the lab")
	w.phone().join()
	w.phone().join()
	w.teacher.get("/quit").want(200, "A class is open, with 2 seats", "2 seats: nickname, code", "Take it home, and end", `href="/classroom?ending=1"`, `name="sure" value="1"`, "End the class, and quit")
	w.teacher.post("/quit").want(422, "Nothing has ended.", "Learners have taken seats", `name="sure"`)
	w.teacher.post("/quit", "sure", "yes").want(422)
	r := w.teacher.request("POST", "/quit", "")
	r.Header.Set("Accept", "application/json")
	w.teacher.send(r).want(422, `Nothing has ended`, `\"sure\" must be 1`)
	if ended.Load() != 0 {
		t.Fatal("the program ended")
	}
	w.teacher.post("/quit", "sure", "1").want(200, "Sessionscope has ended.", "nothing leaves this machine").wantNo("class is open")
	r = w.teacher.request("POST", "/quit", "sure=1")
	r.Header.Set("Accept", "application/json")
	if got := w.teacher.send(r).want(200).json(); got["op"] != "quit" || got["ends"] != true || got["seats"] != 2.0 || ended.Load() != 2 {
		t.Errorf("with sure: %v, ended %d times", got, ended.Load())
	}
}

// If this fails, a phone, another origin's page, or anybody ends a program that was started in a terminal or
// by a service; or a page offers it to them.
func TestWhoCannotQuit(t *testing.T) {
	t.Parallel()
	w, ended := quitWorld(t)
	const quit = "Quit Sessionscope"
	here := attempt{"here", "127.0.0.1", "127.0.0.1", "127.0.0.1:8080", "", [2]string{}}
	foreign := here
	foreign.headers = [2]string{"Origin", "http://127.0.0.1:8081"}
	other := newApp(t, nil)
	try := func(what string, methods []string) {
		t.Helper()
		for _, at := range networkAttempts("") {
			for _, method := range methods {
				if got := record(w.app, at.request(method, "/quit", "text/html")); !refused(got) || strings.Contains(got.Body.String(), quit) {
					t.Errorf("%s, %s by %s: %d", what, method, at.name, got.Code)
				}
			}
		}
		if got := record(w.app, foreign.request("POST", "/quit", "text/html")); got.Code != 403 {
			t.Errorf("%s, another origin: %d", what, got.Code)
		}
	}
	try("without a class", []string{"GET", "HEAD", "POST"})
	if err := w.app.OpenClass(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.class = w.app.openClass()
	try("with a class", everyMethod)
	phone := w.phone()
	base := phone.join()
	for _, path := range []string{base + "/", base + "/class", base + "/experiments", base + "/about", "/join"} {
		phone.get(path).wantNo(quit)
	}
	phone.get(base + "/quit").want(404)
	phone.post(base + "/quit").want(404)
	for _, method := range []string{"GET", "POST"} {
		if got := record(other, here.request(method, "/quit", "text/html")); got.Code != 404 || strings.Contains(got.Body.String(), quit) {
			t.Errorf("a program that was started otherwise, %s: %d", method, got.Code)
		}
	}
	if ended.Load() != 0 {
		t.Error("the program ended")
	}
	w.teacher.get(w.app.TeacherLink()).want(303)
	for _, path := range []string{"/", "/about", "/experiments", "/experiments/cookie-or-server", "/classroom", "/classroom?ending=1", "/nothing"} {
		if page := w.teacher.get(path); !strings.Contains(page.body, `<a href="/quit">`+quit+`</a>`) {
			t.Errorf("the control: %s has no Quit", path)
		}
	}
}
