package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// figures are the store's, and what it has of the browsers of v's family; zero when
// it does not answer. v may be nil.
func (a *App) figures(ctx context.Context, id *identity, v *visit) views.Figures {
	stats, err := id.engine.Stats(ctx)
	if err != nil {
		return views.Figures{}
	}
	now := id.engine.Now()
	a.plot.add(now, stats)
	return views.Figures{
		Stats: []views.Stat{
			{Number: number(stats.Live), Text: plural(stats.Live, "live record", "live records")},
			{Number: number(stats.Expired), Text: "expired, not cleared"},
			{Number: size(stats.Bytes), Text: "in the store"},
		},
		Plot: a.plot.view(now), Expired: stats.Expired, Family: a.familyOf(ctx, v),
	}
}

// familyOf tells what became of each session of v's family, if it is more than one
// browser: of two that are logged in, the one that logs out is seen to go alone.
func (a *App) familyOf(ctx context.Context, v *visit) (out []views.Member) {
	if v == nil {
		return nil
	}
	seen := make(map[*identity]bool)
	for _, kin := range a.visits.all() {
		if kin.family != v.family || seen[kin.id] {
			continue
		}
		seen[kin.id] = true
		m := views.Member{Name: kin.id.label(), This: kin.id == v.id, State: "no session yet"}
		if k := kin.session(); k != (session.Key{}) {
			peeked, err := kin.id.engine.Peek(ctx, k)
			m.ID, m.State = k.Name().String(), memberStates[peeked.State]
			present, inCookie := kin.has(k)
			switch {
			case err != nil:
				m.State = "unknown"
			case peeked.State == session.StateNone && present && inCookie:
				m.State = "in its cookie alone"
			}
		}
		out = append(out, m)
	}
	if len(out) < 2 {
		return nil
	}
	slices.SortFunc(out, func(a, b views.Member) int { return strings.Compare(a.Name, b.Name) })
	return out
}

var memberStates = map[session.State]string{
	session.StateNone: "gone", session.StateLive: "live", session.StateExpired: "expired, not cleared",
	session.StateEnded: "gone", session.StateCycled: "gone", session.StateCorrupt: "corrupt",
}

// server tells what the server keeps of the session of info, or what became of the
// one that this browser had last.
func (a *App) server(ctx context.Context, id *identity, in *visit, info session.Info, last session.Key) views.Server {
	if info.Cookie != nil {
		last = info.Cookie.RecordKey()
	}
	if !info.Exists {
		v := a.lateServer(ctx, id, in, last)
		switch {
		case v.ID != "":
			v.Late = &views.Late{ID: v.ID, Text: "its record is still here, and no cookie that came opens it."}
		case v.Late == nil && v.Known():
			v.Empty = "No record of this browser. Reading never makes one: only a write does."
		}
		return v
	}
	v := a.liveServer(id, info)
	v.Figures = a.figures(ctx, id, in)
	peeked, err := id.engine.Peek(ctx, last)
	switch {
	case err != nil:
		v.Nothing = "nobody knows: the store does not answer."
	case peeked.State == session.StateNone && info.Placement == session.InCookie:
		v.Nothing = "nothing. With this placement the server keeps no record: the cookie is the session."
	case peeked.State == session.StateNone:
		v.Nothing = "nothing any more: the record went in this very moment."
	default:
		lies(&v, peeked.Stored)
	}
	return v
}

// lies shows a record as it lies in the store.
func lies(v *views.Server, stored session.Stored) {
	v.Where = stored.Where
	for _, f := range stored.Fields {
		v.Stored = append(v.Stored, views.Field{Name: f.Name, Value: shown(f.Value, maxShown)})
	}
}

// liveServer shows a session that opens.
func (a *App) liveServer(id *identity, info session.Info) views.Server {
	v := views.Server{ID: info.ID, Version: strconv.FormatUint(info.Version, 10), Created: clock(info.Created)}
	now := id.engine.Now()
	idle, lifetime := id.engine.Policy()
	whole := idle
	switch {
	case info.Expiry.After > 0:
		whole = info.Expiry.After
	case !info.Expiry.At.IsZero():
		whole = info.Expiry.At.Sub(info.Created)
	}
	v.Idle = views.Clock{Name: "idle clock", Until: info.Expires.UnixMilli(), Now: now.UnixMilli(), Whole: whole.Milliseconds(), Left: left(info.Expires.Sub(now)), At: clock(info.Expires)}
	if info.Expiry.After != 0 || !info.Expiry.At.IsZero() {
		v.Idle.Name = "its own expiry"
	}
	v.Absolute = views.Clock{Name: "absolute lifetime", Until: info.Absolute.UnixMilli(), Now: now.UnixMilli(), Whole: lifetime.Milliseconds(), Left: left(info.Absolute.Sub(now)), At: clock(info.Absolute)}
	v.Idle.First = info.Expires.Before(info.Absolute)
	v.Absolute.First = !v.Idle.First
	for _, item := range info.Values {
		sum := sha256.Sum256([]byte(item.Value))
		v.Values = append(v.Values, views.Value{
			Name: item.Key, Key: shown(item.Key, maxShown), Type: item.Value.Type(), Text: shown(string(item.Value), 400),
			Bytes: number(len(item.Value)), OnServer: item.Lives == "server",
			Short: shown(string(item.Value), 60), Sum: hex.EncodeToString(sum[:8]),
		})
	}
	return v
}

// lateServer shows what the store holds under last, as far as it knows it without
// a cookie. The zero key shows figures only.
func (a *App) lateServer(ctx context.Context, id *identity, in *visit, last session.Key) (v views.Server) {
	defer func() { v.Figures = a.figures(ctx, id, in) }()
	if last == (session.Key{}) {
		return v
	}
	peeked, err := id.engine.Peek(ctx, last)
	if err != nil {
		v.Empty = "The store does not answer."
		return v
	}
	if peeked.State == session.StateLive {
		v = a.liveServer(id, peeked.Info)
		v.Partial = peeked.Info.Placement == session.Hybrid
		lies(&v, peeked.Stored)
		return v
	}
	v.Late = &views.Late{ID: last.Name().String(), Text: lateTexts[peeked.State]}
	v.Empty = "No live record of this browser."
	lies(&v, peeked.Stored)
	return v
}

var lateTexts = map[session.State]string{
	session.StateNone:    "the store holds nothing under its ID.",
	session.StateExpired: "it has expired, so it reads as absent, but its record still lies here: expired is not cleared.",
	session.StateEnded:   "it was ended. Of it the server keeps only that its ID is dead.",
	session.StateCycled:  "its ID was replaced. For half a minute the old one answers 409, so that a late request undoes nothing.",
	session.StateCorrupt: "what lies here is no record of this program any more, so it reads as absent.",
}
