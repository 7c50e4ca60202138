package app

import (
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

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
	if w.placement != "cookie" { // without records the signature is all that a server can check
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
		next := id(b.post("/set", "key", "a", "value", "1").want(200))
		if next == "" || names[next] {
			w.Errorf("%s: the new session has the ID %q", name, next)
		}
		names[next] = true
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
	old, before := w.holding(b.cookie()), id(b.get("/keys"))
	if after := id(b.post("/clear").want(200)); after != before || after == "" {
		w.Errorf("clear changed the ID from %q to %q", before, after)
	}
	w.wantKeys(b)
	w.wantStats(w.records(1), 0)
	if w.placement != "cookie" { // there the server could not tell that a cookie is older
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
	flushed := id(b.get("/keys"))
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
	if id(late.post("/set", "key", "a", "value", "1").want(200)) == flushed {
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
	old, before := w.holding(b.cookie()), b.get("/session").json()
	w.clock.Move(time.Hour)
	a := b.post("/cycle-id").want(200)
	if id(a) == before["id"] || a.json()["id_before"] != before["id"] || sent(a).MaxAge != 7*3600 {
		w.Errorf("cycle says %s, Max-Age %d", a.body, sent(a).MaxAge)
	}
	if after := b.get("/session").json(); after["expires"] != before["expires"] {
		w.Errorf("the absolute end moved from %v to %v", before["expires"], after["expires"])
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
	if next := id(old.post("/set", "key", "a", "value", "1").want(200)); next == before["id"] || next == id(b.get("/keys")) {
		w.Errorf("the old ID came back as %q", next)
	}
	w.wantKeys(b, "big", "name")
}
