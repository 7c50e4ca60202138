package peers

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// noRecords is why what is about records is not asked where the values live in the cookie.
var noRecords = map[string]string{
	"django-cookies": "it keeps no records", "gorilla-cookie": "it keeps no records", "rails-cookie": "it keeps no records",
}

// born returns a browser with a session in which name is Rahim.
func (r *run) born() *browser {
	r.Helper()
	b := r.browser()
	if a := b.set("name", "Rahim"); !a.ok() {
		r.Fatalf("a first set: status %d, %v", a.Status, a.Err)
	}
	if a := b.get("name"); a.Value != "Rahim" {
		r.Fatalf("a get after the first set: status %d, %+v", a.Status, a)
	}
	return b
}

func TestReadingCreatesNoSession(t *testing.T) {
	ask(t, settings{}, nil, func(r *run) cell {
		b := r.browser()
		one, two := b.get("name"), b.send(http.MethodGet, "/keys", nil)
		if !one.ok() || !two.ok() {
			r.Fatalf("get and keys without a session: status %d, %d", one.Status, two.Status)
		}
		n, cookies := r.records(), 0
		for _, a := range []answer{one, two} {
			for _, c := range a.Cookies {
				if c.Value != "" {
					cookies++
				}
			}
		}
		return judge(n == 0 && cookies == 0, "a get and a list of keys without a cookie: %d cookies were set, the store holds %d records", cookies, n)
	})
}

func TestClientChoosesNoID(t *testing.T) {
	ask(t, settings{}, nil, func(r *run) cell {
		old := r.born()
		dead, madeUp := old.copy(), r.browser()
		for name, value := range old.jar {
			madeUp.jar[name] = strings.Repeat("a", len(value))
		}
		if a := old.post("/flush"); !a.ok() {
			r.Fatalf("flush: status %d", a.Status)
		}
		adopted := func(with *browser) bool {
			same := with.copy()
			with.set("mine", "1")
			return same.get("mine").Found
		}
		one, two := adopted(madeUp), adopted(dead)
		return judge(!one && !two, "a set with a cookie that was made up: it opens what was set: %v; with the cookie of a session that was flushed: %v", one, two)
	})
}

func TestLoginLeavesTheOldCookieOutside(t *testing.T) {
	ask(t, settings{}, nil, func(r *run) cell {
		attacker := r.born()
		victim := attacker.copy()
		if a := victim.post("/login", "user", "ada"); !a.ok() {
			r.Fatalf("login: status %d", a.Status)
		}
		victim.set("secret", "1")
		if !victim.get("secret").Found || !victim.get("user").Found {
			r.Fatal("the login does not work")
		}
		user, secret, name := attacker.get("user").Found, attacker.get("secret").Found, attacker.get("name").Found
		return judge(!user && !secret, "with the cookie from before the login, the user is found: %v, what was set after the login: %v, what was set before: %v", user, secret, name)
	})
}

func TestIdleClock(t *testing.T) {
	const idle = 2 * time.Second
	ask(t, settings{idle: idle, lifetime: time.Hour}, nil, func(r *run) cell {
		b := r.born()
		time.Sleep(idle + 1500*time.Millisecond)
		a := b.get("name")
		return judge(a.ok() && !a.Found, "an idle timeout of %v, and 3.5s after the last write a get with the cookie that the browser should have dropped: found: %v", idle, a.Found)
	})
}

func TestAbsoluteClock(t *testing.T) {
	const lifetime = 5 * time.Second
	ask(t, settings{idle: 4 * time.Second, lifetime: lifetime}, nil, func(r *run) cell {
		b := r.born()
		begun := time.Now()
		for n := 0; time.Since(begun) < lifetime+1500*time.Millisecond; n++ {
			time.Sleep(500 * time.Millisecond)
			b.set("again", strings.Repeat("x", 1+n))
		}
		a := b.get("name")
		return judge(a.ok() && !a.Found, "a lifetime of %v where there is such a setting, a set every half second for 6.5s, and then a get of what was set first: found: %v", lifetime, a.Found)
	})
}
