package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// set sends a write of a new session, as a browser that keeps no cookie does.
func set(a *App, base string) int {
	return phone(a, "POST", base+"/set", url.Values{"key": {"a"}, "value": {"b"}, "placement": {"server"}}.Encode(), "").Code
}

// A seat that births sessions is refused with the limit that it has reached, and another seat goes on.
// If it failed, one student could fill the store of the class.
func TestASeatHasRoomForSixteenSessions(t *testing.T) {
	t.Parallel()
	a := newClass(t, nil)
	one, two := sits(t, a, "one"), sits(t, a, "two")
	for n := range partLimits.Sessions {
		if got := set(a, one); got != http.StatusOK {
			t.Fatalf("session %d: %d", n+1, got)
		}
	}
	w := phone(a, "POST", one+"/set", url.Values{"key": {"a"}, "value": {"b"}}.Encode(), "")
	if w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), fmt.Sprintf("This seat has %d sessions", partLimits.Sessions)) || w.Header().Get("Retry-After") == "" {
		t.Errorf("one more: %d %s", w.Code, w.Body)
	}
	if got := set(a, two); got != http.StatusOK {
		t.Errorf("another seat: %d", got)
	}
}

// A seat that floods is refused, and another seat is not.
func TestASeatHasARate(t *testing.T) {
	t.Parallel()
	a := newClass(t, nil)
	one, two := sits(t, a, "one"), sits(t, a, "two")
	refused := 0
	for range 2 * seatBurst {
		if phone(a, "GET", one+"/keys", "", "").Code == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < seatBurst/2 {
		t.Errorf("%d of %d requests at once were refused", refused, 2*seatBurst)
	}
	if got := phone(a, "GET", two+"/keys", "", "").Code; got != http.StatusOK {
		t.Errorf("another seat: %d", got)
	}
}

// The progress is the seat's: a flush loses none of it, and nothing of it lies in the session.
func TestProgressBelongsToTheSeat(t *testing.T) {
	t.Parallel()
	a := newClass(t, nil)
	one, two := sits(t, a, "one"), sits(t, a, "two")
	slug := a.shelf.All()[0].Slug
	w := phone(a, "POST", one+"/experiments/"+slug+"/run", url.Values{"prediction": {"1"}}.Encode(), "")
	if w.Code != http.StatusOK {
		t.Fatalf("run: %d %s", w.Code, w.Body)
	}
	var run struct {
		Run   string
		Noted bool
	}
	if err := json.Unmarshal(w.Body.Bytes(), &run); err != nil {
		t.Fatal(err)
	}
	for try := 0; !run.Noted && try < 5; try++ { // a run that took long is noted when it is asked for
		w = phone(a, "POST", one+"/experiments/"+slug+"/result", url.Values{"run": {run.Run}}.Encode(), "")
		if err := json.Unmarshal(w.Body.Bytes(), &run); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
	}
	phone(a, "POST", one+"/flush", "", "")
	done := func(base string) int {
		return strings.Count(phone(a, "GET", base+"/experiments", "", "").Body.String(), `"done":true`)
	}
	if got, other := done(one), done(two); got != 1 || other != 0 {
		t.Errorf("%d experiments are done at the seat, %d at another; want 1 and 0. The run answered %s", got, other, w.Body)
	}
	if keys := phone(a, "GET", one+"/keys", "", "").Body.String(); strings.Contains(keys, progressKey) {
		t.Errorf("the session has the progress: %s", keys)
	}
}

// What is the teacher's is not there for anybody else: from the network, from this machine without the
// cookie, with a student's cookie, with a made-up one. The control is the teacher.
func TestOnlyTheTeacherIsTheTeacher(t *testing.T) {
	t.Parallel()
	a := newClass(t, nil)
	one := sits(t, a, "one")
	student := phone(a, "POST", one+"/set", "key=a&value=b", "").Result().Cookies()[0].Value
	teacher := func(remote, path, cookie string) (int, string) {
		r := newRequest("GET", path, cookie)
		return answered(a, from(r, remote))
	}
	link := a.TeacherLink()
	if code, _ := teacher("192.168.77.2", link, ""); code == http.StatusOK {
		t.Error("the link works from the network")
	}
	r := newRequest("GET", link, "")
	w := record(a, from(r, "127.0.0.1"))
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/classroom" {
		t.Fatalf("the link: %d to %q", w.Code, w.Header().Get("Location"))
	}
	cookie := w.Result().Cookies()[0]
	if cookie.Path != "/classroom" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Name != cookieName+"-teacher" {
		t.Errorf("the cookie is %s", cookie)
	}
	if again := record(a, from(newRequest("GET", link, ""), "127.0.0.1")); again.Code == http.StatusSeeOther {
		t.Error("the link works twice")
	}
	name := cookie.Name + "="
	for what, try := range map[string]struct{ remote, cookie string }{
		"the network, with the cookie": {"192.168.77.2", name + cookie.Value},
		"no cookie":                    {"127.0.0.1", ""},
		"a student's cookie":           {"127.0.0.1", name + student},
		"a made-up cookie":             {"127.0.0.1", name + strings.Repeat("A", 26)},
	} {
		if code, _ := teacher(try.remote, "/classroom", try.cookie); code != http.StatusNotFound && code != http.StatusSeeOther {
			t.Errorf("%s: %d", what, code)
		}
	}
	if code, body := teacher("127.0.0.1", "/classroom", name+cookie.Value); code != http.StatusOK {
		t.Errorf("the teacher: %d %s", code, body)
	}
}

// Open a class leads to the board of the class that is open, on this machine only. /join is there for
// everybody while a class is open, and every other page of the network leads to it.
func TestSidesOfAClass(t *testing.T) {
	t.Parallel()
	a := newClass(t, nil)
	begin := func(remote string) int {
		r := newRequest("POST", "/classroom/begin", "")
		r.Header.Set("Content-Type", formType)
		return record(a, from(r, remote)).Code
	}
	if here, there := begin("127.0.0.1"), begin("192.168.77.2"); here != http.StatusSeeOther || there != http.StatusNotFound {
		t.Errorf("Open a class: %d here, %d from the network", here, there)
	}
	if code, _ := answered(a, from(newRequest("GET", "/join", ""), "192.168.77.2")); code != http.StatusOK {
		t.Errorf("/join: %d", code)
	}
	for _, path := range []string{"/", "/experiments", "/get?key=a", "/classroom", "/s/nobody-abc/", "/nothing"} {
		w := record(a, from(newRequest("GET", path, ""), "192.168.77.2"))
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/join" {
			t.Errorf("%s from the network: %d to %q", path, w.Code, w.Header().Get("Location"))
		}
		if code, _ := answered(a, from(newRequest("POST", path, ""), "192.168.77.2")); code != http.StatusNotFound && code != http.StatusForbidden {
			t.Errorf("POST %s from the network: %d", path, code)
		}
	}
	if code, _ := answered(a, from(newRequest("GET", "/", ""), "127.0.0.1")); code != http.StatusOK {
		t.Errorf("the lab on this machine: %d", code)
	}
}

// A device that types one code after the other, each at another seat, is soon refused, and another
// device is not. If it failed, a student could search the codes of the whole class.
func TestADeviceTriesFewCodes(t *testing.T) {
	t.Parallel()
	a := newClass(t, nil)
	var nicknames []string
	for i := range classroom.CodeBurst + 5 {
		sits(t, a, fmt.Sprint("visitor ", i))
	}
	for _, s := range a.openClass().roster.Seats() {
		nicknames = append(nicknames, s.Nickname)
	}
	try := func(remote, nickname string) int {
		r := httptest.NewRequest("POST", "/join/back", strings.NewReader(url.Values{"nickname": {nickname}, "code": {"BBBB"}}.Encode()))
		r.Header.Set("Content-Type", formType)
		r.Header.Set("Accept", "application/json")
		return record(a, from(r, remote)).Code
	}
	refused := 0
	for _, nickname := range nicknames {
		if try("192.168.77.2", nickname) == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != len(nicknames)-classroom.CodeBurst {
		t.Errorf("%d of %d tries were refused, want %d", refused, len(nicknames), len(nicknames)-classroom.CodeBurst)
	}
	if got := try("192.168.77.3", nicknames[0]); got == http.StatusTooManyRequests {
		t.Errorf("another device: %d", got)
	}
}

// A seat's pages say how many moments a visit of a class keeps, and the lab's how many one of the lab.
func TestPagesSayHowManyMomentsAreKept(t *testing.T) {
	t.Parallel()
	a := newClass(t, nil)
	base := sits(t, a, "one")
	for path, want := range map[string]string{base + "/about": "the last 100 moments", base + "/?at=7": "its last 100 moments"} {
		if code, body := answered(a, from(newRequest("GET", path, ""), "192.168.77.2")); !strings.Contains(body, want) || strings.Contains(body, "200 moments") {
			t.Errorf("%s (%d) does not say %q", path, code, want)
		}
	}
	for path, want := range map[string]string{"/about": "the last 200 moments", "/?at=7": "its last 200 moments"} {
		if code, body := answered(a, from(newRequest("GET", path, ""), "127.0.0.1")); !strings.Contains(body, want) {
			t.Errorf("%s (%d) does not say %q", path, code, want)
		}
	}
}
