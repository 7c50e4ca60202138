package show

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// maxSteps is how many steps a page lists.
const maxSteps = 16

// steps lists what the engine did for a request, from the engine's events. came tells that
// a session cookie came.
func steps(events []session.Event, came bool) (out []views.Step) {
	for _, ev := range events {
		if step, reads := looked(ev); reads {
			out = append(out, step...)
		} else {
			out = append(out, wrote(ev)...)
		}
	}
	if more := len(out) - maxSteps; more > 0 {
		out = append(out[:maxSteps:maxSteps], views.Step{Verb: "and", What: fmt.Sprintf("%d more steps", more)})
	}
	if !came && !did(events, session.Read, session.Refused, session.Expired) {
		out = slices.Insert(out, 0, views.Step{Verb: "no session cookie", What: "to read"})
	}
	return out
}

// did tells whether events has one of those kinds.
func did(events []session.Event, kinds ...session.EventKind) bool {
	return slices.ContainsFunc(events, func(ev session.Event) bool { return slices.Contains(kinds, ev.Kind) })
}

// looked are the steps of an event of reading; reads is false for any other event.
func looked(ev session.Event) (out []views.Step, reads bool) {
	switch ev.Kind {
	case session.Read:
		how := "key"
		if ev.Known {
			how = "as before, key"
		}
		out = []views.Step{
			{Verb: "read", What: "cookie", Small: say.Bytes(ev.Bytes)},
			{Verb: "verify", What: "signature", Small: fmt.Sprintf("%s %d of %d", how, ev.KeyNumber, ev.KeyCount)},
			{Verb: "load", What: "record", Small: fmt.Sprintf("%s v%d", ev.Session, ev.Version)},
		}
		if ev.Place == session.InCookie {
			out[2] = views.Step{Verb: "check", What: "ID", Small: "not ended"}
		}
		return out, true
	case session.Refused, session.Expired:
		if strings.HasPrefix(ev.Reason, "stale") { // an older cookie, which still opens its session
			return []views.Step{{Verb: "stale", What: "cookie", Small: "a later one was sent"}}, true
		}
		return []views.Step{{Verb: string(ev.Kind), What: ev.Reason, Bad: true}}, true
	}
	return nil, false
}

// wrote are the steps of an event of writing.
func wrote(ev session.Event) []views.Step {
	var step views.Step
	switch ev.Kind {
	case session.Created:
		step = views.Step{Verb: "new", What: "ID", Small: ev.Session.String()}
	case session.Set:
		step = views.Step{Verb: "set", What: say.Shown(ev.Key, maxLine), Small: say.Bytes(ev.Bytes), Secret: true}
	case session.Placed:
		step = views.Step{Verb: "place", What: say.Shown(ev.Key, maxLine), Small: because(where(ev.Lives == "server"), whyPlaced[ev.Reason]), Secret: true}
	case session.Deleted:
		step = views.Step{Verb: "delete", What: say.Shown(ev.Key, maxLine), Secret: true}
	case session.Cleared:
		step = views.Step{Verb: "clear", Small: fmt.Sprintf("%d %s", ev.Count, say.Plural(ev.Count, "key", "keys"))}
	case session.Cycled:
		step = views.Step{Verb: "cycle", What: "ID", Small: ev.Before.String() + " has ended"}
	case session.Flushed:
		step = views.Step{Verb: "flush", What: ev.Session.String()}
	case session.Swept:
		step = views.Step{Verb: "clear", What: "expired", Small: fmt.Sprintf("%d removed", ev.Count)}
	case session.Conflict:
		step = views.Step{Verb: "conflict", What: "reload and apply again", Bad: true}
	case session.Discarded:
		step = views.Step{Verb: "discard", What: "nothing is saved", Bad: true}
	case session.Saved:
		step = views.Step{Verb: "save", What: "record", Small: fmt.Sprintf("v%d", ev.Version)}
	case session.Signed:
		step = views.Step{Verb: "sign", What: "cookie", Small: because(say.Bytes(ev.Bytes), whySigned[ev.Reason])}
	default:
		return nil
	}
	return []views.Step{step}
}

// whySigned and whyPlaced have a few words for each reason of the engine's events.
var whySigned = map[string]string{
	session.SignedBirth: "the first", session.SignedID: "new ID", session.SignedPlacement: "new placement", session.SignedExpiry: "new expiry",
	session.SignedValues: "values changed", session.SignedVersion: "new version", session.SignedSecret: "an older secret had signed it",
	session.SignedClock: "the idle clock moved", session.SignedMaxAge: "fresh Max-Age",
}

var whyPlaced = map[string]string{
	session.PlacedLarge: fmt.Sprintf("over %d B", session.MaxSmallBytes), session.PlacedStays: "its key was there before",
	session.PlacedStale: "the cookie is stale", session.PlacedNoRoom: "the cookie has no room",
}

// because adds to what a step did why it did it, if that is known.
func because(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + why
}

// where says where a value lives.
func where(onServer bool) string {
	if onServer {
		return "on the server"
	}
	return "in the cookie"
}
