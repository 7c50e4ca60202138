package app

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// rowsOf returns what the three witnesses say on a class page.
func rowsOf(page string) (out [3]string) {
	for i, kind := range []string{"browser", "wire", "server"} {
		_, rest, _ := strings.Cut(page, `<p class="`+kind+`">`)
		row, _, _ := strings.Cut(rest, "</p>")
		out[i] = strings.Join(strings.Fields(tags.ReplaceAllString(row, " ")), " ")
	}
	return out
}

// The class page says what its own request showed, whatever became of the session.
func TestClassPage(t *testing.T) {
	t.Parallel()
	for _, placement := range []string{"cookie", "hybrid", "server"} {
		w := openClassWorld(t, nil)
		p := w.phone()
		base := p.join()
		name := w.class.seats[w.seatAt(base).ID].Engine.CookieName()
		want := func(when, browser, wire, server string) {
			t.Helper()
			rows := rowsOf(p.get(base + "/class").want(200).body)
			for i, words := range []string{"Browser " + browser, "Wire " + wire, "Server " + server} {
				if !strings.Contains(rows[i], words) {
					t.Errorf("%s, %s: %q, want %q", placement, when, rows[i], words)
				}
			}
		}
		set := func() {
			t.Helper()
			at := p.post(base+"/set", "key", "name", "value", "Rahim", "to", "class", "placement", placement).want(303).Header.Get("Location")
			if !strings.HasPrefix(at, base+"/class?x=") {
				t.Errorf("Set leads to %s", at)
			}
		}
		replace := func(value string) { p.replace(base, name, value) }
		there := "the record "
		if placement == "cookie" {
			there = "keeps no record of "
		}
		want("at first", "has sent no session cookie", "the request carried no session cookie", "has nothing to look for")
		set()
		want("set", "keeps ", "it was sent, and opened the session", there)
		good := p.cookie(base+"/", name)
		replace("A" + good[1:])
		want("garbled or forged", "still keeps ", "it was sent, and refused", "looked for no record")
		replace(good)
		w.clock.Move(3 * time.Hour)
		want("expired", "still keeps ", "it was sent, and refused : its session has expired", map[bool]string{true: "has no record of ", false: "the record "}[placement == "cookie"])
		p.forget()
		set()
		good = p.cookie(base+"/", name)
		p.post(base + "/cycle-id").want(303)
		replace(good)
		want("cycled", "still keeps ", "it was sent, and refused : its ID was replaced", "a marker is there: the ID ")
		p.forget()
		set()
		good = p.cookie(base+"/", name)
		p.post(base + "/flush").want(303)
		want("flushed", "has sent no session cookie", "the request carried no session cookie", "has nothing to look for")
		replace(good)
		want("a cookie of a session that was flushed", "still keeps ", "it was sent, and refused : its session has ended", map[bool]string{true: "a marker is there: the session ", false: "has no record of "}[placement == "cookie"])
	}
}

// replace makes value the browser's only cookie, under that name at a seat.
func (v *guest) replace(base, name, value string) {
	v.forget()
	v.jar.SetCookies(v.request(http.MethodGet, base+"/", "").URL, []*http.Cookie{{Name: name, Value: value, Path: base + "/"}})
}

// A press on the class page is answered by a sentence, once, also if nothing changed.
func TestClassPagePress(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	meanwhile := "Meanwhile: do something with your session"
	p.get(base+"/class").want(200, meanwhile, `<p id="result" class="result" role="status"></p>`)
	for _, words := range []string{"created a session", "already. Nothing changed"} {
		at := p.post(base+"/set", "key", "name", "value", "Rahim", "to", "class").want(303).Header.Get("Location")
		p.get(at).want(200, `<p id="result" class="result `, words, "What this request showed <time>").wantNo(meanwhile)
		p.get(at).want(200, meanwhile).wantNo(words)
	}
}

// Who comes back to the class page sees what is so now: another tab may have changed the session.
func TestClassPageLooksAgain(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	p.get(base+"/class").want(200, `hx-get="`+base+`/class" hx-trigger="again"`)
	p.post(base+"/set", "key", "name", "value", "Rahim").want(303)
	r := p.request("GET", base+"/class", "")
	r.Header.Set("HX-Request", "true")
	again := p.send(r)
	again.want(200, `<section id="showed"`, "it was sent, and opened the session").wantNo("<html", "<h1", `id="seated"`)
}

// While the store does not answer, the class page says so with its true status.
func TestClassPageWithoutStore(t *testing.T) {
	t.Parallel()
	down := false
	w := openClassWorld(t, func(c *Config) {
		open := c.Class.Open
		c.Class.Open = func(ctx context.Context) (ClassParts, error) {
			parts, err := open(ctx)
			parts.Backend = &storetest.Hooked{Backend: memory.New(memory.Config{MaxSessions: 9}), Hook: func(context.Context, string) (before, after error) {
				if down {
					return session.ErrDown, nil
				}
				return nil, nil
			}}
			return parts, err
		}
	})
	p := w.phone()
	base := p.join()
	p.post(base+"/set", "key", "name", "value", "Rahim", "to", "class").want(303)
	down = true
	rows := rowsOf(p.get(base + "/class").want(503).body)
	if !strings.HasPrefix(rows[0], "Browser keeps ") || rows[1] != "Wire it was sent; without the store nobody knows what it opens" || rows[2] != "Server the store does not answer" {
		t.Errorf("%q", rows)
	}
}

// Every page of a seat has its strip: nickname, code, and the way to the class page. A learner without
// cookies is still in class.
func TestStrip(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	s := w.seatAt(base)
	for _, path := range []string{"/", "/class", "/experiments", "/experiments/set-get-delete", "/about", "/nothing"} {
		page := p.get(base + path)
		page.want(page.StatusCode, "<b>"+s.Nickname+"</b>", "code "+s.Code, `href="`+base+`/class"`, `data-stream="`+base+`/class/events`+map[bool]string{true: "?page=class"}[path == "/class"]+`"`, "served at 192.168.77.1:8080").wantNo("nothing leaves this machine")
		p.forget()
	}
	w.teacher.get("/").want(200).wantNo("class-live", s.Nickname)

	// A second browser belongs to the same seat.
	secret := secretOf(t, p.get(base+"/").body)
	at := p.post(base+"/second", "page", secret).want(303).Header.Get("Location")
	second, _, _ := strings.Cut(at, "/?")
	if !strings.HasPrefix(second, "/s/second-") {
		t.Fatalf("the second browser is at %s", at)
	}
	p.get(at).want(200, "<b>"+s.Nickname+"</b>", `href="`+base+`/class"`, "second browser")
	set := p.post(second+"/set", "key", "name", "value", "Rahim").want(303)
	if line := set.setCookie(cookieName + "~" + s.Name + "~second"); !strings.Contains(line, "Path="+second+"/") {
		t.Errorf("the second browser's cookie: %q", set.Header["Set-Cookie"])
	}
	if to := p.get(second + "/class").want(303).Header.Get("Location"); to != base+"/class" {
		t.Errorf("its class page is %s", to)
	}
}

// secretOf returns the secret of the visit that a page belongs to.
func secretOf(t *testing.T, page string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, `data-secret="`)
	secret, _, _ := strings.Cut(rest, `"`)
	if !found {
		t.Fatal("the page has no visit")
	}
	return secret
}

// A seat is heard by its beats and its presses; two devices are told on both; a beat is no press.
func TestHeard(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	tile := func() (heard bool, flash int64, devices int) {
		tiles, _, _, _ := w.class.board.Since(0)
		return tiles[0].Awake, tiles[0].Flash, tiles[0].Devices
	}
	if heard, _, _ := tile(); heard {
		t.Error("a seat that only joined is awake")
	}
	p.get(base + "/class").want(200)
	_, before, _ := tile()
	p.post(base+"/class/heard", "page", "x").want(204)
	if heard, flash, devices := tile(); !heard || flash != before || devices != 1 {
		t.Errorf("after a beat: awake %v, %d flashes, %d devices", heard, flash-before, devices)
	}
	w.clock.Move(time.Minute)
	if heard, _, _ := tile(); heard {
		t.Error("awake after a minute")
	}
	p.post(base+"/set", "key", "name", "value", "Rahim").want(303)
	other := w.phone()
	other.get(base + "/class").want(200).wantNo("open on two devices")
	other.post(base + "/class/heard").want(204)
	p.get(base+"/class").want(200, "open on two devices")
	p.post("/s/nobody-abcdefghijkl/class/heard").want(404)
	if used := w.seatAt(base).Used; !used {
		t.Error("a press does not mark the seat as used")
	}
}

// The stream of a seat: it begins with the strip, beats, is taken by a later page, and says last what
// became of the seat.
func TestClassStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openClassWorld(t, nil)
		p := w.phone()
		base := p.join()
		s := w.seatAt(base)
		first := p.stream(base + "/class/events")
		synctest.Wait()
		if got := first.told.String(); !strings.Contains(got, ": here") || !strings.Contains(got, s.Code) {
			t.Errorf("a stream begins with %q", got)
		}
		if !w.seatAt(base).Used {
			t.Error("a stream does not mark the seat as used")
		}
		time.Sleep(classBeat + time.Second)
		synctest.Wait()
		if got := first.told.String(); strings.Count(got, "event: beat") != 1 {
			t.Errorf("after %v: %q", classBeat, got)
		}
		second := p.stream(base + "/class/events")
		<-first.done
		if got := first.told.String(); !strings.Contains(got, "Another page of your seat follows the class now") || !strings.HasSuffix(got, "event: bye\ndata: taken\n\n") {
			t.Errorf("the older page was told %q", got)
		}
		synctest.Wait()
		if got := second.told.String(); !strings.Contains(got, `<div id="class-state" role="status"></div>`) {
			t.Errorf("the page that has the stream goes on saying that another one has it: %q", got)
		}
		for range 5 {
			w.phone().post("/join/back", "nickname", s.Nickname, "code", "0000").want(422)
		}
		synctest.Wait()
		if now := w.seatAt(base); !strings.Contains(second.told.String(), now.Code) {
			t.Errorf("the page was not told the new code: %q", second.told)
		}
		w.app.Close()
	})
}

// The last word of a stream: the seat has moved, has gone, or the class has ended.
func TestClassStreamEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openClassWorld(t, nil)
		p := w.phone()
		base := p.join()
		s := w.seatAt(base)
		second := p.stream(base + "/class/events")
		synctest.Wait()
		code, _, err := w.class.roster.GiveBack(t.Context(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		at := w.phone().post("/join/back", "code", code).want(303).Header.Get("Location")
		<-second.done
		if got := second.told.String(); !strings.Contains(got, "Your seat has moved") || !strings.HasSuffix(got, "event: bye\ndata: moved\n\n") {
			t.Errorf("the page of a seat that moved was told %q", got)
		}
		base = strings.TrimSuffix(at, "/class")
		third := p.stream(base + "/class/events")
		synctest.Wait()
		if err := w.class.roster.Remove(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		<-third.done
		if got := third.told.String(); !strings.HasSuffix(got, "event: bye\ndata: gone\n\n") {
			t.Errorf("the page of a seat that was removed was told %q", got)
		}
		fourth := w.phone()
		last := fourth.stream(fourth.join() + "/class/events")
		synctest.Wait()
		w.class.ending.Store(true)
		if _, err := w.class.roster.Wipe(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-last.done
		if got := last.told.String(); !strings.Contains(got, "This class has ended") || !strings.HasSuffix(got, "event: bye\ndata: ended\n\n") {
			t.Errorf("the page of a class that ended was told %q", got)
		}
		w.app.Close()
	})
}

// Another origin's page gets no stream.
func TestClassStreamOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	r := p.request(http.MethodGet, p.join()+"/class/events", "")
	r.Header.Set("Origin", "http://evil.example")
	p.send(r).want(403)
}

// A phone's first visit, the join page with all its assets and then class page and lab, takes at most
// 45,000 bytes of bodies: thirty phones come at once, over one Wi-Fi.
func TestFirstVisitOfAPhone(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	total, assets := 0, map[string]bool{}
	load := func(path string) {
		t.Helper()
		r := p.request(http.MethodGet, path, "")
		r.Header.Set("Accept-Encoding", "gzip")
		total += len(p.send(r).want(200).body)
		for _, found := range assetURL.FindAllStringSubmatch(p.get(path).body, -1) {
			if assets[found[1]] {
				continue
			}
			assets[found[1]] = true
			r := p.request(http.MethodGet, found[1], "")
			r.Header.Set("Accept-Encoding", "gzip")
			total += len(p.send(r).want(200).body)
		}
	}
	load("/join")
	join := total
	base := p.join()
	load(base + "/class")
	class := total
	load(base + "/")
	t.Logf("join page and its assets %d B, class page %d B, lab %d B: %d B in %d assets", join, class-join, total-class, total, len(assets))
	if total > 45_000 || len(assets) != 8 {
		t.Errorf("a phone's first visit takes %d bytes in %d assets", total, len(assets))
	}
}

var assetURL = regexp.MustCompile(`(?:src|href)="(/assets/[^"]+)"`)
