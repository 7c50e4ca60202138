package show

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// maxFeed is how many lines of the feed a board shows, and maxKnockers how many who wait.
const (
	maxFeed     = 20
	maxKnockers = 12
)

// Tiles are the tiles of the board, in the order of the facts. experiments is how many there are.
func Tiles(all []classroom.Tile, experiments int, now time.Time) []views.Tile {
	out := make([]views.Tile, 0, len(all))
	for _, t := range all {
		out = append(out, Tile(t, experiments, now))
	}
	return out
}

// Tile is the tile of a seat. It has no key, no value, no cookie, no ID and no code.
func Tile(t classroom.Tile, experiments int, now time.Time) views.Tile {
	v := views.Tile{
		Name: t.Name, Nickname: t.Nickname, Find: strings.ToLower(t.Nickname), State: string(t.State),
		Act: acts[t.LastOp], At: millis(t.LastAt), Age: Age(t.LastAt, now), Heard: millis(t.HeardAt), HeardAge: Age(t.HeardAt, now),
		Asleep: !t.Awake, Two: t.Devices > 1, Done: fmt.Sprintf("%d of %d done", t.Done, experiments), Answered: t.Answered, Acts: strconv.FormatInt(t.Flash, 10),
	}
	if v.Trouble, v.Rehearsal = inTrouble(t), t.Rehearsal; t.Rehearsal {
		v.Find += " rehearsal"
	}
	v.Words = stateOf(t)
	if t.Session != "" && t.State != classroom.StateNoCookie {
		v.Session = t.Session[:min(4, len(t.Session))] + "…"
	}
	switch {
	case t.InCookie > 0 && t.OnServer > 0:
		v.Lives = "both"
	case t.InCookie > 0:
		v.Lives = "cookie"
	case t.OnServer > 0:
		v.Lives = "server"
	}
	return v
}

// stateOf says what became of a seat's session.
func stateOf(t classroom.Tile) string {
	switch t.State {
	case classroom.StateLive:
		return fmt.Sprintf("%d %s · %s", t.Keys, say.Plural(t.Keys, "key", "keys"), say.Bytes(t.Bytes))
	case classroom.StateNoCookie:
		return "no cookie comes back"
	case classroom.StateEnded:
		return cmp.Or(gone[t.Act], endings[t.Why])
	case classroom.StateGone:
		return "no cookie came"
	}
	if t.Unseen {
		return "not seen since the start"
	}
	switch t.LastOp {
	case "", "lab", "get", "keys":
		return "no session yet"
	}
	return "no session now" // it has moved
}

// inTrouble tells whether a seat may need help. A session that was flushed, whose time was over, or that the
// teacher ended for everyone, ended as sessions do.
func inTrouble(t classroom.Tile) bool {
	ended := t.State == classroom.StateEnded && t.Why != classroom.EndedFlushed && t.Why != classroom.EndedExpired && t.Act == ""
	return !t.Awake || ended || t.State == classroom.StateNoCookie
}

// endings say how a session has ended.
var endings = map[string]string{
	classroom.EndedFlushed: "flushed", classroom.EndedExpired: "expired",
	classroom.EndedCycled: "cycled away", classroom.EndedRefused: "cookie refused",
}

// gone say what the teacher did to every session, of a cookie of before that opens nothing.
var gone = map[classroom.ActKind]string{
	classroom.ActRestart: "gone: restart", classroom.ActNewSecret: "gone: new secret", classroom.ActFlush: "gone: flush", classroom.ActForget: "gone: forget",
	classroom.ActExpire: "gone: expire",
}

// IsAct tells whether the board calls the operation an act of somebody. Other requests, such as a
// page's own questions, only show what became of its session.
func IsAct(op string) bool { return acts[op] != "" }

// acts are the last acts of a seat, by the operation.
var acts = map[string]string{
	"set": "set a value", "get": "read a value", "keys": "listed the keys", "delete": "deleted a key", "clear": "cleared the values", "flush": "pressed Flush",
	"cycle-id": "cycled the ID", "clear-expired": "cleared expired records", "expiry": "set an expiry", "placement": "chose a placement", "login": "logged in", "logout": "logged out",
	"tamper": "sent a changed copy", "pin": "pinned a copy", "replay": "replayed a copy", "drop-cookie": "dropped the cookie", "put-back": "put a cookie back",
	"plant": "planted a readable cookie", "check": "checked a value", "lab": "looked at the lab",
}

// Age shows how long ago something was, "" for never. The page's script counts on in the same words.
func Age(at, now time.Time) string {
	s := int(now.Sub(at) / time.Second)
	switch {
	case at.IsZero():
		return ""
	case s < 2:
		return "now"
	case s < 100:
		return fmt.Sprintf("%d s", s)
	case s < 6000:
		return fmt.Sprintf("%d min", s/60)
	}
	return fmt.Sprintf("%d h", s/3600)
}

// millis returns a time in milliseconds since 1970, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Tally counts the seats. most is how many there can be.
func Tally(all []classroom.Tile, most int) views.Tally {
	awake, trouble, own := 0, 0, 0
	for _, t := range all {
		if t.Awake {
			awake++
		}
		if inTrouble(t) {
			trouble++
		}
		if t.Rehearsal {
			own++
		}
	}
	return views.Tally{
		Seats: fmt.Sprintf("%d %s", len(all), say.Plural(len(all), "seat", "seats")), Most: say.Number(most),
		Awake: say.Rehearsing(own) + fmt.Sprintf("%d awake, %d in trouble", awake, trouble),
	}
}

// Feed shows the latest of what happened to the sessions, the newest first. What one seat does again
// and again is one line: nobody can push the others out.
func Feed(lines []classroom.FeedLine) (out []views.FeedLine) {
	for i := len(lines) - 1; i >= 0 && len(out) < maxFeed; i-- {
		times := 1
		for ; i > 0 && sameLine(lines[i], lines[i-1]); i-- {
			times++
		}
		l := lines[i+times-1]
		v := views.FeedLine{At: l.At.Local().Format("15:04:05"), Nickname: l.Nickname, Words: happened[l.What], Tone: l.What}
		if l.Why != "" {
			v.Words += ": " + say.Shown(l.Why, 80)
		}
		if times > 1 {
			v.Words += fmt.Sprintf(", %d times", times)
		}
		out = append(out, v)
	}
	return out
}

func sameLine(a, b classroom.FeedLine) bool {
	return a.Nickname == b.Nickname && a.What == b.What && a.Why == b.Why
}

// happened are the lines of the feed.
var happened = map[string]string{
	classroom.FeedBorn: "has a new session", classroom.EndedFlushed: "ended the session", classroom.EndedExpired: "has no session any more: it expired",
	classroom.EndedCycled: "sent an ID that was replaced: it opens nothing", classroom.EndedRefused: "sent a cookie that opens nothing",
}

// SeatFacts are the facts of the seat whose tile was chosen. beside is how many further seats its
// device has.
func SeatFacts(s classroom.Seat, t classroom.Tile, beside, experiments int, now time.Time) *views.SeatFacts {
	out := &views.SeatFacts{Tile: Tile(t, experiments, now), Beside: beside}
	fact := func(name, value string) { out.Facts = append(out.Facts, views.Field{Name: name, Value: value}) }
	session := out.Tile.Words
	if t.Session != "" {
		session = t.Session + " · " + session
	}
	if t.Rehearsal {
		fact("here sits", "one of the program's own browsers")
	}
	fact("session", session)
	if t.State == classroom.StateEnded && t.Reason != "" {
		fact("why", say.Shown(t.Reason, 80))
	}
	if t.State == classroom.StateLive || t.State == classroom.StateNoCookie {
		fact("values", fmt.Sprintf("%d in the cookie, %d on the server", t.InCookie, t.OnServer))
	}
	if out.Tile.Act != "" {
		fact("last act", fmt.Sprintf("%s, at %s", out.Tile.Act, say.Clock(t.LastAt)))
	}
	switch {
	case t.HeardAt.IsZero():
		fact("heard", "not yet: no page of this seat is open")
	case t.Awake:
		fact("heard", "at "+say.Clock(t.HeardAt))
	default:
		fact("heard", "asleep, last heard at "+say.Clock(t.HeardAt))
	}
	fact("experiments", out.Tile.Done)
	fact("joined", say.Clock(s.Joined))
	switch {
	case t.Devices > 1:
		fact("devices", fmt.Sprintf("open on %d devices: whoever reads along on plain http can open a seat", t.Devices))
	case beside > 0:
		fact("device", fmt.Sprintf("shared with %d more %s", beside, say.Plural(beside, "seat", "seats")))
	}
	return out
}

// Door is the door with those who wait there.
func Door(closed bool, waiting []classroom.Waiting) views.Door {
	d := views.Door{Closed: closed, More: max(0, len(waiting)-maxKnockers)}
	for _, w := range waiting[:min(len(waiting), maxKnockers)] {
		d.Waiting = append(d.Waiting, views.Knocker{Nickname: w.Nickname, Since: say.Clock(w.Since)})
	}
	return d
}

// ClassStore is what the store of the class holds, if it answered.
func ClassStore(name string, durable bool, stats session.Stats, answered bool) views.ClassStore {
	return views.ClassStore{Name: name, Durable: durable, Unknown: !answered, Stats: []views.Stat{
		{Number: say.Number(stats.Live), Text: say.Plural(stats.Live, "live record", "live records")},
		{Number: say.Number(stats.Expired), Text: "expired, not cleared"},
		{Number: say.Size(stats.Bytes), Text: "in these records"},
	}}
}

// SortTiles orders tiles by their last act, the latest first.
func SortTiles(all []classroom.Tile) {
	slices.SortStableFunc(all, func(a, b classroom.Tile) int { return b.LastAt.Compare(a.LastAt) })
}

// Counts are the numbers of a tally in words.
func Counts(t views.Tally) string { return t.Seats + ": " + t.Awake }

// Summary says for a screen reader what happened of late: acted seats did something.
func Summary(t views.Tally, acted int) string {
	if acted == 0 {
		return Counts(t) + "."
	}
	return fmt.Sprintf("%s. In the last seconds %d did something.", Counts(t), acted)
}
