package say

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// story is what a timeline says of an exchange.
type story struct {
	verb, what, tone string
	whole            bool // nothing is added about the cookie that came
}

// Summary says in a few words the most important thing that an exchange did. tone is "born",
// "gone", "moved", "bad", or "" for all others.
func Summary(g trace.Gist) (verb, what, tone string) {
	a := actsOf(g.Acts)
	if g.Status >= http.StatusBadRequest {
		return "refused", refusedPress(&g, a), "bad"
	}
	t := asked(&g, a)
	for _, tell := range stories {
		if better, did := tell(&g, a); did {
			t = better
			break
		}
	}
	return t.verb, t.what + t.addition(&g, a), t.tone
}

// refusedPress names the press that was refused, and the status.
func refusedPress(g *trace.Gist, a *acts) string {
	what := fmt.Sprintf("%d %s", g.Status, http.StatusText(g.Status))
	if press := cmp.Or(ops[g.Op], g.Op); press != "" && press != "lab" {
		what = press + ": " + what
	}
	if a.stale {
		what += ", stale cookie"
	}
	return what
}

// stories say one thing each, and whether the exchange did it. The most important comes
// first; Summary takes the first that the exchange did.
var stories = []func(*trace.Gist, *acts) (t story, did bool){
	handled, ended, born, renewed, emptied, written, moved, swept, lapsed, saved,
}

// addition ends a story with what matters about the cookie that came.
func (t story) addition(g *trace.Gist, a *acts) string {
	add := ""
	switch {
	case t.whole:
	case a.has(session.Refused):
		add = ", a cookie refused"
	case a.stale && !a.has(session.Flushed):
		add = ", stale cookie"
	case t.what == "" && g.Verdict == session.VerdictAbsent:
		add = "no session cookie" // cookies of other names may have come
	}
	if t.what == "" {
		add = strings.TrimPrefix(add, ", ")
	}
	return add
}

// acts are what the engine did, by its kind.
type acts struct {
	last  map[session.EventKind]trace.Act
	sets  []string // keys that have a new value, and where they live
	moves []string // keys with the value that they had, and where they live now
	stale bool     // the cookie that came was older than its session, which it opens
}

// maxKey is how much of a key a timeline shows, in bytes.
const maxKey = 30

func actsOf(list []trace.Act) *acts {
	a := &acts{last: make(map[session.EventKind]trace.Act)}
	set := "" // a key that has a new value: the engine tells next where it lives
	unplaced := func() {
		if set != "" {
			a.sets = append(a.sets, Shown(set, maxKey))
		}
	}
	for _, act := range list {
		switch {
		case act.Kind == session.Refused && strings.HasPrefix(act.Reason, "stale"):
			a.stale = true
			continue
		case act.Kind == session.Set:
			unplaced()
			set = act.Key
		case act.Kind == session.Placed && act.Key == set:
			a.sets = append(a.sets, Shown(act.Key, maxKey)+" → "+act.Lives)
			set = ""
		case act.Kind == session.Placed:
			a.moves = append(a.moves, Shown(act.Key, maxKey)+" → "+act.Lives)
		}
		a.last[act.Kind] = act
	}
	unplaced()
	return a
}

func (a *acts) has(kind session.EventKind) bool {
	_, ok := a.last[kind]
	return ok
}

// maxNamed is how many keys a timeline names.
const maxNamed = 12

// named lists keys as a timeline has room for.
func named(keys []string) string {
	if len(keys) > maxNamed { // a gist keeps the first acts, so the number of keys is not known
		return strings.Join(keys[:maxNamed], ", ") + " and more"
	}
	return strings.Join(keys, ", ")
}

// handled is about presses on the browser's cookies, whatever the cookies open.
func handled(g *trace.Gist, a *acts) (t story, did bool) {
	switch {
	case g.Op == "put-back" && g.Put:
		t = putBackStory(g)
	case g.Op == "drop-cookie" && g.Put:
		t = dropStory(a)
	case g.Op == "flush" && g.Put:
		t = story{verb: "started over", what: "the cookie gone, which opened nothing", tone: "gone", whole: true}
	case g.Op == "plant" && g.Away:
		t = story{verb: "taken away", what: "the readable cookie"}
	case g.Op == "plant":
		t = story{verb: "planted", what: "a readable cookie"}
	case g.Op == "check" && g.Verdict == session.VerdictAbsent:
		t = story{verb: "checked", what: "a value, and no session cookie came"}
	case g.Op == "check" && g.Same:
		t = story{verb: "checked", what: "a value: the same"}
	case g.Op == "check":
		t = story{verb: "checked", what: "a value: another"}
	case g.Pinned:
		t = story{verb: "pinned", what: "a copy"}
	case g.Copied && g.Op == "replay":
		t = story{verb: "sent", what: "a pinned copy", whole: true}
	case g.Copied && g.Same:
		t = story{verb: "sent", what: "an unchanged copy", whole: true}
	case g.Copied:
		t = story{verb: "sent", what: "a changed copy", whole: true}
	default:
		return t, false
	}
	return t, true
}

// putBackStory tells what the copy opens that is the browser's cookie again.
func putBackStory(g *trace.Gist) story {
	t := story{verb: "put back", what: "a pinned copy", tone: "moved", whole: true}
	switch {
	case g.Session == "" && !g.Aside:
		t.what, t.tone = "a copy that opens nothing", "gone"
	case g.Verdict == session.VerdictStale:
		t.what = "a stale copy"
	}
	return t
}

// dropStory tells what the browser dropped. The press still came with the cookie, so the
// acts have the session that it opened.
func dropStory(a *acts) story {
	t := story{verb: "dropped", what: "the cookie", tone: "gone", whole: true}
	switch read, opened := a.last[session.Read]; {
	case opened && read.Place == session.InCookie:
		t.what = "the cookie, and the session in it"
	case opened:
		t.what = "the cookie, not the record"
	}
	return t
}

// ended tells that the session has ended.
func ended(g *trace.Gist, a *acts) (t story, did bool) {
	t = story{verb: "flushed", what: "record and cookie gone", tone: "gone"}
	switch {
	case g.Op == "logout":
		t.verb = "logged out"
	case g.Op == "flush" && g.Away:
		t.verb = "started over"
	}
	switch {
	case g.Elsewhere:
		t.what = "session ended; the next request shows whether a cookie is left"
	case a.last[session.Flushed].Place == session.InCookie:
		t.what = "cookie gone, its ID ended"
	}
	return t, a.has(session.Flushed)
}

// born tells that a session began.
func born(_ *trace.Gist, a *acts) (story, bool) {
	return story{verb: "created", what: named(a.sets), tone: "born"}, a.has(session.Created)
}

// renewed tells that the session has a new ID.
func renewed(g *trace.Gist, a *acts) (t story, did bool) {
	switch {
	case g.Op == "placement":
		t = story{verb: "moved", what: "to " + a.last[session.Cycled].Place.String() + ", new ID"}
	case g.Op == "expiry":
		t = story{verb: "expiry", what: "set, new ID"}
	case g.Op == "login":
		t = story{verb: "logged in", what: "new ID"}
	case len(a.sets) > 0:
		t = story{verb: "cycled", what: "new ID, " + named(a.sets)}
	default:
		t = story{verb: "cycled", what: "new ID, same values"}
	}
	t.tone = "moved"
	return t, a.has(session.Cycled)
}

// emptied tells that keys are gone.
func emptied(_ *trace.Gist, a *acts) (t story, did bool) {
	switch {
	case a.has(session.Cleared):
		return story{verb: "cleared", what: counted(a.last[session.Cleared].Count, "key", "keys")}, true
	case a.has(session.Deleted):
		return story{verb: "deleted", what: Shown(a.last[session.Deleted].Key, maxKey)}, true
	}
	return t, false
}

// written tells that keys have a new value.
func written(_ *trace.Gist, a *acts) (story, bool) {
	return story{verb: "set", what: named(a.sets)}, len(a.sets) > 0
}

// moved tells that values live in another place.
func moved(g *trace.Gist, a *acts) (t story, did bool) {
	switch {
	case len(a.moves) > 0:
		t = story{verb: "moved", what: named(a.moves)}
	case a.has(session.Saved) && g.Op == "placement" && g.Placement != 0:
		t = story{verb: "moved", what: "to " + g.Placement.String() + ", values stay"}
	default:
		return t, false
	}
	t.tone = "moved"
	return t, true
}

// swept tells that expired records were removed.
func swept(_ *trace.Gist, a *acts) (story, bool) {
	n := a.last[session.Swept].Count
	return story{verb: "cleared", what: counted(n, "expired record", "expired records"), tone: "gone"}, n > 0
}

// lapsed tells that the session has expired, or that no cookie opened one. A press is named too:
// who looks for it in the timeline finds it.
func lapsed(g *trace.Gist, a *acts) (t story, did bool) {
	reason := ""
	switch {
	case a.has(session.Expired):
		t = story{verb: "expired", what: a.last[session.Expired].Reason, tone: "gone", whole: true}
		reason = "expired: " + t.what
	case a.has(session.Refused) && !a.has(session.Read): // or another cookie of the name opened the session
		t = story{verb: "refused", what: a.last[session.Refused].Reason, tone: "bad", whole: true}
		reason = "cookie refused: " + t.what
	default:
		return t, false
	}
	if press := asked(g, a); !g.Nothing && g.Op != "" && g.Op != "lab" && g.Op != "session" {
		t.verb, t.what = press.verb, strings.TrimPrefix(press.what+", "+reason, ", ")
	}
	return t, true
}

// saved tells of a write that changed no value.
func saved(_ *trace.Gist, a *acts) (story, bool) {
	return story{verb: "expiry", what: "set", tone: "moved"}, a.has(session.Saved)
}

// asked tells what was asked for, of an exchange that changed nothing.
func asked(g *trace.Gist, a *acts) story {
	key := Shown(g.Key, maxKey)
	switch {
	case g.Op == "get" && !g.Found:
		return story{verb: "get", what: key + " → missing"}
	case g.Op == "get":
		return story{verb: "get", what: key}
	case g.Op == "flush" && g.Away:
		return story{verb: "started over", what: "without a session"}
	case g.Op == "flush" && g.Session == "":
		return story{verb: "flush", what: "nothing to end"}
	case g.Op == "clear-expired":
		return story{verb: "clear expired", what: "none found"}
	case g.Op == "set", g.Op == "delete":
		return story{verb: g.Op, what: key + ", no change"}
	case ops[g.Op] != "":
		return story{verb: ops[g.Op]}
	case g.Op == "" && a.has(session.Read), g.Op == "session":
		return story{verb: "read"}
	case g.Op == "":
		return story{verb: "looked", what: "no session cookie"}
	case g.Op == "lab":
		return story{verb: "opened"}
	}
	return story{verb: g.Op}
}

// ops has what a timeline says for an Op that is no plain word.
var ops = map[string]string{
	"clear-expired": "clear expired", "cycle-id": "cycle ID", "drop-cookie": "drop cookie", "put-back": "put back", "logout": "log out",
}
