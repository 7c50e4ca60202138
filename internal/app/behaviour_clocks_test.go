package app

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

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
	expired := id(b.get("/keys"))
	w.clock.Move(2 * time.Hour)
	w.wantKeys(b)
	for _, target := range []string{"/cycle-id", "/flush", "/clear"} {
		w.quiet(b, "POST", target).want(200, `"exists":false`)
	}
	if id(b.post("/set", "key", "a", "value", "1").want(200)) == expired {
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
