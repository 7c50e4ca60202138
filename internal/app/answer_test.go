package app

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// wantBody checks the answer's body to the letter.
func (a answer) wantBody(want string) {
	a.t.Helper()
	if got := strings.TrimSpace(a.body); got != want {
		a.t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// The JSON answers are those of the contract, to the letter.
func TestJSON(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formJSON)
	b.get("/get?key=name").wantBody(`{"op":"get","key":"name","found":false,"value":null,"session":{"exists":false}}`)
	b.get("/keys").wantBody(`{"op":"keys","keys":[],"session":{"exists":false}}`)
	b.get("/session").wantBody(`{"exists":false,"store":"memory","stats":{"sessions":0,"expired":0,"bytes":0}}`)
	a := b.post("/set", "key", "name", "value", "Rahim")
	first := id(a)
	if len(first) != 8 || strings.Trim(first, "0123456789abcdef") != "" {
		t.Errorf("the ID is shown as %q, want 8 hex digits", first)
	}
	session := func(version string) string {
		return `,"session":{"exists":true,"id":"` + first + `","version":` + version + `,"placement":"hybrid"}}`
	}
	a.wantBody(`{"op":"set","key":"name","value":"Rahim","type":"text","bytes":7,"lives":"cookie"` + session("1"))
	b.get("/get?key=name").wantBody(`{"op":"get","key":"name","found":true,"value":"Rahim","type":"text","bytes":7,"lives":"cookie"` + session("1"))
	b.post("/set", "key", "big", "value", "12345678901234567890.50", "type", "number", "placement", "cookie").
		wantBody(`{"op":"set","key":"big","value":12345678901234567890.50,"type":"number","bytes":23,"lives":"cookie"` + session("2"))
	b.get("/keys").wantBody(`{"op":"keys","keys":["big","name"]` + session("2"))
	b.post("/delete", "key", "nope").wantBody(`{"op":"delete","key":"nope","found":false` + session("2"))
	if lives := b.post("/set", "key", "large", "value", large).json()["lives"]; lives != "server" {
		t.Errorf("300 bytes live in %q", lives)
	}
	if values := b.get("/session").json()["values"].([]any); values[1].(map[string]any)["lives"] != "server" || values[0].(map[string]any)["lives"] != "cookie" {
		t.Errorf("values %v", values)
	}
	if a := b.post("/delete", "key", "large").json(); a["found"] != true {
		t.Errorf("delete says %v", a)
	}
	if a := b.post("/expiry", "seconds", "60").json(); a["expires"] == nil {
		t.Errorf("expiry says %v", a)
	}
	b.post("/expiry", "seconds", "")
	a = b.post("/cycle-id")
	second := id(a)
	a.wantBody(`{"op":"cycle-id","id_before":"` + first + `","session":{"exists":true,"id":"` + second + `","version":7,"placement":"hybrid"}}`)
	b.post("/flush").wantBody(`{"op":"flush","id_before":"` + second + `","session":{"exists":false}}`)
	b.post("/clear-expired").wantBody(`{"op":"clear-expired","removed":0,"session":{"exists":false}}`)
	b.get("/healthz").wantBody(`{"status":"ok","version":"test","store":"memory"}`)
}

// GET /session as JSON tells all that is known of the session and its cookie.
func TestSessionJSON(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formJSON)
	b.post("/set", "key", "name", "value", "Rahim")
	first := id(b.post("/set", "key", "big", "value", "1", "type", "number"))
	info := b.get("/session").json()
	cookie := info["cookie"].(map[string]any)
	attributes := cookie["attributes"].(map[string]any)
	size := float64(len(cookieName) + len(b.cookie()))
	for name, check := range map[string]bool{
		"exists": info["exists"] == true, "id": info["id"] == first, "version": info["version"] == 2.0,
		"placement": info["placement"] == "hybrid", "store": info["store"] == "memory", "browser_close": info["browser_close"] == false,
		"values": len(info["values"].([]any)) == 2, "cookie.name": cookie["name"] == cookieName, "cookie.bytes": cookie["bytes"] == size,
		"cookie.limit": cookie["limit"] == 4096.0, "cookie.key": cookie["key"] == "1 of 1", "path": attributes["path"] == "/",
		"http_only": attributes["http_only"] == true, "same_site": attributes["same_site"] == "Lax", "secure": attributes["secure"] == false,
		"stats": info["stats"].(map[string]any)["sessions"] == 1.0,
	} {
		if !check {
			t.Errorf("%s is wrong: %v", name, info)
		}
	}
	at := func(name string) time.Time {
		at, err := time.Parse(time.RFC3339, info[name].(string))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return at
	}
	after := func(name string) time.Duration { return at(name).Sub(at("created")).Round(time.Minute) }
	if idle, absolute := after("idle_expires"), after("expires"); idle != 2*time.Hour || absolute != 8*time.Hour {
		t.Errorf("the clocks end %v and %v after birth, want 2 h and 8 h", idle, absolute)
	}
	if age := attributes["max_age"].(float64); age != 28800 && age != 28799 {
		t.Errorf("max_age %v", age)
	}
}

// Without JavaScript the page after a POST shows that POST in every panel.
func TestPageAfterPost(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formPage)
	next := func(a answer) answer { return b.get(a.want(303).Header.Get("Location")) }
	next(b.post("/set", "key", "mine", "value", "v")).want(200, ">Max-Age=28800<", `value="mine"`)
	b.get("/").wantNo(">Max-Age=28800<") // the control: this answer sets no cookie
	next(b.post("/expiry", "seconds", "0", "key", "mine", "value", "v")).want(200, "no Max-Age", `value="mine"`)
	next(b.post("/flush")).want(200, "the server told the browser to drop it")
	b.get("/").want(200, "No cookie yet")
}

// Start over resets the composer to its first state; no other press changes it.
func TestStartOver(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formFragment)
	b.post("/set", "key", "a", "value", "1").wantNo(`id="line"`, `id="user"`)
	b.post("/flush", "start-over", "1").want(200, `id="line"`, `value="name"`, `value="Rahim"`, `id="seconds"`, `id="user"`, `id="placement-hybrid"`, "started over", "The timeline stays")
	r := b.request("POST", "/flush", "start-over=1")
	r.Header.Set("Cookie", cookieName+"=garbage")
	next := b.send(r).want(200).Header.Get("HX-Redirect")
	b.form = formPage
	b.get(next).want(200, "The browser drops", "it opened nothing", `value="Rahim"`).wantNo("Everything is")
	next = b.post("/set", "key", "a", "value", "kept").Header.Get("Location")
	b.get(next).want(200, `value="a"`, `value="kept"`)
}

// What a visitor types never comes back as markup.
func TestInputIsInert(t *testing.T) {
	const evil = `<img src=x onerror=alert(1)>"'` + "`"
	for _, f := range []answerForm{formPage, formFragment} {
		b := newBrowser(t, newApp(t, nil), f)
		for _, target := range []string{"/set", "/delete"} {
			a := b.post(target, "key", evil, "value", evil, "user", evil)
			if f == formPage {
				a = b.get(a.Header.Get("Location"))
			}
			a.want(200, "&lt;img").wantNo("<img")
		}
		b.post("/set", "key", evil, "value", evil)
		b.get("/keys").want(200, "&lt;img").wantNo("<img")
		b.get("/get?key="+url.QueryEscape(evil)).want(200, "&lt;img").wantNo("<img")
		b.post("/set", "key", evil, "value", evil, "type", evil).wantNo("<img")
		r := b.request("GET", "/", "")
		r.Header.Set("X-Evil", evil)
		r.Header.Add("Cookie", "other="+url.QueryEscape(evil))
		b.send(r).wantNo("<img")
		b.form = formJSON
		b.get("/keys").want(200).wantNo("<img")
	}
}
