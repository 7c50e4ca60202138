package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// setCookie returns the Set-Cookie line of that name, or "".
func (a answer) setCookie(name string) string {
	for _, line := range a.Header["Set-Cookie"] {
		if strings.HasPrefix(line, name+"=") {
			return line
		}
	}
	return ""
}

// A learner takes the seat that was offered: the page, the press, the class page.
func TestJoin(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	page := p.get("/join").want(200, "Take a seat", "That’s me", "3 spins left", "I had a seat already", "Plain http is no secret", "0 cookies").
		wantNo("style=", "<style", "/experiments", "The door is closed")
	token := fieldOf(page.body, "visitor")
	if len(token) != 26 {
		t.Fatalf("the visitor's token is %q", token)
	}
	name, _ := w.class.roster.Offer(token)
	page.want(200, `id="nickname">`+name+"<")
	if got := page.setCookie(cookieName + "-visitor"); !strings.Contains(got, "Path=/join") || !strings.Contains(got, "HttpOnly") || !strings.Contains(got, "SameSite=Lax") {
		t.Errorf("the visitor's cookie is %q", got)
	}
	p.get("/join").want(200, name, "1 cookie", cookieName+"-visitor") // a reload keeps the name

	first := p.post("/join", "visitor", token).want(303)
	if got := first.setCookie(cookieName + "-seat"); !strings.Contains(got, "Path=/join") || !strings.Contains(got, "HttpOnly") || !strings.Contains(got, "SameSite=Lax") {
		t.Errorf("the seat's cookie is %q", got)
	}
	at := first.Header.Get("Location")
	if again := p.post("/join", "visitor", token).want(303).Header.Get("Location"); again != at || len(w.class.roster.Seats()) != 1 {
		t.Errorf("a double click leads to %s and to %s, with %d seats", at, again, len(w.class.roster.Seats()))
	}
	base := strings.TrimSuffix(at, "/class")
	s := w.seatAt(base)
	if s.Nickname != name || !strings.HasPrefix(base, "/s/"+s.Name+"-") {
		t.Errorf("the seat is %+v at %s", s, base)
	}
	p.get(at).want(200, name, s.Code, "The teacher asks nothing now", "has sent no session cookie")

	// The value of the cookie stands nowhere but in the browser.
	value := p.cookie("/join", cookieName+"-seat")
	for _, doc := range documentsOf(t, w) {
		if strings.Contains(doc, value) {
			t.Error("a document has the seat's cookie itself")
		}
	}
	if strings.Contains(w.log.String(), value) || strings.Contains(w.log.String(), s.Suffix) || strings.Contains(w.log.String(), s.Code) {
		t.Error("the log has the cookie, the suffix or the code of a seat")
	}
}

// documentsOf returns the class's documents as texts.
func documentsOf(t *testing.T, w *classWorld) (all []string) {
	t.Helper()
	for doc, err := range w.documents.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, doc.Name+" "+string(doc.Data))
	}
	return all
}

// Another name is another name, three times; a visitor cannot take what another is offered.
func TestSpin(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p, other := w.phone(), w.phone()
	seen := map[string]bool{}
	token := ""
	for _, left := range []string{"3 spins left", "2 spins left", "1 spin left", ""} {
		page := p.get("/join").want(200, left)
		token = fieldOf(page.body, "visitor")
		name, _ := w.class.roster.Offer(token)
		if seen[name] {
			t.Errorf("%s is offered twice", name)
		}
		seen[name] = true
		if left == "" {
			page.wantNo("Another name")
		}
		p.post("/join/spin", "visitor", token).want(303)
	}
	name, _ := w.class.roster.Offer(token)
	if got, _ := w.class.roster.Offer(fieldOf(other.get("/join").body, "visitor")); got == name {
		t.Errorf("%s is offered to two visitors", got)
	}
	other.post("/join", "visitor", token[:25]).want(303) // no token: the cookie's offer is taken
	if base := p.join(); w.seatAt(base).Nickname != name {
		t.Errorf("the seat is %s, and %s was offered", w.seatAt(base).Nickname, name)
	}
}

// A browser that has a seat is offered its own first, and one press leads back to it.
func TestComeBackByCookie(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	s := w.seatAt(base)
	p.get("/join").want(200, "This browser has a seat", "Go on as "+s.Nickname, "Take another seat").wantNo("That’s me")
	if at := p.post("/join/back", "own", "1").want(303).Header.Get("Location"); at != base+"/class" {
		t.Errorf("Go on leads to %s, want %s/class", at, base)
	}
	another := p.get("/join?another=1").want(200, "That’s me")
	at := p.post("/join", "visitor", fieldOf(another.body, "visitor")).want(303).Header.Get("Location")
	if at == base+"/class" || len(w.class.roster.Seats()) != 2 {
		t.Errorf("another seat is at %s", at)
	}
	if err := w.class.roster.Remove(t.Context(), w.seatAt(strings.TrimSuffix(at, "/class")).ID); err != nil {
		t.Fatal(err)
	}
	p.post("/join/back", "own", "1").want(404, "The seat of this browser is not in the class any more", "That’s me")
}

// Who has lost the cookie comes back by nickname and code. The seat moves, and its old page says so.
func TestComeBackByCode(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	s := w.seatAt(base)
	p.post(base+"/set", "key", "name", "value", "Rahim").want(303)
	lost := w.phone()
	for _, left := range []string{"4 more wrong codes", "3 more wrong codes"} {
		lost.post("/join/back", "nickname", s.Nickname, "code", "0000").
			want(422, left, `<details id="back-again" open>`, `value="`+s.Nickname+`"`, `aria-invalid="true"`)
	}
	lost.post("/join/back", "nickname", `<b>"`, "code", "0000").want(422, "No seat has this nickname", `value="&lt;b&gt;&#34;"`)
	at := lost.post("/join/back", "nickname", strings.ToLower(s.Nickname), "code", strings.ToLower(s.Code)).want(303).Header.Get("Location")
	now := w.seatAt(strings.TrimSuffix(at, "/class"))
	if now.ID != s.ID || now.Place() == s.Place() || now.Code == s.Code || now.Name != s.Name {
		t.Errorf("the seat was %+v and is %+v", s, now)
	}
	lost.get(at).want(200, s.Nickname, now.Code).wantNo(s.Code)

	p.get(base+"/").want(404, "Your seat has moved", `href="/join"`).wantNo(now.Suffix, now.Code)
	p.get(base+"/class").want(404, "Your seat has moved")
	p.form = formFragment
	p.post(base+"/set", "key", "name", "value", "Rahim").want(404, "Your seat has moved", "<hx-partial")
	p.form = formJSON
	if got := p.get(base + "/get?key=name").want(404).json()["detail"]; !strings.Contains(got.(string), "has moved") {
		t.Errorf("in JSON the old address says %v", got)
	}
	// The old cookie opens no seat, so the page offers another.
	p.form = formPage
	p.get("/join").want(200, "That’s me").wantNo("This browser has a seat")
}

// The fifth wrong code gives the seat a new one, which its own page shows; then no code is taken for
// a while.
func TestWrongCodes(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p, thief := w.phone(), w.phone()
	base := p.join()
	s := w.seatAt(base)
	for range 4 {
		thief.post("/join/back", "nickname", s.Nickname, "code", "0000").want(422)
	}
	thief.post("/join/back", "nickname", s.Nickname, "code", "0000").want(422, "the seat has a new code now")
	now := w.seatAt(base)
	if now.Code == s.Code {
		t.Error("the code is the same")
	}
	p.get(base+"/class").want(200, now.Code)
	fast := thief.post("/join/back", "nickname", s.Nickname, "code", now.Code).want(429, "Wait 30 s")
	if got := fast.Header.Get("Retry-After"); got != "30" {
		t.Errorf("Retry-After %q", got)
	}
	code, _, err := w.class.roster.GiveBack(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	thief.post("/join/back", "code", code).want(303) // a code that the teacher gives is taken at any time
	w.clock.Move(time.Minute)
	thief.post("/join/back", "code", code).want(422)
}

// Late ones knock at a closed door, and the page goes on by itself once they are let in.
func TestKnock(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	if err := w.class.roster.SetDoor(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	p := w.phone()
	page := p.get("/join").want(200, "That’s me")
	if at := p.post("/join", "visitor", fieldOf(page.body, "visitor")).want(303).Header.Get("Location"); at != "/join" {
		t.Errorf("who knocks is led to %s", at)
	}
	p.get("/join").want(200, "The door is closed", "You are knocking as", `hx-get="/join"`, `http-equiv="refresh" content="5"`).wantNo("That’s me")
	p.form = formFragment
	p.get("/join").want(204)
	if n, err := w.class.roster.LetIn(t.Context(), w.class.roster.Waiting()[0].Nickname); n != 1 || err != nil {
		t.Fatalf("%d were let in: %v", n, err)
	}
	to := p.get("/join").want(200).Header.Get("HX-Redirect")
	p.form = formPage
	p.get(to).want(200, "The teacher asks nothing now")
	if w.phone().get("/join").want(200, "That’s me"); len(w.class.roster.Seats()) != 1 {
		t.Errorf("%d seats", len(w.class.roster.Seats()))
	}
}

// A full class and a device that joins too fast are refused, with what to do.
func TestJoinIsRefused(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, func(c *Config) { c.Class.Seats = 2 })
	for range 2 {
		p := w.phone()
		p.get(p.join() + "/class")
	}
	for _, s := range w.class.roster.Seats() {
		w.class.roster.Use(s.ID)
	}
	late := w.phone()
	token := fieldOf(late.get("/join").body, "visitor")
	full := late.post("/join", "visitor", token).want(429, "The class is full: all 2 seats are taken", "Tell the teacher", "I had a seat already")
	if full.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	late.form = formJSON
	if got := late.post("/join", "visitor", token).want(429).json(); !strings.Contains(got["detail"].(string), "The class is full") {
		t.Errorf("in JSON: %v", got)
	}

	w = openClassWorld(t, func(c *Config) { c.Class.Seats = 100 })
	p := w.phone()
	for range classroom.JoinBurst {
		p.forget()
		p.join()
	}
	p.forget()
	page := p.get("/join")
	p.post("/join", "visitor", fieldOf(page.body, "visitor")).want(429, "Too many seats", "then press again")
}

// A program joins by JSON.
func TestJoinByJSON(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	p.form = formJSON
	offer := p.get("/join").want(200).json()
	if offer["op"] != "offer" || offer["spins_left"] != 3.0 || offer["nickname"] == "" {
		t.Errorf("the offer is %v", offer)
	}
	visitor := offer["visitor"].(string)
	if spun := p.post("/join/spin", "visitor", visitor).want(200).json(); spun["spins_left"] != 2.0 || spun["nickname"] == offer["nickname"] {
		t.Errorf("after a spin: %v", spun)
	}
	joined := p.post("/join", "visitor", visitor).want(200).json()
	s := w.seatAt(strings.TrimSuffix(joined["url"].(string), "/"))
	if joined["nickname"] != s.Nickname || joined["code"] != s.Code {
		t.Errorf("joined as %v, the seat is %+v", joined, s)
	}
	if own := p.get("/join").want(200).json()["own"]; own != s.Nickname {
		t.Errorf("its own seat is %v", own)
	}
	class := p.get(joined["url"].(string) + "class").want(200).json()
	if class["nickname"] != s.Nickname || class["code"] != s.Code {
		t.Errorf("the class page is %v", class)
	}
	p.post(joined["url"].(string)+"set", "key", "name", "value", "Rahim").want(200)
	if err := w.class.roster.SetDoor(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	late := w.phone()
	late.form = formJSON
	visitor = late.get("/join").json()["visitor"].(string)
	if got := late.post("/join", "visitor", visitor).want(202).json(); got["knocking"] != true {
		t.Errorf("at the closed door: %v", got)
	}
}

// Without a class the join page says so; with one, whoever has no seat is led to it.
func TestNoClass(t *testing.T) {
	t.Parallel()
	w := classWorldBefore(t, nil)
	p := w.phone()
	p.get("/join").want(404, "No class is open here", "The teacher opens it")
	p.post("/join").want(404, "No class is open here")
	for _, path := range []string{"/join", "/join/spin", "/join/back"} {
		p.form = formJSON
		p.post(path).want(404, "No class is open here")
		p.form = formPage
	}
	w.teacher.get("/").want(200, "Open a class", `action="/classroom/begin"`)
	if at := w.teacher.post("/classroom/begin").want(303).Header.Get("Location"); !strings.HasPrefix(at, "/classroom?key=") {
		t.Errorf("Open a class leads to %s", at)
	}
	w.teacher.get("/").want(200, "The board").wantNo("Open a class")
	p.get("/join").want(200, "Take a seat")
	for _, path := range []string{"/", "/about", "/experiments", "/s/amber-fox-abcdefghijkl/", "/s/amber-fox-abcdefghijkl/class", "/classroom"} {
		if at := p.get(path).want(303).Header.Get("Location"); at != "/join" {
			t.Errorf("%s leads to %s", path, at)
		}
	}
	for _, path := range []string{"/s/amber-fox-abcdefghijkl/set", "/set", "/classroom/end", "/join/nothing"} { // a press on a page that is old, or a forged one
		p.post(path, "key", "name", "value", "Rahim").want(404, `href="/join"`, "others on this network can reach it").wantNo("nothing leaves this machine", "Back to the lab", "Load the page again")
	}
	p.form = formJSON
	p.get("/s/amber-fox-abcdefghijkl/keys").want(404, "No seat is at this address any more")
}

// A browser whose seat went, or was moved, is told why it is offered another.
func TestLostSeat(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	const words = "The seat that this browser had is not in this class, or has moved to another device."
	p := w.phone()
	p.get("/join").want(200, "You are").wantNo(words)
	r := p.request(http.MethodGet, "/join", "")
	r.AddCookie(&http.Cookie{Name: cookieName + "-seat", Value: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"})
	p.send(r).want(200, words, "You are")
	p.join()
	p.get("/join").want(200, "This browser has a seat").wantNo(words)
}

// The page counts what this very request brought along.
func TestWhatTheBrowserGave(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	r := p.request(http.MethodGet, "/join", "")
	r.Header.Set("Cookie", "theirs=1; "+cookieName+"-visitor=ABCDEFGHIJKLMNOPQRSTUVWXYZ; <i>=2")
	p.send(r).want(200, "3 cookies", cookieName+"-visitor, which this page has set; and 2 cookies of other programs", "3 header lines", "no Sec-Fetch-*").wantNo("<i>")
	r = w.teacher.request(http.MethodGet, "/join", "")
	r.Header.Set("Sec-Fetch-Site", "none")
	w.teacher.send(r).want(200, "3 header lines", "Sec-Fetch-* is among them")
}
