package app

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/views"
)

// whereKept says in what the class is kept, for a sentence.
func (cl *class) whereKept() string {
	switch p := cl.parts; {
	case p.File != "":
		return "in the file " + p.File
	case p.Prefix != "":
		return "in the memory of this program, and its sessions in Redis under keys that begin with " + p.Prefix
	}
	return "in the memory of this program"
}

// showKept is GET /classroom/data: what is kept of whom, where, until when, and how it is wiped.
func (a *App) showKept(c *call, cl *class) error {
	return a.write(c, http.StatusOK, views.KeptPage(cl.keptView(c)))
}

// keptView returns that page. Its lifetimes and limits are those that the program has.
func (cl *class) keptView(c *call) views.Kept {
	a := cl.app
	k := views.Kept{
		Page: a.boardPage(c, "What is kept of whom"), At: c.now().Local().Format(time.DateOnly), Where: cl.whereKept(),
		Things: cl.keptThings(), Cookies: cl.keptCookies(),
		Log: "The program writes to its log what fails in the program, and in this class no line a request. No line has a nickname, a device’s address, a key, a value or a cookie.",
	}
	if a.cfg.Class.LogRequests {
		k.Log = "This class was started with --log-requests: each request is a line with time, method, kind of page, status and duration. No line has a nickname, a device’s address, a key, a value or a cookie."
	}
	switch {
	case cl.parts.File != "":
		k.Answers = fmt.Sprintf("Until then it stands in %s, for whoever can read that file. What is removed is overwritten in it. The file beside it whose name ends in -wal may still have it until the class ends or the program is closed.", cl.parts.File)
		k.Wipe = fmt.Sprintf("A program that is stopped by the system, or whose machine fails, leaves the class in its file, and a later start that opens a class goes on with it. Without the program the class is wiped by deleting %s and the files beside it whose names begin so.", cl.parts.File)
	case cl.parts.Prefix != "":
		k.Wipe = "The end of the program wipes all. After a crash, seats and answers are gone; Redis removes the sessions by itself when they expire."
	default:
		k.Wipe = "The end of the program wipes all, whichever way it ends: nothing is written to a disk."
	}
	return k
}

// keptThings are what the class keeps.
func (cl *class) keptThings() []views.KeptThing {
	memory, until := "in memory", "the end of the class, or of the program"
	class, records := memory, memory
	if cl.parts.File != "" {
		class, until = "in the file", "the end of the class"
		records = class
	}
	if cl.parts.Prefix != "" {
		records = "in Redis"
	}
	seats := fmt.Sprintf("each seat, %d at most", cl.app.cfg.Class.Seats)
	thing := func(what, of, where, until string) views.KeptThing {
		return views.KeptThing{What: what, Of: of, Where: where, Until: until}
	}
	return []views.KeptThing{
		thing("Nickname, its four-letter code, the random letters in its address, and a hash of the cookie that finds it again", seats, class, until+", or the seat’s removal"),
		thing("The device’s address in the local network, and when it joined", seats, class, until+", or the seat’s removal"),
		thing("Progress: which experiments were run, and which outcomes foretold", seats, class, until+", or the seat’s removal"),
		thing("The answer to the present question", "each seat that has answered", class, "the next question, or Done"),
		thing("Questions, how many gave which answer, verdicts; what became of the sessions after an act for everyone, in numbers", "the class", class, until),
		thing("The hashed ID of the session that it had before the latest act for everyone, its placement, when it was created, and what became of it", "each seat", class, "the act is taken off the screens"),
		thing("What its browser gave when the teacher asked, as the board’s table shows it: yes or no for each thing", "each seat", class, "the table is taken off the screens"),
		thing("Sessions: whatever is typed into the lab, keys and values. Of the session’s ID only a hash is kept", fmt.Sprintf("each seat, %d sessions at most; with placement cookie the values are only on the phone", partLimits.Sessions), records, cl.sessionLives()+", or the end of the class"),
		thing("The newest requests and answers of an open page of the lab, with cookies and values, for its timeline", fmt.Sprintf("each page of a seat, %d requests at most", seatMoments), memory, fmt.Sprintf("%s after its last request, or the end of the class", spell(hub.VisitLife))),
		thing("Lately: sessions that were created, have ended or were refused, with the nickname", fmt.Sprintf("the class, %d lines at most", classroom.FeedLines), memory, "the end of the class, or of the program"),
		thing("Addresses of devices that loaded the page where one joins and took no seat, or whose address line was refused", "devices", memory, "the end of the class, or of the program"),
		thing("Addresses of devices that tried https, and how often", "devices", memory, "the end of the program"),
		thing("The nickname that somebody at the door was offered", "visitors", memory, fmt.Sprintf("%s after the visitor’s last request", spell(classroom.OfferLife))),
	}
}

// sessionLives says how long a session lives.
func (cl *class) sessionLives() string {
	idle, lifetime := cl.lab.seats.Root.Engine.Policy()
	return fmt.Sprintf("%s after its last write, %s at most", spell(idle), spell(lifetime))
}

// keptCookies are the cookies that this server sets in browsers of the class.
func (cl *class) keptCookies() []views.KeptCookie {
	a := cl.app
	name := a.seats.Root.Engine.CookieName()
	cookie := func(name, path, purpose, until string) views.KeptCookie {
		return views.KeptCookie{Name: name, Path: path, For: purpose, Until: until}
	}
	return append([]views.KeptCookie{
		cookie(a.joinCookie("seat"), "/join", "offers a browser its seat again; a random text, of which the server keeps a hash", spell(seatCookieLife)+" after joining"),
		cookie(a.joinCookie("visitor"), "/join", "keeps the nickname that was offered; a random text", spell(classroom.OfferLife)+", or until a seat is taken"),
		cookie(name+"~NICKNAME", "/s/NICKNAME-…/", "the session that is studied: its signed ID, and with placement cookie or hybrid its values, which can be read", cl.sessionLives()),
		cookie("others", "/s/NICKNAME-…/", "what an experiment or the lab sets to show how cookies behave, such as one that scripts can read", "as that experiment says"),
		cookie(a.teacherCookie(), "/classroom", "makes a browser of this machine the teacher’s; on no phone", "the browser is closed"),
	}, cl.keptProbes()...)
}

// keptProbes are the cookies of a probe of the browsers.
func (cl *class) keptProbes() (all []views.KeptCookie) {
	for _, kind := range probeKinds {
		all = append(all, views.KeptCookie{
			Name: cl.app.seats.Root.Engine.CookieName() + "~NICKNAME-probe-" + kind, Path: "/s/NICKNAME-…/class", Until: spell(probeLife) + ", or until its page has answered",
			For: "shows whether the browser keeps a cookie of this kind, when the teacher asks the browsers; a number that counts how often. The teacher’s browser has them too, below /classroom",
		})
	}
	return all
}

// spell spells a duration of whole minutes or seconds: "12 hours", "30 minutes".
func spell(d time.Duration) string {
	unit, n := "second", int(d.Seconds())
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		unit, n = "hour", int(d.Hours())
	case d >= time.Minute && d%time.Minute == 0:
		unit, n = "minute", int(d.Minutes())
	}
	return strings.TrimSuffix(fmt.Sprintf("%d %ss", n, unit), map[bool]string{true: "s"}[n == 1])
}
