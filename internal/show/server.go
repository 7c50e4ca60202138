package show

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

const silent = "The store does not answer."

// Server shows what the server keeps of the session that the browser's cookie opens, or what
// became of the session that the browser had last. With still the panel is of a past moment:
// it is shown as it was then, and its clocks stand still.
func Server(s trace.Seen, now time.Time, still bool) views.Server {
	if still {
		now = s.At
	}
	if s.Store.Down {
		return views.Server{Empty: silent}
	}
	var v views.Server
	if s.Session.Exists {
		v = live(s.Session, s.Store.Policy, now)
		showRecord(&v, s)
	} else {
		v = absent(s, now)
	}
	addLeft(&v, s.Store.Left)
	v.Figures = Figures(ownFigures(s), now)
	mark(&v, s)
	v.Idle.Still, v.Absolute.Still = still, still
	return v
}

// ownFigures are the figures of an exchange. The store was asked for them before the press
// was done, so the line of this browser's own session is replaced by what the exchange says.
func ownFigures(s trace.Seen) trace.Figures {
	f, st := s.Store.Figures, s.Store
	if copied(s) || s.Nothing {
		return f
	}
	f.Family = slices.Clone(f.Family)
	for i := range f.Family {
		if m := &f.Family[i]; m.This {
			m.ID, m.State, m.Unknown = st.ID, st.State, st.Unknown
			m.Carried = s.Session.Exists && s.Session.Placement == session.InCookie
		}
	}
	return f
}

// showRecord shows the record of a session that a cookie opens as the store keeps it, or says
// why there is no record.
func showRecord(v *views.Server, s trace.Seen) {
	switch st := s.Store; {
	case st.Unknown:
		v.Nothing = "unknown, because the store does not answer."
	case st.State == session.StateNone && s.Session.Placement == session.InCookie:
		v.Nothing = "nothing. With this placement the server keeps no record: the cookie is the session."
	case st.State == session.StateNone:
		v.Nothing = "nothing any more: the record was removed just now."
	default:
		stored(v, st)
		carried(v, s.Session)
	}
}

// carried notes that the record has none of the values, since all travel in the cookie.
func carried(v *views.Server, s trace.Session) {
	for _, value := range s.Values {
		if value.OnServer {
			return
		}
	}
	v.Carried = len(s.Values) > 0 && s.Placement == session.Hybrid
}

// stored shows a record's fields as the store keeps them.
func stored(v *views.Server, st trace.Store) {
	v.Where, v.Kept = st.Where, st.Where
	if strings.HasPrefix(st.Where, "hash ") { // the name of the hash is long
		v.Kept = "Redis hash"
	}
	for _, f := range st.Fields {
		v.Stored = append(v.Stored, views.Field{Name: f.Name, Value: say.ShownText(f.Value, maxShown), Note: noteOn(f)})
	}
}

// noteOn says in a few words what a stored field means, or "".
func noteOn(f trace.Stored) string {
	value := f.Value.Start
	ms, err := strconv.ParseInt(value, 10, 64)
	switch {
	case f.Name == "key":
		return "SHA-256 of the session ID"
	case f.Name == "data" && strings.Contains(value, `},"cookie_values_since":`):
		return "cookie_values_since: values in a cookie of an earlier version do not count any more"
	case f.Name == "marker" && (value == "0" || value == "false"):
		return "no: this ID has not ended"
	case f.Name == "marker" && value != "":
		return "yes: this ID has ended and opens nothing"
	case err != nil:
		return ""
	case f.Name == "created" || f.Name == "expires":
		return time.UnixMilli(ms).Format("2006-01-02 15:04:05")
	case f.Name == "PTTL" && ms > 0:
		return "Redis removes it in " + say.Left(time.Duration(ms)*time.Millisecond)
	}
	return ""
}

// absent is the panel of a browser whose cookie opens nothing. It shows what the store has
// of the session that was looked for, as far as that is known without a cookie.
func absent(s trace.Seen, now time.Time) (v views.Server) {
	switch st, c := s.Store, s.Cookie; {
	case st.Unknown:
		v.Empty = silent
	case st.ID == "" && c.Put && !c.Thrown:
		v.Empty = "The cookie that was put back opens no session. Reading never creates a session: only a write does."
	case st.ID == "" && c.Came: // a cookie that opens nothing does not say which record is this browser's
		v.Empty = "The cookie that came opens no session. Reading never creates a session: only a write does."
	case st.ID == "":
		v.Empty = "No record of this browser. Reading never creates a session: only a write does."
	case st.State == session.StateLive:
		v = live(st.Record, st.Policy, now)
		v.Partial = st.Record.Placement == session.Hybrid
		v.Late = &views.Late{ID: st.ID, Text: "its record is still here, and no cookie that came opens it."}
		switch {
		case s.Nothing && mayOpen(c, st.ID): // somebody else came for it
			v.Late = nil
		case c.Thrown && c.CameTwice():
			v.Late.Text = "its record is still here. Two cookies of this name came, and the one that stays may open it."
		case s.Nothing, c.Thrown, c.Put: // the one that came, if any, may have opened it
			v.Late.Text = "its record is still here, and this browser has no cookie any more that opens it."
		}
		stored(&v, st)
	default:
		v.Late = &views.Late{ID: st.ID, Text: lateTexts[st.State]}
		v.Empty = "No live record of this browser."
		stored(&v, st)
	}
	if copied(s) && s.N > 0 && !s.Store.Unknown {
		v.Empty = "The copy opened nothing."
	}
	return v
}

// mayOpen tells whether the cookie that the browser keeps may be of the session with the
// short name id. A hidden cookie may.
func mayOpen(c trace.Cookie, id string) bool {
	layers, _ := session.Peel(c.Kept)
	e, ok := layers.Envelope()
	return c.Hidden || ok && session.KeyOf(e.ID).Name().String() == id
}

var lateTexts = map[session.State]string{
	session.StateNone:    "the store holds nothing under its ID.",
	session.StateExpired: "it has expired, so it reads as absent, but its record is still here: expired is not cleared.",
	session.StateEnded:   "it has ended. The server keeps only a marker, so that its ID opens nothing any more.",
	session.StateCycled:  "its ID was replaced. For half a minute a write with the old ID is answered 409, so that a late request undoes nothing.",
	session.StateCorrupt: "its record is corrupt, so it reads as absent.",
}

// addLeft says that the record of the browser's session before is still live.
func addLeft(v *views.Server, l trace.Left) {
	switch {
	case l.ID == "" || l.State != session.StateLive || l.ID == v.ID:
	case v.Late == nil:
		v.Late = &views.Late{ID: l.ID, Text: fmt.Sprintf("its record is still here, v%d; no cookie of this browser opens it.", l.Version)}
	case v.Late.ID != l.ID:
		v.Late.Text += fmt.Sprintf(" And the old record %s is still here, v%d; no cookie of this browser opens it.", l.ID, l.Version)
	}
}

// live shows a session that lives.
func live(s trace.Session, policy trace.Policy, now time.Time) views.Server {
	v := views.Server{ID: s.ID, Version: strconv.FormatUint(s.Version, 10), Created: say.Clock(s.Created)}
	name, whole := "idle clock", policy.Idle
	switch {
	case s.Expiry.After > 0:
		whole = s.Expiry.After
	case !s.Expiry.At.IsZero():
		whole = s.Expiry.At.Sub(s.Created)
	}
	if s.Expiry.After != 0 || !s.Expiry.At.IsZero() {
		name = "its own expiry"
	}
	v.Idle, v.Absolute = clock(name, s, s.Expires, whole, now), clock("absolute lifetime", s, s.Absolute, policy.Lifetime, now)
	v.Idle.First = s.Expires.Before(s.Absolute)
	v.Absolute.First = !v.Idle.First
	for _, value := range s.Values {
		v.Values = append(v.Values, views.Value{
			Name: value.Key, Key: say.Shown(value.Key, maxShown), Type: value.Type, Text: say.ShownText(value.Text, 400),
			Bytes: say.Number(value.Text.Bytes), OnServer: value.OnServer, Short: short(value), Sum: value.Sum,
		})
	}
	return v
}

// clock is a clock of s that runs out at until and began whole before that. More than the whole
// is left when the program was started again with a shorter clock, or when the server's own clock
// was set back: that is certain for a session of the future. The ring is full then.
func clock(name string, s trace.Session, until time.Time, whole time.Duration, now time.Time) views.Clock {
	if left := until.Sub(now); whole > 0 && left > whole+time.Second {
		name += ", more than " + say.Left(whole)
		if s.Created.After(now) {
			name += ": the server's clock was set back"
		}
		whole = left
	}
	return views.Clock{Name: name, Until: until.UnixMilli(), Now: now.UnixMilli(), Whole: whole.Milliseconds(), Left: say.Left(until.Sub(now)), At: say.Clock(until)}
}

// mark shows what the press changed.
func mark(v *views.Server, s trace.Seen) {
	if s.Nothing {
		return // no press of this browser's
	}
	changed := make(map[string]bool)
	for _, ev := range s.Events {
		switch ev.Kind {
		case session.Set, session.Placed:
			changed[ev.Key] = true
		case session.Deleted:
			if v.ID != "" {
				v.Values = append(v.Values, views.Value{Name: ev.Key, Key: say.Shown(ev.Key, maxShown), Gone: true})
			}
		case session.Created, session.Cycled:
			v.IDChanged = true
		}
	}
	for i := range v.Values {
		v.Values[i].Changed = changed[v.Values[i].Name]
	}
}
