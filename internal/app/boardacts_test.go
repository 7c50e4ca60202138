package app

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/views"
)

// Somebody would knock at the closed door, and a teacher who looks at the tiles would not see it.
func TestBoardSaysBesideTheAddressWhoKnocks(t *testing.T) {
	t.Parallel()
	w := openBoard(t)
	w.teacher.post("/classroom/door", "close", "1").want(303)
	w.teacher.get("/classroom").want(200, "Whoever wants to join knocks, and you let them in.")
	for i, want := range []string{"1 person knocks", "2 people knock"} {
		visitor := strings.Repeat("v", i+1)
		w.class.roster.Offer(visitor)
		if _, err := w.class.roster.Join(t.Context(), visitor, deviceOf(w.phone().request("GET", "/", ""))); err == nil {
			t.Fatal("the door is open")
		}
		w.teacher.get("/classroom").want(200, want).wantNo("Whoever wants to join knocks, and you")
	}
}

// An act of the teacher would do nothing, or not say what it did, in one of the three forms; or a code
// would be shown twice.
func TestBoardActs(t *testing.T) {
	t.Parallel()
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := openBoard(t)
			w.teacher.form = form
			led := "" // the page that the last press led to
			// act sends a press, and returns what the teacher reads then.
			act := func(target string, pairs ...string) answer {
				t.Helper()
				a := w.teacher.post(target, pairs...)
				if form == formPage {
					led = a.want(303).Header.Get("Location")
					return w.teacher.get(led).want(200)
				}
				return a.want(200)
			}
			say := func(words, json string) string {
				if form == formJSON {
					return json
				}
				return words
			}
			act("/classroom/door", "close", "1").want(200, say("door closed", `"closed":true`))
			p, knocker, late := w.phone(), w.phone(), w.phone()
			w.class.roster.Offer("one")
			for _, visitor := range []string{"one", "two", "three"} {
				w.class.roster.Offer(visitor)
				if _, err := w.class.roster.Join(t.Context(), visitor, deviceOf(knocker.request("GET", "/", ""))); err == nil {
					t.Fatal("the door is open")
				}
			}
			waiting := w.class.roster.Waiting()
			act("/classroom/door/let-in", "nickname", waiting[0].Nickname).want(200, say("1 person", `"let_in":1`))
			act("/classroom/door/let-in", "all", "1").want(200, say("2 people", `"let_in":2`))
			act("/classroom/door/let-in", "nickname", "Nobody").want(200, say("Nobody waits", `"let_in":0`))
			act("/classroom/door", "close", "0").want(200, say("door open", `"closed":false`))
			if w.class.roster.DoorClosed() {
				t.Error("the door is closed")
			}
			base, nickname := w.sit(p)
			given := act("/classroom/give-back", "seat", w.seatAt(base).Name).want(200, say("has the seat of "+nickname, `"code":"`))
			code := codeIn(given.body)
			if _, err := w.class.roster.Back(t.Context(), netip.Addr{}, "", code); err != nil {
				t.Errorf("the code %q opens nothing: %v", code, err)
			}
			if form == formPage {
				given.want(200, "once, within", ">1 m 0 s</span>")
				w.teacher.get(led).want(200).wantNo(code)
			}
			w.teacher.get("/classroom").wantNo(code)
			w.sit(late)
			act("/classroom/remove", "seat", strings.ReplaceAll(strings.ToLower(nickname), " ", "-")).want(200, say(nickname+": the seat", `"removed":1`))
			if n := len(w.class.roster.Seats()); n != 1 {
				t.Errorf("%d seats are left", n)
			}
		})
	}
}

// codeIn returns the code that an answer shows.
func codeIn(body string) string {
	if _, rest, ok := strings.Cut(body, `"code":"`); ok {
		code, _, _ := strings.Cut(rest, `"`)
		return code
	}
	_, rest, _ := strings.Cut(body, `class="given"><code>`)
	code, _, _ := strings.Cut(rest, "<")
	return code
}

// One press would remove seats of another device, or leave some of this one.
func TestRemoveSeatsOfADevice(t *testing.T) {
	t.Parallel()
	w := openBoard(t)
	one, other := w.phone(), w.phone()
	other.remote = one.remote[:strings.LastIndex(one.remote, ":")] + ":40001"
	base, _ := w.sit(one)
	w.sit(other)
	_, stays := w.sit(w.phone())
	name := w.seatAt(base).Name
	w.teacher.get("/classroom?seat="+name).want(200, "Remove the 2 seats of this device", "shared with 1 more seat")
	w.teacher.form = formJSON
	w.teacher.post("/classroom/remove", "device", name).want(200, `"removed":2`)
	if left := w.class.roster.Seats(); len(left) != 1 || left[0].Nickname != stays {
		t.Errorf("left are %v", left)
	}
}

// Somebody who is not the teacher could close the door, take a seat or remove one.
func TestBoardActsAreTheTeachers(t *testing.T) {
	t.Parallel()
	w := openBoard(t)
	p := w.phone()
	base, _ := w.sit(p)
	name := w.seatAt(base).Name
	stranger := w.guest(origin, "127.0.0.1:50001") // on this machine, without the cookie
	abroad := w.phone()                            // with the cookie, from the network
	abroad.jar = w.teacher.jar
	crossed := w.teacher.request("POST", "/classroom/door", "close=1")
	crossed.Header.Set("Origin", "http://evil.example")
	w.teacher.send(crossed).want(403)
	for target, field := range map[string][2]string{
		"/classroom/door": {"close", "1"}, "/classroom/door/let-in": {"all", "1"}, "/classroom/give-back": {"seat", name}, "/classroom/remove": {"seat", name}, "/classroom/doctor": {"x", "1"},
	} {
		for who, g := range map[string]*guest{"a stranger here": stranger, "a phone": p, "a phone with the cookie": abroad} {
			if a := g.post(target, field[0], field[1]); a.StatusCode != 404 {
				t.Errorf("%s: POST %s answers %d", who, target, a.StatusCode)
			}
		}
		w.teacher.get(target).want(405)
	}
	// After a crash of the program the board that stands there is such a browser's: it is led back.
	const noMore = "This page is not the teacher&#39;s any more"
	stranger.post("/classroom/pause").want(404, noMore, "Nothing was changed.", "Back to the lab")
	stranger.form = formFragment
	stranger.post("/classroom/pause").want(404, noMore, `<a href="/">To the lab</a>`)
	p.form = formFragment
	p.post("/classroom/pause").wantNo(noMore)
	stranger.form, p.form = formPage, formPage
	for _, page := range []string{"/classroom", "/classroom/screen"} {
		stranger.get(page).want(404, "Press The board in the lab")
		if a := p.get(page); strings.Contains(a.body, "Press The board") || a.StatusCode != 303 {
			t.Errorf("a phone gets %d at %s", a.StatusCode, page)
		}
	}
	if w.class.roster.DoorClosed() || len(w.class.roster.Seats()) != 1 {
		t.Error("somebody else acted")
	}
	w.teacher.post("/classroom/door", "close", "maybe").want(422, "Nothing was changed")
	w.teacher.post("/classroom/remove", "seat", "nobody").want(404, "There is no seat of that name")
	w.teacher.post("/classroom/give-back").want(404)
}

// The page for the beamer would put the teacher's lab of the same tab into projector mode, which
// hides names and values.
func TestScreenIsNoProjectorMode(t *testing.T) {
	t.Parallel()
	w := openBoard(t)
	w.teacher.get("/classroom/screen").want(200, "Join the class").wantNo("data-projector")
}

// What a press has done would be shown twice, or after a minute.
func TestBoardSaidOnce(t *testing.T) {
	t.Parallel()
	var b boardSaid
	now := time.Now()
	first := b.put(sentenceOf("first"), now)
	if got := b.take("", now); got.Verb != "" {
		t.Errorf("no token shows %q", got.Verb)
	}
	if got := b.take(first, now); got.Verb != "first" {
		t.Errorf("the token shows %q", got.Verb)
	}
	if got := b.take(first, now); got.Verb != "" {
		t.Errorf("again it shows %q", got.Verb)
	}
	late := b.put(sentenceOf("late"), now)
	if got := b.take(late, now.Add(resultLife)); got.Verb != "" {
		t.Errorf("after a minute it shows %q", got.Verb)
	}
	for range 3 * maxSaid {
		b.put(sentenceOf("many"), now)
	}
	if len(b.kept) != maxSaid {
		t.Errorf("%d are kept", len(b.kept))
	}
}

func sentenceOf(verb string) views.Said { return views.Said{Sentence: views.Sentence{Verb: verb}} }
