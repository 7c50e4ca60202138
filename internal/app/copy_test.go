package app

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/session"
)

// wantNoForgery checks that no cookie value on the page opens a session, except cookies with
// the payload and time of own.
func wantNoForgery(t *testing.T, h http.Handler, page, own string) {
	t.Helper()
	signed, _ := session.Peel(own)
	for _, value := range regexp.MustCompile(`MT[A-Za-z0-9_=-]{100,}`).FindAllString(page, -1) {
		l, ok := session.Peel(value)
		if !ok || l.Payload == signed.Payload && l.Time == signed.Time {
			continue
		}
		b := newBrowser(t, h, formJSON)
		r := b.request("GET", "/session", "")
		r.Header.Set("Cookie", cookieName+"="+value)
		if b.send(r).json()["exists"] != false {
			t.Error("the page shows a forged cookie that opens a session")
		}
	}
}

// wantRefusedCopy checks an answer that tells of a copy which the engine refused.
func (a answer) wantRefusedCopy(f answerForm) {
	a.t.Helper()
	if f != formJSON {
		a.want(200, "copy refused", "curl -si &#39;http://127.0.0.1:8080/session&#39;", "Your own cookie and session stay as they are", "GET /session", "{&#34;exists&#34;:false")
		return
	}
	out := a.want(200).json()
	if out["op"] != "tamper" || out["accepted"] != false || out["status"] != float64(200) || out["verdict"] == "" || out["reason"] == "" || about(a)["exists"] != true {
		a.t.Errorf("a refused copy: %v", out)
	}
}

// Each changed copy of the cookie is refused. The browser's own cookie stays, and no page
// shows a signature that would fit the change.
func TestTamperWithACopy(t *testing.T) {
	t.Parallel()
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			h, b, v := openLab(t, f)
			press := func(target string, pairs ...string) answer {
				a := b.post(target, append(pairs, "page", v)...)
				if f == formPage && a.StatusCode == 303 {
					return b.get(a.Header.Get("Location"))
				}
				return a
			}
			press("/tamper", "part", "letter").want(200)
			if b.cookie() != "" {
				t.Error("tampering without a cookie set one")
			}
			press("/set", "key", "role", "value", "student")
			own := b.cookie()
			for _, part := range session.TamperParts[:8] {
				a := press("/tamper", "part", part, "to", map[string]string{"values": `{"role":"admin"}`}[part])
				a.wantRefusedCopy(f)
				if b.cookie() != own || a.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s: the browser's own cookie changed", part)
				}
				wantNoForgery(t, h, a.body, own)
			}
			a := press("/tamper", "part", "value", "to", own).want(200) // the control
			if f == formJSON && a.json()["accepted"] != true || f != formJSON && !strings.Contains(a.body, "copy accepted") {
				t.Errorf("an unchanged copy: %.300s", a.body)
			}
			for _, bad := range [][]string{{"part", "nose"}, {"part", "version", "to", "x"}, {"part", "letter", "at", "0"}, {"part", "letter", "at", "x"}, {"part", "value", "to", "a\r\nX: y"}} {
				a := b.post("/tamper", append(bad, "page", v)...).want(422)
				if f != formJSON {
					a.want(422, `data-field="`)
				}
			}
			b.post("/tamper", "page", v).want(400)
			b.form = formFragment
			entries := b.get("/?at=1&page=" + v).entries()
			copies := slices.DeleteFunc(slices.Clone(entries), func(e string) bool {
				return !strings.Contains(e, "a copy with") && !strings.Contains(e, "an unchanged copy")
			})
			if len(copies) != 9 {
				t.Errorf("the timeline has %d copies, want 9: %q", len(copies), entries)
			}
		})
	}
}

// A pinned copy opens its session for whoever sends it, until the session's ID is retired:
// by a cycle, a flush or its end.
func TestPinAndReplay(t *testing.T) {
	for _, placement := range session.Placements() {
		synctest.Test(t, func(t *testing.T) {
			h, b, v := openLab(t, formJSON)
			defer h.Close()
			replay := func(n string) map[string]any { return b.post("/replay", "pin", n, "page", v).want(200).json() }
			b.post("/pin", "page", v).want(200)
			b.post("/replay", "pin", "1", "page", v).want(404)
			b.post("/set", "key", "a", "value", "1", "placement", placement, "page", v).want(200)
			b.post("/pin", "page", v).want(200)
			if out := replay("1"); out["accepted"] != true || out["verdict"] != "ok" {
				t.Errorf("%s: replayed at once: %v", placement, out)
			}
			b.post("/cycle-id", "page", v).want(200)
			if out := replay("1"); out["accepted"] != false || out["verdict"] != "moved" {
				t.Errorf("%s: replayed after a cycle: %v", placement, out)
			}
			b.post("/pin", "page", v)
			b.post("/flush", "page", v).want(200)
			if out := replay("2"); out["accepted"] != false || out["verdict"] != "dead" || b.get("/session").json()["exists"] == true {
				t.Errorf("%s: replayed after a flush: %v", placement, out)
			}
			b.post("/set", "key", "a", "value", "1", "placement", placement, "page", v)
			b.post("/expiry", "seconds", "5", "page", v)
			b.post("/pin", "page", v)
			time.Sleep(6 * time.Second)
			if out := replay("3"); out["accepted"] != false || out["verdict"] != "expired" {
				t.Errorf("%s: replayed after it expired: %v", placement, out)
			}
			for range hub.MaxPins {
				b.post("/set", "key", "a", "value", rangeText(), "page", v)
				b.post("/pin", "page", v)
			}
			b.post("/replay", "pin", "3", "page", v).want(404) // it made room
			replay("8")
			b.post("/replay", "pin", "x", "page", v).want(400)
			b.post("/replay", "pin", "4").want(400)
			b.post("/pin").want(400)
			other := newBrowser(t, h, formJSON)
			other.post("/replay", "pin", "4", "page", other.visit("/")).want(404)
		})
	}
}

// Each browser of a visit has its own pins: the pins of one never push out another's.
func TestPinsOfTwoBrowsers(t *testing.T) {
	h, b, v := openLab(t, formJSON)
	b.post("/set", "key", "a", "value", "1", "page", v)
	b.post("/pin", "page", v).want(200)
	other := newBrowser(t, h, formJSON)
	other.post("/set", "key", "a", "value", "1")
	for range hub.MaxPins + 2 {
		other.post("/pin", "page", v).want(200)
	}
	b.post("/replay", "pin", "1", "page", v).want(200, `"accepted":true`)
	other.post("/replay", "pin", "1", "page", v).want(404)
	other.post("/replay", "pin", "2", "page", v).want(404) // its own, which made room
	other.post("/replay", "pin", "8", "page", v).want(200)
}

// To drop the cookie, and to put a pinned copy back, changes the browser's cookie and leaves
// the record alone.
func TestDropAndPutBack(t *testing.T) {
	t.Parallel()
	for name, f := range forms {
		h, b, v := openLab(t, f)
		press := func(target string, pairs ...string) answer {
			a := b.post(target, append(pairs, "page", v)...)
			next := a.Header.Get("Location") + a.Header.Get("HX-Redirect")
			if f == formJSON {
				return a.want(200)
			}
			if next == "" {
				return a
			}
			before := b.form
			b.form = formPage
			defer func() { b.form = before }()
			return b.get(next).want(200)
		}
		press("/drop-cookie")
		press("/set", "key", "name", "value", "Rahim")
		own := b.cookie()
		press("/pin")
		press("/set", "key", "name", "value", "Karim")
		version := func() any {
			p, err := h.seats.Root.Engine.Peek(t.Context(), proved(h, v).Session())
			if err != nil {
				t.Fatal(err)
			}
			return p.Stored.Record
		}
		before := version()
		a := press("/drop-cookie")
		if b.cookie() != "" || version() != before {
			t.Errorf("%s: after the drop the browser keeps %q, the record is %v, was %v", name, b.cookie(), version(), before)
		}
		if f != formJSON {
			a.want(200, "curl -si &#39;http://127.0.0.1:8080/drop-cookie&#39; \\\n  -H &#39;Accept", "The browser dropped", "the cookie", "its record is still here, and this browser has no cookie any more that opens it", "No cookie", "Put back")
		}
		a = press("/put-back", "pin", "1")
		if b.cookie() != own || version() != before {
			t.Errorf("%s: put back, the browser keeps %q, want %q", name, b.cookie(), own)
		}
		if f != formJSON {
			a.want(200, "of this browser again", "This cookie is stale", `"Rahim"`)
		}
		b.post("/put-back", "pin", "9", "page", v).want(404)
		b.post("/put-back", "pin", "1").want(400)
		b.form = formFragment
		b.get("/?at=1&page="+v).want(200, "dropped", "the cookie, not the record", "put back", "a stale copy")
	}
}
