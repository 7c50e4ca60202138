package peers

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// breakStore makes the store stop answering, and returns what brings it back with what it had.
func (r *run) breakStore() (how string, mend func()) {
	r.Helper()
	switch {
	case r.c.redis:
		r.redis("config", "set", "dir", r.dir)
		r.redis("save")
		end(r.data)
		return "Redis was ended", r.startRedis
	case r.c.name == "gorilla-files":
		away := r.dir + "-away"
		if err := os.Rename(r.dir, away); err != nil {
			r.Fatal(err)
		}
		return "the folder was taken away", func() {
			if err := os.Rename(away, r.dir); err != nil {
				r.Fatal(err)
			}
		}
	}
	file := filepath.Join(r.dir, "db.sqlite3")
	if err := os.Rename(file, file+"-away"); err != nil {
		r.Fatal(err)
	}
	return "the database's file was taken away", func() {
		if err := os.Rename(file+"-away", file); err != nil { // over the empty one that SQLite has made
			r.Fatal(err)
		}
	}
}

func TestOutageIsNoLogout(t *testing.T) {
	why := map[string]string{"django-cookies": "it has no store", "gorilla-cookie": "it has no store", "rails-cookie": "it has no store", "scs-memory": "its memory always answers"}
	ask(t, settings{}, why, func(r *run) cell {
		b := r.born()
		how, mend := r.breakStore()
		read := b.get("name")
		stranger := r.browser()
		write := stranger.set("name", "new")
		mend()
		time.Sleep(time.Second)
		after := b.get("name")
		for until := time.Now().Add(20 * time.Second); !after.ok() && time.Now().Before(until); after = b.get("name") {
			time.Sleep(200 * time.Millisecond) // a client of Redis connects again when it likes
		}
		what := func(a answer) string {
			switch {
			case a.Err != nil:
				return fmt.Sprintf("not answered within %v", patience)
			case a.ok():
				return fmt.Sprintf("answered %d", a.Status)
			}
			return fmt.Sprintf("refused with %d", a.Status)
		}
		kept := !write.ok() || stranger.get("name").Found
		refused := read.Err == nil && !read.ok() && write.Err == nil
		return judge(refused && kept && after.Found, "%s: a get was %s, a set of a new session %s; once it was back, the session was found: %v, and a success was true: %v", how, what(read), what(write), after.Found, kept)
	})
}

func TestTooLargeIsRefused(t *testing.T) {
	ask(t, settings{}, nil, func(r *run) cell {
		b := r.born()
		const size = 70_000
		var text strings.Builder // random, since some compress what they keep
		for text.Len() < size {
			text.WriteString(rand.Text())
		}
		a := b.set("large", text.String()[:size])
		large, name := b.get("large"), b.get("name")
		whole := large.Value == text.String()[:size]
		return judge(name.Found && (a.ok() && whole || !a.ok() && !large.Found),
			"a set of %d letters was answered %d; they are found: %v; what was set before is found: %v", size, a.Status, whole, name.Found)
	})
}

func TestSecretsRotate(t *testing.T) {
	why := map[string]string{
		"scs-memory": "it has no secret: its cookie is a random token", "scs-redis": "it has no secret: its cookie is a random token",
		"rails-cache": "it uses no secret: its cookie is a random ID",
	}
	ask(t, settings{}, why, func(r *run) cell {
		b := r.born()
		fresh := secret()
		r.restart(fresh, r.with.secrets[0])
		between := b.get("name").Found
		a := b.set("again", "1") // which signs with the new one
		r.restart(fresh)
		after := b.get("name").Found
		return judge(between && after, "started again with a new secret before the old one, the session is found: %v; a set (%d), and started again without the old one: %v", between, a.Status, after)
	})
}

func TestFullStore(t *testing.T) {
	why := map[string]string{
		"django-cookies": "it has no store", "gorilla-cookie": "it has no store", "rails-cookie": "it has no store",
		"scs-memory": "it sets no limit to its memory", "gorilla-files": "it sets no limit to its folder", "django-db": "it sets no limit to its table",
	}
	ask(t, settings{}, why, func(r *run) cell {
		b := r.born()
		r.redis("config", "set", "maxmemory-policy", "noeviction")
		r.redis("config", "set", "maxmemory", "1")
		stranger := r.browser()
		write, live := stranger.set("name", "new"), b.get("name")
		r.redis("config", "set", "maxmemory", "0")
		after := b.get("name").Found
		kept := !write.ok() || stranger.get("name").Found
		out := live.ok() && !live.Found
		return judge(write.Err == nil && kept && !out && after,
			"Redis had no room (`maxmemory`, `noeviction`): a set of a new session was answered %d, and a success was true: %v; a get of the live session was answered %d, and afterwards it is found: %v", write.Status, kept, live.Status, after)
	})
}

func TestExpiredRecordsAreCleared(t *testing.T) {
	why := map[string]string{"sessionscope-cookie": "it keeps no records, but a marker for an ID that was ended"}
	for name, reason := range noRecords {
		why[name] = reason
	}
	ask(t, settings{idle: time.Second, lifetime: 2 * time.Second}, why, func(r *run) cell {
		for range 3 {
			r.browser().set("name", "Rahim")
		}
		most := r.records()
		time.Sleep(3500 * time.Millisecond)
		how := "nothing more was done, as its documentation names nothing"
		switch {
		case strings.HasPrefix(r.c.name, "sessionscope"):
			r.browser().post("/clear-expired")
			how = "`POST /clear-expired`"
		case r.c.name == "django-db":
			r.output("/usr/bin/python3", "django/app.py", "clearsessions")
			how = "`clearsessions`"
		case r.c.redis:
			how = "Redis removed them by itself"
		case r.c.name == "scs-memory":
			how = "its cleanup, once a second in this run"
		}
		left := r.records()
		return judge(most == 3 && left == 0, "of %d expired records %d are left: %s", most, left, how)
	})
}
