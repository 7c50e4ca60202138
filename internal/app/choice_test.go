package app

import (
	"testing"

	"github.com/sessionscope/sessionscope/internal/trace"
)

const onServerChosen = `id="placement-server" name="placement" value="server" checked`

// The choice of a placement is kept by the visit: a session that begins later, by any press, has it.
func TestChoiceOfPlacementIsKept(t *testing.T) {
	for name, begin := range map[string][]string{"set": {"/set", "key", "a", "value", "b"}, "login": {"/login", "user", "ada"}} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.press("/placement", "placement", "server").want(200, "In the next session, every value lives on the server")
			l.form = formPage
			l.get("/").want(200, onServerChosen)
			l.form = formFragment
			l.press(begin[0], begin[1:]...).want(200, "on the server", onServerChosen)
		})
	}
}

// A reload in a tab that has a visit shows the choice of that visit.
func TestChoiceOfPlacementAfterLoad(t *testing.T) {
	l := newLab(t)
	l.press("/placement", "placement", "server")
	l.form = formPage
	loaded := l.browser.get("/").want(200, `value="hybrid" checked`)
	l.form = formFragment
	r := l.request("GET", "/session?after=load", "")
	r.Header.Set(trace.PageHeader, l.secret+" "+pageOf(loaded)+" 0")
	r.Header.Set(trace.LoadHeader, loaded.secret())
	l.send(r).want(200, onServerChosen)
}

// Without a session the choice stays as it was with the last one, whatever ended that.
func TestChoiceOfPlacementStays(t *testing.T) {
	l := newLab(t)
	l.press("/set", "key", "name", "value", "Rahim", "placement", "server")
	l.press("/pin")
	l.press("/drop-cookie").want(200, onServerChosen)
	l.press("/put-back", "pin", "1").want(200, onServerChosen)
	l.press("/flush")
	l.press("/put-back", "pin", "1").want(200, onServerChosen, "It opens nothing")
	l.press("/set", "key", "name", "value", "Rahim").want(200, "kept", "on the server", onServerChosen)
	l.press("/flush", "start-over", "1").want(200, `value="hybrid" checked`)
	l.form = formPage
	l.get("/").want(200, `value="hybrid" checked`)
}
