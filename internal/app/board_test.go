package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/network"
)

// openBoard opens a class whose addresses answer.
func openBoard(t testing.TB) *classWorld {
	t.Helper()
	w := openClassWorld(t, nil)
	w.class.doctor.fetch = func(context.Context, string) error { return nil }
	w.class.doctor.resolve = func(context.Context, string) ([]string, error) { return nil, errors.New("no such host") }
	return w
}

// sit gives a phone a seat, and returns the base of its paths and the nickname.
func (w *classWorld) sit(p *guest) (base, nickname string) {
	w.Helper()
	visitor := "visitor " + p.remote
	w.class.roster.Offer(visitor)
	joined, err := w.class.roster.Join(w.Context(), visitor, netip.MustParseAddrPort(p.remote).Addr())
	if err != nil {
		w.Fatal(err)
	}
	return "/s/" + joined.Seat.Place(), joined.Seat.Nickname
}

// The first paint would lack the address, its code, or the tiles, which is all that a browser without
// a script has.
func TestBoard(t *testing.T) {
	t.Parallel()
	w := openBoard(t)
	w.teacher.get("/classroom").want(200, "http://192.168.77.1:8080", `<svg class="qr"`, "nobody here; 30 at most", "Until the first phone is here", "The program answers at its address",
		"Nothing that is typed in class is private", "a crash of the program ends the class", "Close the door")
	p := w.phone()
	base, nickname := w.sit(p)
	p.post(base+"/set", "key", "name", "value", "Rahim", "placement", "server").want(303)
	w.teacher.get("/classroom").want(200, nickname, "1 key · 7 B", "set a value", "0 of 28 done", "has a new session", "1 seat<", "1 awake, 0 in trouble", `class="seat live server"`, "A phone does not get through?", "1</b><small>live record").
		wantNo("Rahim", strings.TrimPrefix(base, "/s/"), w.seatAt(base).Code, "Until the first phone", string(w.seatAt(base).ID))
	w.teacher.get("/classroom/screen").want(200, "http://192.168.77.1:8080", "<b>1</b> has joined").wantNo(nickname)
}

// Without a script the teacher could neither find a seat, nor order the tiles, nor see its facts.
func TestBoardWithoutScript(t *testing.T) {
	t.Parallel()
	w := openBoard(t)
	var names []string
	for range 3 {
		p := w.phone()
		base, nickname := w.sit(p)
		names = append(names, nickname)
		w.clock.Move(time.Second)
		p.post(base+"/set", "key", "name", "value", "x").want(303)
	}
	shown := func(query string) (out []string) {
		body := w.teacher.get("/classroom" + query).want(200).body
		for _, tile := range strings.Split(body, `<li id="t-`)[1:] {
			head, rest, _ := strings.Cut(tile, ">")
			_, rest, _ = strings.Cut(rest, `<b class="who">`)
			if nickname, _, _ := strings.Cut(rest, "<"); !strings.Contains(head, " hidden") {
				out = append(out, nickname)
			}
		}
		return out
	}
	if got := shown("?sort=last"); len(got) != 3 || got[0] != names[2] || got[2] != names[0] {
		t.Errorf("by last act: %q, want the reverse of %q", got, names)
	}
	if got := shown("?find=" + strings.ToUpper(names[1][:4])); len(got) == 0 || got[0] != names[1] && len(got) == 3 {
		t.Errorf("with %q in the name: %q", names[1][:4], got)
	}
	if got := shown("?only=trouble"); len(got) != 0 {
		t.Errorf("in trouble: %q", got)
	}
	w.clock.Move(time.Minute)
	if got := shown("?only=trouble"); len(got) != 3 {
		t.Errorf("after a minute without a sign: %q", got)
	}
	seat := strings.ReplaceAll(strings.ToLower(names[0]), " ", "-")
	w.teacher.get("/classroom?seat="+seat).want(200, `id="seat-title">`+names[0], "asleep, last heard at", "1 in the cookie, 0 on the server", "Give back", "Remove "+names[0])
}

// A tile would show a session that the seat's browser does not have, or none that it has.
func TestTilesSayWhatIs(t *testing.T) {
	t.Parallel()
	w := openBoard(t)
	p := w.phone()
	p.form = formJSON
	base, _ := w.sit(p)
	tile := func(words ...string) {
		t.Helper()
		body := w.teacher.get("/classroom").want(200).body
		_, body, _ = strings.Cut(body, `<ol id="tiles"`)
		body, _, _ = strings.Cut(body, "</ol>")
		for _, word := range words {
			if !strings.Contains(body, word) {
				t.Errorf("the tile does not say %q: %s", word, body)
			}
		}
	}
	tile("no session yet", `class="seat none  asleep"`, `data-acts="0"`)
	p.post(base+"/set", "key", "name", "value", "Rahim", "placement", "cookie").want(200)
	tile(`class="seat live cookie"`, "1 key", "set a value", `data-acts="1"`)
	p.get(base + "/session").want(200)
	tile(`data-acts="1"`, "set a value") // a page that asks by itself is no act
	p.post(base+"/set", "key", "big", "value", large, "placement", "hybrid").want(200)
	p.post(base+"/placement", "placement", "hybrid").want(200)
	p.post(base+"/set", "key", "big", "value", large+"y").want(200)
	tile(`class="seat live both"`, "2 keys")
	cookie := p.cookie(base+"/", w.cookieOf(base))
	p.post(base + "/flush").want(200)
	tile(`class="seat ended "`, "flushed", "pressed Flush", `data-acts="5" class=""`) // a flush is no trouble
	p.forget()
	r := p.request("GET", base+"/get?key=name", "")
	r.AddCookie(&http.Cookie{Name: w.cookieOf(base), Value: cookie})
	p.send(r).want(200)
	tile(`class="seat ended "`, "cookie refused", "read a value", `class="trouble"`)
	for range 2 {
		p.forget()
		p.post(base+"/set", "key", "name", "value", "Rahim").want(200)
	}
	tile(`class="seat nocookie `, "no cookie comes back")
	other := w.phone()
	other.form = formJSON
	other.post(base+"/get", "key", "x")
	tile("two devices")
}

// cookieOf returns the name of the session cookie of the seat at base.
func (w *classWorld) cookieOf(base string) string { return cookieName + "~" + w.seatAt(base).Name }

// Whatever a student can send would come back as markup on the board or the beamer, or at all.
func TestBoardShowsNothingThatIsSent(t *testing.T) {
	synctest.Test(t, testBoardShowsNothingThatIsSent)
}

func testBoardShowsNothingThatIsSent(t *testing.T) {
	w := openBoard(t)
	const evil = `"><img src=x onerror=alert(1)>evil`
	p := w.phone()
	base, _ := w.sit(p)
	p.post(base+"/set", "key", evil, "value", evil, "placement", evil)
	p.post(base+"/set", "key", evil, "value", evil).want(303)
	p.post(base+"/login", "user", evil).want(303)
	p.post(base+"/expiry", "seconds", evil)
	r := p.request("GET", base+"/get?key="+"evil", "")
	r.Header.Set("User-Agent", evil)
	r.Header.Set("Cookie", w.cookieOf(base)+"=evil"+strings.Repeat("A", 60)+"; evil=1")
	r.Header.Set("X-Forwarded-For", "evil")
	p.send(r).want(200)
	r = p.request("GET", "/", "")
	r.Host = "evil.example"
	p.send(r).want(421)
	p.get("/join?evil=" + "evil")
	for _, target := range []string{"/classroom", "/classroom?seat=" + w.seatAt(base).Name, "/classroom/screen", "/classroom?find=%22%3E%3Cimg+src=x%3E"} {
		a := w.teacher.get(target).want(200).wantNo("evil", "onerror", "<img", "alert(1)")
		if target == "/classroom" && !strings.Contains(a.body, "cookie refused") {
			t.Error("the control: the board does not know of the cookie")
		}
	}
	stream := w.teacher.stream("/classroom/events")
	synctest.Wait()
	if told := stream.told.String(); strings.Contains(told, "evil") || strings.Contains(told, "<img") || !strings.Contains(told, "cookie refused") {
		t.Errorf("the stream tells %s", told)
	}
}

// What a seat does would reach the board late, or not at all after a break.
func TestBoardIsToldWithin200ms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openBoard(t)
		page := w.teacher.get("/classroom").want(200).body
		_, since, _ := strings.Cut(page, `data-stream="`)
		since, _, _ = strings.Cut(since, `"`)
		board, screen := w.teacher.stream(since), w.teacher.stream("/classroom/events?part=screen")
		synctest.Wait()
		told := ""
		news := func(wait time.Duration) string {
			t.Helper()
			time.Sleep(wait)
			synctest.Wait()
			now := board.told.String()
			more := strings.TrimPrefix(now, told)
			told = now
			return more
		}
		if first := news(0); strings.Contains(first, `id="stage"`) || !strings.Contains(first, `id="join"`) {
			t.Errorf("a page that was just loaded is told %q", first)
		}
		p := w.phone()
		base, nickname := w.sit(p)
		if got := news(200 * time.Millisecond); !strings.Contains(got, `id="stage"`) || !strings.Contains(got, nickname) {
			t.Errorf("after the first phone: %q", got)
		}
		if got := screen.told.String(); !strings.Contains(got, "<b>1</b> has joined") || strings.Contains(got, nickname) {
			t.Errorf("the beamer is told %q", got)
		}
		p.post(base+"/set", "key", "name", "value", "Rahim").want(303)
		if got := news(200 * time.Millisecond); !strings.Contains(got, "1 key") || !strings.Contains(got, `hx-target="#t-`) || strings.Contains(got, `id="tiles"`) || strings.Contains(got, "Rahim") {
			t.Errorf("after a press: %q", got)
		}
		for range 20 {
			p.post(base+"/set", "key", "name", "value", "Rahim").want(303)
		}
		if got := news(90 * time.Millisecond); strings.Count(got, "id: ") > 1 {
			t.Errorf("20 presses at once make %d messages", strings.Count(got, "id: "))
		}
		second := w.phone()
		_, other := w.sit(second)
		if got := news(300 * time.Millisecond); !strings.Contains(got, `id="tiles"`) || !strings.Contains(got, other) {
			t.Errorf("after the second phone: %q", got)
		}
		board.stop()
		again := w.teacher.stream(since)
		synctest.Wait()
		if got := again.told.String(); !strings.Contains(got, nickname) || !strings.Contains(got, other) {
			t.Errorf("a page that missed all is told %q", got)
		}
	})
}

// A ninth page would open, or a stream would be somebody's who is not the teacher.
func TestBoardStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openBoard(t)
		for range maxBoards {
			w.teacher.stream("/classroom/events")
		}
		synctest.Wait()
		w.teacher.get("/classroom/events").want(429, "At most 8 pages")
		w.phone().get("/classroom/events").want(303)
		stranger := w.guest(origin, "127.0.0.1:50001")
		stranger.get("/classroom/events").want(404)
		stranger.get("/classroom/screen").want(404)
	})
}

// A message for 60 presses of 300 seats, as a tenth of a second brings in a class that presses twice a
// second each.
func BenchmarkBoardMessage(b *testing.B) {
	w := openClassWorld(b, func(c *Config) { c.Class.Seats = 300 })
	var bases []string
	for i := range 300 {
		visitor := fmt.Sprint("visitor ", i)
		w.class.roster.Offer(visitor)
		joined, err := w.class.roster.Join(b.Context(), visitor, netip.AddrFrom4([4]byte{10, 0, byte(i / 10), 1}))
		if err != nil {
			b.Fatal(err)
		}
		bases = append(bases, "/s/"+joined.Seat.Place())
	}
	n := &w.class.news
	s, _, _ := n.join(false, "")
	p := w.phone()
	p.form = formJSON
	size, round := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for i := range 60 {
			p.post(bases[(round+i*5)%300]+"/set", "key", "name", "value", "Rahim").want(200)
		}
		b.StartTimer()
		n.mu.Lock()
		n.tell(false)
		n.mu.Unlock()
		b.StopTimer()
		round++
		for len(s.messages) > 0 {
			size = len(<-s.messages)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(size), "bytes")
	n.leave(s)
}

// The doctor would call an address well that does not answer, or count nobody who got no further.
func TestDoctor(t *testing.T) {
	t.Parallel()
	w := openBoard(t)
	w.net.addresses = []network.Address{
		{IP: netip.MustParseAddr("192.168.77.1"), Port: 8080, Kind: network.WiFi}, {IP: netip.MustParseAddr("10.0.0.5"), Port: 8080, Kind: network.Ethernet},
		{IP: netip.MustParseAddr("172.17.0.1"), Port: 8080, Kind: network.Virtual}, {IP: netip.MustParseAddr("fd00::1"), Port: 8080, Kind: network.IPv6, Err: "the port is taken"},
	}
	w.net.knocks = []network.Knock{{Device: netip.MustParseAddr("192.168.77.9"), Times: 3, Last: w.clock.Now()}}
	var asked []string
	asks := make(chan string, 10)
	w.class.doctor.fetch = func(_ context.Context, url string) error {
		asks <- url
		if strings.Contains(url, "10.0.0.5") {
			return errors.New("dial tcp 10.0.0.5:8080: connect: connection refused")
		}
		return nil
	}
	w.teacher.get("/classroom").want(200, "http://192.168.77.1:8080 answers this machine", "http://10.0.0.5:8080 did not answer this machine: connection refused.", "http://[fd00::1]:8080 did not answer this machine: the port is taken.",
		"1 device tried https", "Wi-Fi 192.168.77.1", "Ethernet 10.0.0.5", "other addresses (2)").wantNo("came under a name", "went no further")
	close(asks)
	for url := range asks {
		asked = append(asked, url)
	}
	if len(asked) != 3 || !strings.HasSuffix(asked[0], "/healthz") {
		t.Errorf("asked %q", asked)
	}
	w.class.doctor.fetch = func(context.Context, string) error { return nil }
	r := w.phone().request("GET", "/join", "")
	r.Host = "laptop.example"
	w.phone().send(r).want(421)
	here := w.teacher.request("GET", "/", "")
	here.Host = "laptop.example"
	w.teacher.send(here).want(421)
	p := w.phone()
	p.get("/join").want(200)
	w.class.doctor.joining[netip.MustParseAddrPort(p.remote).Addr()] = time.Now().Add(-time.Minute)
	w.teacher.post("/classroom/doctor").want(303)
	w.teacher.get("/classroom").want(200, "1 device came under a name", "1 device loaded the page where one joins, and went no further")
	w.sit(p)
	w.teacher.get("/classroom").want(200).wantNo("went no further")
	w.teacher.form = formJSON
	w.teacher.post("/classroom/doctor").want(200, `"addresses":4,"answered":3`)
}

// Whoever changes what the class does together waits for no board: a page that is rendered, or the store
// that it asks, would delay the phones.
func TestAChangeWaitsForNoBoard(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	w.class.news.mu.Lock()
	defer w.class.news.mu.Unlock()
	told := make(chan error, 1)
	go func() { told <- w.class.together.Pause(context.Background(), true) }()
	select {
	case err := <-told:
		did(t, err)
	case <-time.After(5 * time.Second):
		t.Error("a pause waits for the board")
	}
}
