package show

import (
	"fmt"
	"slices"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// Guide is the first lesson as a visit has done it. Its hint is that of the step it marks: the
// first open one, or asked, the one that the reader asked about, "" for none. past tells that the
// panels show the past; learned is how many experiments are done, which a flush forgets.
func Guide(l hub.Lesson, asked string, past bool, learned, experiments int) views.Guide {
	g := views.Guide{Hidden: l.Hidden, Done: true, Read: l.Read, Experiments: experiments, Steps: []views.GuideStep{
		getStep(l), setStep(l), peelStep(l), changeStep(l), replayStep(l, learned), expireStep(l),
	}}
	marked := -1
	for i := range g.Steps {
		s := &g.Steps[i]
		s.Done = true
		for _, part := range s.Parts {
			s.Done = s.Done && part.Done
		}
		if past {
			s.Lead = views.Lead{To: "now", Hint: "The panels show the past: press Back to now, then go on."}
		}
		if marked < 0 && !s.Done {
			marked = i
		}
	}
	i := slices.IndexFunc(g.Steps, func(s views.GuideStep) bool { return s.Name == asked })
	if i >= 0 && !(asked == "peel" && g.Steps[i].Done) { // to ask about peel does it
		marked = i
	}
	if marked >= 0 {
		s := &g.Steps[marked]
		g.Done, s.Next, g.Lead = false, true, s.Lead
	}
	return g
}

func getStep(l hub.Lesson) views.GuideStep {
	s := views.GuideStep{Name: "get", Parts: []views.GuidePart{{Text: "Get what is not there", Done: l.Missed}}}
	if l.Has {
		s.Lead = views.Lead{To: "key", Hint: "Write a key that you never set, and press Get: a missing key is no error."}
	} else {
		s.Lead = views.Lead{To: "get", Hint: "Before you press Set, press Get: reading what is not there creates no session."}
	}
	return s
}

func setStep(l hub.Lesson) views.GuideStep {
	s := views.GuideStep{Name: "set", Parts: []views.GuidePart{{Text: "Set name", Done: l.Stored}}}
	if l.Has {
		s.Lead = views.Lead{To: "set", Hint: "Press Set, with name or any other key. See in the Server panel where the value lives."}
	} else {
		s.Lead = views.Lead{To: "set", Hint: "Press Set, with any key: the first write creates a session, and a cookie comes."}
	}
	return s
}

func peelStep(l hub.Lesson) views.GuideStep {
	onServer := l.Has && l.Placement == session.OnServer
	what := ", read the value"
	if onServer {
		what = ", read the cookie"
	}
	s := views.GuideStep{Name: "peel", Parts: []views.GuidePart{{Text: "Take the base64 off", Done: l.Unwrapped}, {Text: what, Done: l.Read}}}
	why := ": you need no secret to read it."
	if onServer {
		why = ". With Server, it has only the ID."
	}
	switch {
	case !l.Has:
		s.Lead = views.Lead{To: "set", Hint: "First press Set, to have a cookie that opens a session."}
		return s
	case l.Unwrapped:
		s.Lead = views.Lead{To: "payload", Hint: "Now press Payload decoded, in Browser" + why}
	default:
		s.Lead = views.Lead{To: "base64", Hint: "In Browser, press Base64 off, then Payload decoded" + why}
	}
	s.Bare = "Press the button Take the base64 off, above, and read the payload in Browser" + why
	return s
}

func changeStep(l hub.Lesson) views.GuideStep {
	s := views.GuideStep{Name: "change", Parts: []views.GuidePart{{Text: "Change one letter", Done: l.Altered}}}
	if l.Has {
		s.Lead = views.Lead{To: "tamper", Hint: "In Browser, open Tamper…, and press Send the copy: is a changed letter accepted?"}
	} else {
		s.Lead = views.Lead{To: "set", Hint: "First press Set, to have a cookie that opens a session."}
	}
	return s
}

// replayStep is about a flush, which takes the progress in the experiments with the session.
func replayStep(l hub.Lesson, experiments int) views.GuideStep {
	s := views.GuideStep{Name: "replay", Parts: []views.GuidePart{{Text: "Pin", Done: l.Pinned}, {Text: ", flush", Done: l.Flushed}, {Text: ", replay the pin", Done: l.Replayed}}}
	switch {
	case l.Flushed:
		s.Lead = views.Lead{To: "replay", Hint: "Now press Replay beside the pinned copy, in Browser: does it open the session?"}
	case !l.Has && l.Pinned:
		s.Lead = views.Lead{To: "set", Hint: "First press Set: there is no session to flush."}
	case !l.Has:
		s.Lead = views.Lead{To: "set", Hint: "First press Set, then Pin a copy, then Flush: there is no session to flush yet."}
	case l.Pinned:
		s.Lead = views.Lead{To: "flush", Hint: "Now press Flush: the session ends, and the pinned copy of its cookie stays."}
		if experiments > 0 {
			s.Hint = fmt.Sprintf("Now press Flush. The pinned copy stays, and your %d done %s forgotten.", experiments, say.Plural(experiments, "experiment is", "experiments are"))
		}
	default:
		s.Lead = views.Lead{To: "pin", Hint: "Press Pin a copy, in Browser: the server keeps a copy of the cookie for this page."}
	}
	return s
}

func expireStep(l hub.Lesson) views.GuideStep {
	s := views.GuideStep{Name: "expire", Parts: []views.GuidePart{{Text: "Expire in 5 s", Done: l.Expired}, {Text: ", then clear expired", Done: l.Cleared}}}
	switch {
	case l.Expired:
		s.Lead = views.Lead{To: "clear", Hint: "Now press Clear expired, in the Server panel: only then does the record leave the store."}
	case !l.Has:
		s.Lead = views.Lead{To: "set", Hint: "First press Set: without a session nothing can expire."}
	case l.Running:
		s.Lead = views.Lead{To: "server", Hint: "Wait until the clock in the Server panel has run out: the session expires, its record stays.", Bare: "Wait until the session has expired, 5 seconds if you wrote 5, then press Get: its record stays."}
	case l.Placement == session.InCookie:
		s.Lead = views.Lead{To: "hybrid", Hint: "At the top, choose Hybrid or Server: with Cookie, the store has no record."}
	default:
		s.Lead = views.Lead{To: "expire", Hint: "Open The session…, write 5 seconds, press Expire in, and wait until it expires."}
	}
	return s
}
