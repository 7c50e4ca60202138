package e2e

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (f *facts) ofJar() {
	own, readable, seen := []jarCookie{}, "none", []string{}
	for _, c := range f.kept {
		switch {
		case c.name == f.name && !c.bare:
			own = append(own, c)
		case c.name == f.name+"-readable":
			readable = "there"
		}
		if f.scripts {
			shown := shortName(withName(c.name, f.name))
			if shown == "" {
				shown = "(no name)"
			}
			if c.httpOnly {
				f.say("the browser's jar", "scripts see(%s)=hidden", shown)
				continue
			}
			f.say("the browser's jar", "scripts see(%s)=visible", shown)
			if c.name == f.name+"-readable" {
				seen = append(seen, shown+"="+c.value)
			} else {
				seen = append(seen, fmt.Sprintf("%s=‹%d B, of another program›", cmp.Or(c.name, "(no name)"), len(c.value)))
			}
		}
	}
	if f.scripts {
		slices.Sort(seen)
		f.say("the browser's jar", "document.cookie=%s", strings.Join(seen, "; "))
	}
	f.say("the browser's jar", "readable=%s", readable)
	if len(own) > 1 || f.twice() {
		return // which of them the page takes for the browser's depends on what they open
	}
	if len(own) == 1 && own[0].value == "" {
		return // a cookie, and nothing in it
	}
	if len(own) == 0 {
		f.say("the browser's jar", "kept=no")
		f.say("the browser's jar", "kept size=none")
		return
	}
	f.ofKept(own[0].value)
}

// twice tells that two cookies of the session cookie's name came.
func (f *facts) twice() bool {
	n := 0
	for _, c := range f.came {
		if c.name == f.name && !c.bare {
			n++
		}
	}
	return n > 1
}

// ofKept claims what the cookie consists of that the browser keeps.
func (f *facts) ofKept(value string) {
	f.say("the browser's jar", "kept=yes")
	f.say("the browser's jar", "kept value=%s", value)
	f.say("the browser's jar", "kept bytes=%d", len(value))
	f.say("the browser's jar", "kept size=%d", len(f.name)+len(value))
	f.say("the browser's jar", "limit=4096")
	outer, err := base64.URLEncoding.DecodeString(value)
	parts := strings.SplitN(string(outer), "|", 3)
	if err != nil || len(parts) < 3 {
		f.say("the cookie in the browser's jar", "layers=no")
		return
	}
	where := "the cookie in the browser's jar, decoded"
	f.say(where, "layers=yes")
	f.say(where, "layer(time)=%s", parts[0])
	f.say(where, "layer(payload)=%s", parts[1])
	f.say(where, "layer(signature)=%s", base64.URLEncoding.EncodeToString([]byte(parts[2])))
	f.say(where, "size of layer(time)=%d", len(parts[0]))
	f.say(where, "size of layer(payload)=%d", len(parts[1]))
	f.say(where, "size of layer(signature)=%d", len(parts[2]))
	if second, err := strconv.ParseInt(parts[0], 10, 64); err == nil {
		f.say(where, "signed at=%s", clockTime(time.Unix(second, 0)))
	}
	envelope, err := base64.URLEncoding.DecodeString(parts[1])
	if err != nil || len(envelope) < 28 {
		return
	}
	sum := sha256.Sum256(envelope[2:28])
	f.say(where, "size of envelope=%d", len(envelope))
	f.say(where, "envelope(ID)=%s", envelope[2:28])
	f.say(where, "envelope(name)=%x", sum[:4])
	values := "none in the cookie"
	if at := strings.Index(string(envelope[28:]), `{"`); at >= 0 {
		values = string(envelope[28+at:])
	}
	f.say(where, "envelope(values)=%s", values)
	keys := map[string]json.RawMessage{}
	json.Unmarshal([]byte(values), &keys)
	names := strings.Join(slices.Sorted(maps.Keys(keys)), ", ")
	f.say(where, "keys in the cookie=%s", cmp.Or(names, "none"))
}

// clockTime is a time as the page says it.
func clockTime(t time.Time) string {
	t = t.Local()
	if now := time.Now(); t.YearDay() != now.YearDay() || t.Year() != now.Year() {
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format("15:04:05")
}
