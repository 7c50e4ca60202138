package experiment

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/sessions"

	"github.com/sessionscope/sessionscope/internal/session"
)

// parallel are those about requests at the same time, and in the wrong order.
func parallel() []Experiment {
	return []Experiment{
		{
			Number: 23, Slug: "two-tabs", Title: "Two tabs, one update lost",
			Lead: "Two tabs of one browser send a form at the same moment. One writes `city`, the other `food`, and both are answered. What does the session hold then?",
			Predictions: []string{
				"Both: requests at the same time are merged",
				"Only one of them, and neither tab is told",
				"Only one of them: the slower tab gets an error",
			},
			Choices: []Choice{
				{Name: "placement", Label: "Values live in", Options: slices.Concat(placements.Options, []Option{
					{"gorilla-cookie", "plain gorilla, CookieStore"}, {"gorilla-file", "plain gorilla, FilesystemStore"},
				})},
				{Name: "size", Label: "Each value has", Options: []Option{{"short", "one word"}, {"long", "300 letters"}}},
			},
			Does: "two forms sent at once by two tabs, which both load the session before either writes",
			Run:  twoTabs,
			Explain: []string{
				"Each request loads the session, changes its own copy and writes that back; two copies that began alike do not merge by themselves, and one update is lost.",
				"A browser keeps one cookie of a name (RFC 6265, section 5.3): where values ride in the {cookie cookie}, the `Set-Cookie` that arrives last replaces the other, and no server can see that.",
				"On the {server server} a version prevents it: a save must name the version that was loaded, and the store refuses it when that is no longer the newest one.",
				"This engine then loads the record again and applies its change to what the other tab wrote, so that both are kept.",
				"Hybrid does each where it belongs: short values ride in the cookie and can be lost, those over 256 bytes live in the record and cannot.",
				"Plain gorilla's stores have no version: whoever writes last writes the whole session.",
			},
			Breaks: "A page that sends many requests at once, each of which writes a value into the cookie. Keep on the server what must not get lost.",
			Sources: []Source{
				{"RFC 6265, section 5.3: one cookie of a name", "https://www.rfc-editor.org/rfc/rfc6265#section-5.3"},
				{"RFC 9110, section 13.1.1: lost updates and If-Match", "https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1"},
				{"gorilla/sessions", "https://pkg.go.dev/github.com/gorilla/sessions"},
			},
		},
		{
			Number: 24, Slug: "save-after-write", Title: "Save after write",
			Lead: "A program writes `saved` into its answer first, and saves the session in the line after. Both lines are run. Does the order matter?",
			Predictions: []string{
				"No: both lines are run, so the value is there next time",
				"Yes: the value is lost, and saving reports no error",
				"Yes: the value is lost, and saving reports an error",
				"Yes: the browser gets an error page in place of `saved`",
			},
			Choices: []Choice{{Name: "program", Label: "Program", Options: []Option{{"engine", "this engine"}, {"gorilla", "plain gorilla, CookieStore"}}}},
			Does:    "one request to each order, and a read after each",
			Run:     saveAfterWrite,
			Explain: []string{
				"An answer is a head, an empty line and a body, in this order (RFC 9112, section 2.1), and `Set-Cookie` belongs into the head.",
				"With the first byte of the body the head is {wire on its way}: a header that is set afterwards changes nothing, as Go's `ResponseWriter` says.",
				"Without the cookie the browser cannot name its session at the next request, whatever was saved.",
				"Plain gorilla's `Save` does not look whether the answer has begun, so that it returns no error; this engine looks, and returns one.",
				"The error goes to the program and its log: nobody can tell the browser any more, which has read `saved`.",
			},
			Breaks: "A framework that keeps the whole answer back until the handler is done hides the mistake, until an answer grows too large for that or is sent piece by piece.",
			Sources: []Source{
				{"RFC 9112, section 2.1: what a message is made of", "https://www.rfc-editor.org/rfc/rfc9112#section-2.1"},
				{"Go: http.ResponseWriter", "https://pkg.go.dev/net/http#ResponseWriter"},
				{"gorilla/sessions: save before you write", "https://pkg.go.dev/github.com/gorilla/sessions"},
			},
		},
	}
}

// holding is one of gorilla's stores, behind which two requests wait for each
// other: a form with the field hold gets its session when another has its own too.
type holding struct {
	sessions.Store
	met chan struct{}
}

// holdingTwin is twin over such a store. It lists the session's keys too.
func holdingTwin(open func(dir func() string) sessions.Store) func(func() string) http.Handler {
	return func(dir func() string) http.Handler {
		store := holding{open(dir), make(chan struct{})}
		mux := http.NewServeMux()
		mux.Handle("/", twin(store, false))
		mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
			s, _ := store.Get(r, CookieName) // what is wrong with the cookie is no matter here
			keys := []string{}
			for key := range s.Values {
				keys = append(keys, fmt.Sprint(key))
			}
			slices.Sort(keys)
			writeJSON(w, http.StatusOK, map[string]any{"op": "keys", "keys": keys})
		})
		return mux
	}
}

// Get implements sessions.Store.
func (h holding) Get(r *http.Request, name string) (*sessions.Session, error) {
	s, err := h.Store.Get(r, name)
	if r.PostFormValue("hold") != "" {
		alone := time.NewTimer(time.Second) // the other may never come
		defer alone.Stop()
		select {
		case h.met <- struct{}{}:
		case <-h.met:
		case <-alone.C:
		}
	}
	return s, err
}

// rush is what two tabs of one browser did at the same time.
type rush struct {
	tab      *Client // the first; the browser's cookies are its own too
	born     *Exchange
	one, two *Exchange
	atOnce   bool // both left, with the same cookie, before either was answered
}

// rush begins a session and lets two tabs write city and food into it at once. A
// busy machine can send them one after the other: then it tries again, with more time.
func (in *Instance) rush(city, food string) (ru rush) {
	for _, hold := range []string{"60ms", "300ms", "1s"} {
		ru.tab = in.Client("Rahim's first tab")
		second := ru.tab.Tab("Rahim's second tab")
		ru.born = ru.tab.Set("name", "Rahim")
		in.run.Together(
			func() { ru.one = ru.tab.Post("/set", "key", "city", "value", city, "hold", hold) },
			func() { ru.two = second.Post("/set", "key", "food", "value", food, "hold", hold) },
		)
		ru.born.Note, ru.one.Note, ru.two.Note = "begins the session", "writes city, at once with the other tab", "writes food, at once with the other tab"
		ends := func(x *Exchange) time.Time { return x.At.Add(x.Took) }
		ru.atOnce = ru.one.Cookie == ru.two.Cookie && ru.one.At.Before(ends(ru.two)) && ru.two.At.Before(ends(ru.one))
		if ru.atOnce {
			break
		}
	}
	return ru
}

func twoTabs(r *Run) Outcome {
	var set Settings
	secret := session.NewSecret()
	switch name := r.Choice("placement"); name {
	case "gorilla-cookie":
		set.Twin = holdingTwin(func(func() string) sessions.Store { return sessions.NewCookieStore(secret) })
	case "gorilla-file":
		set.Twin = holdingTwin(func(dir func() string) sessions.Store { return sessions.NewFilesystemStore(dir(), secret) })
	default:
		set.Placement = r.Placement()
	}
	in := r.Boot(set)
	city, food := "Graz", "lentils"
	if r.Choice("size") == "long" {
		city, food = strings.Repeat("c", 300), strings.Repeat("f", 300)
	}
	ru := in.rush(city, food)
	read := func(key string) *Exchange {
		return ru.tab.Get("/get", "key", key).to("reads " + key + " afterwards")
	}
	readCity, readFood := read("city"), read("food")
	hasCity, hasFood := readCity.Value() == city, readFood.Value() == food
	refused := ru.two
	if ru.one.Status >= 400 {
		refused = ru.one
	}

	before := ru.born.Answer().Session.Version
	version := func(x *Exchange) string {
		if v := x.Answer().Session.Version; v > 0 {
			return fmt.Sprint(v)
		}
		return "none"
	}
	row := func(what string, x *Exchange, there string) []string {
		return []string{what, fmt.Sprint(x.Status), version(x), yes(x.SetCookie() != nil, true), there}
	}
	out := Outcome{Happened: None, Tone: Lost, Tables: []Table{{
		Caption: "What each answer said",
		Head:    []string{"request", "status", "version", "Set-Cookie", "there afterwards"},
		Rows: [][]string{
			row("begins the session", ru.born, ""),
			row("first tab writes `city`", ru.one, yes(hasCity, true)),
			row("second tab writes `food`", ru.two, yes(hasFood, true)),
		},
	}}}
	one, two := ru.one.SetCookie(), ru.two.SetCookie()
	if one != nil && two != nil {
		out.Pair = []Shot{
			{Title: "The first tab's answer sets", Cookie: one.Value, Exchange: ru.one, Says: "city written"},
			{Title: "The second tab's answer sets", Cookie: two.Value, Exchange: ru.two, Says: "food written"},
		}
	}

	kept, lost, read1 := "city", "food", readFood
	if hasFood {
		kept, lost, read1 = "food", "city", readCity
	}
	switch both := ru.one.Status < 400 && ru.two.Status < 400; {
	case !ru.atOnce:
		out.Verdict = "{bad Not at once:} three times one tab was answered before the other had sent its form. Nothing can be said from that; run it again."
	case both && hasCity && hasFood:
		out.Happened, out.Tone = 0, Held
		out.Verdict = "{ok Both are kept:} the tabs sent the same cookie, both were answered with success, and afterwards `city` and `food` are there."
		out.Decisive, out.Mark = readFood, `"found":true`
		if v := max(ru.one.Answer().Session.Version, ru.two.Answer().Session.Version); v > 0 {
			out.Decisive, out.Mark = ru.two, fmt.Sprintf(`"version":%d`, ru.two.Answer().Session.Version)
			if ru.one.Answer().Session.Version == v {
				out.Decisive, out.Mark = ru.one, fmt.Sprintf(`"version":%d`, v)
			}
			out.Verdict += fmt.Sprintf(" The version climbed from %d to %d: the slower tab's change was put on top of the other's.", before, v)
		}
	case both && hasCity != hasFood:
		out.Happened, out.Decisive, out.Mark = 1, read1, `"found":false`
		out.Verdict = fmt.Sprintf("{bad One update is lost:} the tabs sent the same cookie and both were answered with success, yet afterwards `%s` is there and `%s` is missing.", kept, lost)
		switch files := in.sessionFiles(); {
		case files > 0:
			out.Verdict += fmt.Sprintf(" {server The store} keeps %s for all that, and the later save replaced the whole of what the earlier one wrote.", word(files, "file", "files"))
		case out.Pair != nil && one.Value != two.Value:
			out.Verdict += fmt.Sprintf(" Each answer set {cookie a cookie of its own}, and the browser kept the one with `%s`.", kept)
		}
		switch a, b := version(ru.one), version(ru.two); {
		case a == "none" || b == "none":
			out.Verdict += " Without a version in the answers nobody could notice."
		case a == b:
			out.Verdict += fmt.Sprintf(" Both answers say version %s: neither knew of the other.", a)
		default:
			out.Verdict += fmt.Sprintf(" The answers say version %s and %s: {server the record} counted both writes, and yet one value is gone.", a, b)
		}
	case !both && hasCity != hasFood:
		out.Happened, out.Tone, out.Decisive, out.Mark = 2, Refused, refused, fmt.Sprintf(`"status":%d`, refused.Status)
		out.Verdict = fmt.Sprintf("{mac One tab was refused} with status %d. Afterwards `%s` is there, and `%s` is missing: its tab was told.", refused.Status, kept, lost)
	default:
		out.Decisive = read1
		out.Verdict = fmt.Sprintf("{bad Something else:} the tabs were answered with status %d and %d, and afterwards %s what was written.",
			ru.one.Status, ru.two.Status, word(countTrue(hasCity, hasFood), "of the two keys holds", "of the two keys hold"))
	}

	// A save over the version that both tabs had loaded, by somebody who does not look.
	if set.Twin != nil {
		return out
	}
	if rec, ok := in.Record(ru.tab.Cookie()); ok && before > 0 && rec.Version > before {
		now := rec.Version
		rec.Record.Version = before
		if _, err := in.backend.Save(r.ctx, session.KeyOf(envelopeOf(ru.tab.Cookie()).ID), rec.Record); err != nil {
			out.Verdict += fmt.Sprintf(" {server The store}, now at version %d and asked to save over version %d once more, {mac refused}: “%s”.", now, before, Plain(err.Error()))
		} else {
			out.Verdict += fmt.Sprintf(" {server The store}, then at version %d and asked to save over version %d once more, {bad did so}.", now, before)
		}
	}
	return out
}

// sessionFiles is how many sessions gorilla's FilesystemStore keeps, if it is one.
func (in *Instance) sessionFiles() int {
	if in.dir == "" {
		return 0
	}
	files, _ := filepath.Glob(filepath.Join(in.dir, "session_*")) // the pattern is a good one
	return len(files)
}

// countTrue is how many are true.
func countTrue(all ...bool) (n int) {
	for _, is := range all {
		if is {
			n++
		}
	}
	return n
}

func saveAfterWrite(r *Run) Outcome {
	set := Settings{}
	if r.Choice("program") == "gorilla" {
		set.Twin = cookieTwin(session.NewSecret(), nil)
	}
	in := r.Boot(set)
	b := in.Client("Rahim's browser")
	late := b.Post("/late").to("the program writes, then saves")
	lateRead := b.Get("/get", "key", "name").to("the next request reads it")
	log := in.Client("the program's log").Get("/late").to("what that save returned")
	b = in.Client("Mina's browser")
	early := b.Set("name", "Mina").to("the program saves, then writes")
	earlyRead := b.Get("/get", "key", "name").to("the next request reads it")

	row := func(order string, x, read *Exchange) []string {
		return []string{order, fmt.Sprint(x.Status), yes(x.SetCookie() != nil, true), yes(read.Answer().Found, true)}
	}
	shot := func(order string, x, read *Exchange) Shot {
		s := Shot{Title: order, Exchange: x, Says: "next request: " + says(read)}
		if c := x.SetCookie(); c != nil {
			s.Cookie = c.Value
		}
		return s
	}
	out := Outcome{
		Happened: None, Tone: Lost, Decisive: late, Mark: strings.TrimSpace(late.Body),
		Tables: []Table{{
			Caption: "The two orders", Head: []string{"order", "status", "Set-Cookie", "value at the next request"},
			Rows: [][]string{row("write, then save", late, lateRead), row("save, then write", early, earlyRead)},
		}},
		Pair: []Shot{shot("Write, then save", late, lateRead), shot("Save, then write", early, earlyRead)},
	}
	var returned struct{ Error *string }
	logged := json.Unmarshal([]byte(log.Body), &returned) == nil && returned.Error != nil
	lost := late.Status < 400 && !lateRead.Answer().Found
	what := "set {bad no cookie}"
	if late.SetCookie() != nil {
		what = "set a cookie"
	}
	switch {
	case late.Status >= 400:
		out.Happened, out.Tone, out.Mark = 3, Refused, late.Received[0]
		out.Verdict = fmt.Sprintf("{mac An error page:} where “saved” was to stand, the browser got status %d.", late.Status)
	case !lost:
		out.Happened, out.Tone = 0, Held
		out.Verdict = fmt.Sprintf("{ok Saved all the same.} The answer %s, and at the next request `name` is %s.", what, code(lateRead.Value()))
	case logged && *returned.Error == "":
		out.Happened = 1
		out.Verdict = fmt.Sprintf("{bad Lost without a word.} The browser was told “%s” with status %d; the answer %s, and at the next request `name` is missing. Saving returned {bad no error}.",
			Plain(strings.TrimSpace(late.Body)), late.Status, what)
	case logged:
		out.Happened, out.Tone = 2, Refused
		out.Verdict = fmt.Sprintf("{bad Lost,} and {mac the program was told.} The browser read “%s” with status %d; the answer %s, and at the next request `name` is missing. Saving returned an error: “%s”.",
			Plain(strings.TrimSpace(late.Body)), late.Status, what, Plain(*returned.Error))
	default:
		out.Verdict = fmt.Sprintf("{bad Lost,} and what saving returned is not known: the log was answered with status %d.", log.Status)
	}
	if early.SetCookie() != nil && earlyRead.Answer().Found {
		out.Verdict += " In the right order the answer has a cookie, and the value is there."
	} else {
		out.Verdict += " {bad In the right order it was lost too.}"
	}
	return out
}
