package show

import (
	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// Guide is the first lesson as a visit has done it. asked is the step that the reader asked
// about, "" for none; past tells that the panels show the past.
func Guide(l hub.Lesson, asked string, past bool, experiments int) views.Guide {
	g := views.Guide{Hidden: l.Hidden, Done: true, Read: l.Read, Experiments: experiments, Steps: []views.GuideStep{
		getStep(l), setStep(l), peelStep(l), changeStep(l), replayStep(l), expireStep(l),
	}}
	for i := range g.Steps {
		s := &g.Steps[i]
		s.Done = true
		for _, part := range s.Parts {
			s.Done = s.Done && part.Done
		}
		if past {
			s.Lead = views.Lead{To: "now", Hint: "The panels show the past: press Back to now, then go on."}
		}
		s.Next = g.Done && !s.Done
		g.Done = g.Done && s.Done
		if s.Next {
			g.Lead = s.Lead
		}
	}
	for _, s := range g.Steps {
		if s.Name == asked {
			g.Done, g.Lead = false, s.Lead
		}
	}
	return g
}

func getStep(l hub.Lesson) views.GuideStep {
	s := views.GuideStep{Name: "get", Parts: []views.GuidePart{{Text: "Get what is not there", Done: l.Missed}}}
	if l.Has {
		s.Lead = views.Lead{To: "key", Hint: "Write a key that you never set, and press Get: a missing key is no error."}
	} else {
		s.Lead = views.Lead{To: "get", Hint: "Press Get: a key that is not there is no error, and reading creates no session."}
	}
	return s
}

func setStep(l hub.Lesson) views.GuideStep {
	s := views.GuideStep{Name: "set", Parts: []views.GuidePart{{Text: "Set name", Done: l.Stored}}}
	if l.Has {
		s.Lead = views.Lead{To: "set", Hint: "Press Set, with name or any other key. See in Server where the value lives."}
	} else {
		s.Lead = views.Lead{To: "set", Hint: "Press Set, with name or any other key: this first write creates a session, and a cookie comes."}
	}
	return s
}

func peelStep(l hub.Lesson) views.GuideStep {
	onServer := l.Has && l.Placement == session.OnServer
	what := ": read the value without a key"
	if onServer {
		what = ": read the cookie without a key"
	}
	s := views.GuideStep{Name: "peel", Parts: []views.GuidePart{{Text: "Take the base64 off", Done: l.Unwrapped}, {Text: what, Done: l.Read}}}
	switch {
	case !l.Has:
		s.Lead = views.Lead{To: "set", Hint: "First press Set: there is no cookie to read yet."}
		return s
	case l.Unwrapped:
		s.Lead = views.Lead{To: "payload", Hint: "Now press Payload decoded, in Browser: you need no secret to read it."}
	default:
		s.Lead = views.Lead{To: "base64", Hint: "In Browser, press Base64 off, then Payload decoded: you need no secret to read it."}
	}
	if onServer {
		s.Hint += " With Server, it has only the ID."
	}
	s.Bare = "Without JavaScript, press this step: the page comes back with the base64 off."
	return s
}

func changeStep(l hub.Lesson) views.GuideStep {
	s := views.GuideStep{Name: "change", Parts: []views.GuidePart{{Text: "Change one letter", Done: l.Altered}}}
	if l.Has {
		s.Lead = views.Lead{To: "tamper", Hint: "Open Tamper… in Browser, and press Send the copy: one letter is changed. See why it is refused."}
	} else {
		s.Lead = views.Lead{To: "set", Hint: "First press Set: there is no cookie to change yet."}
	}
	return s
}

func replayStep(l hub.Lesson) views.GuideStep {
	s := views.GuideStep{Name: "replay", Parts: []views.GuidePart{{Text: "Pin", Done: l.Pinned}, {Text: ", flush", Done: l.Flushed}, {Text: ", replay the pin", Done: l.Replayed}}}
	switch {
	case l.Flushed:
		s.Lead = views.Lead{To: "replay", Hint: "Now press Replay beside the pinned copy: does it still open the session?"}
	case !l.Has:
		s.Lead = views.Lead{To: "set", Hint: "First press Set, then Pin a copy, then Flush: there is no session to flush yet."}
	case l.Pinned:
		s.Lead = views.Lead{To: "flush", Hint: "Now press Flush: the session ends, and the pinned copy of its cookie stays."}
	default:
		s.Lead = views.Lead{To: "pin", Hint: "Press Pin a copy, in Browser: the server keeps a copy of the cookie for this page."}
	}
	return s
}

func expireStep(l hub.Lesson) views.GuideStep {
	s := views.GuideStep{Name: "expire", Parts: []views.GuidePart{{Text: "Expire in 5 s", Done: l.Expired}, {Text: ", then clear expired", Done: l.Cleared}}}
	switch {
	case l.Expired:
		s.Lead = views.Lead{To: "clear", Hint: "Now press Clear expired: only then does the expired record leave the store."}
	case !l.Has:
		s.Lead = views.Lead{To: "set", Hint: "First press Set: without a session nothing can expire."}
	case l.Running:
		s.Lead = views.Lead{To: "server", Hint: "Wait until the clock in Server has run out: the session expires, and its record stays.", Bare: "Without JavaScript, press Get after that."}
	case l.Placement == session.InCookie:
		s.Lead = views.Lead{To: "hybrid", Hint: "Choose Hybrid or Server first: with Cookie, the store has no record of the session."}
	default:
		s.Lead = views.Lead{To: "expire", Hint: "Write 5 seconds, press Expire in, and wait until the session has expired."}
	}
	return s
}
