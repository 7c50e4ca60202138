package shelf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gorilla/sessions"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var twoTabs = experiment.Experiment{
	Slug: "two-tabs", Section: together,
	Choices: []experiment.Choice{
		{Name: "placement", Label: "Values live in", Options: slices.Concat(experiment.Placements.Options, []experiment.Option{
			{Name: "gorilla-cookie", Label: "plain gorilla, CookieStore"}, {Name: "gorilla-file", Label: "plain gorilla, FilesystemStore"},
		})},
		{Name: "size", Label: "Each value has", Options: []experiment.Option{{Name: "short", Label: "one word"}, {Name: "long", Label: "300 letters"}}},
	},
	Run: runTwoTabs,
}

func runTwoTabs(r *experiment.Run) experiment.Outcome {
	var set experiment.Settings
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
	u := updates{rush: rushIn(r, in, city, food)}
	read := func(key string) *experiment.Exchange {
		return u.tab.Get("/get", "key", key).For("reads " + key + " afterwards")
	}
	readCity, readFood := read("city"), read("food")
	u.hasCity, u.hasFood = readCity.Value() == city, readFood.Value() == food
	u.kept, u.lost, u.readLost, u.readFood = "city", "food", readFood, readFood
	if u.hasFood {
		u.kept, u.lost, u.readLost = "food", "city", readCity
	}
	u.files = sessionFiles(in)
	out := u.judge()
	if set.Twin == nil {
		out.Verdict += u.saveOverOldVersion(in)
	}
	return out
}

// updates is what became of the two tabs' writes.
type updates struct {
	rush
	hasCity, hasFood   bool
	kept, lost         string               // if one of the keys is lost: the key that is there, and the key that is lost
	readLost, readFood *experiment.Exchange // reads of these keys afterwards
	files              int                  // how many files gorilla's FilesystemStore has
}

// version is the version that an answer names, or "none".
func version(x *experiment.Exchange) string {
	if v := x.Answer().Session.Version; v > 0 {
		return fmt.Sprint(v)
	}
	return "none"
}

func (u updates) table() experiment.Table {
	row := func(what string, x *experiment.Exchange, there string) []string {
		return []string{what, fmt.Sprint(x.Status), version(x), experiment.Fact(x.SetCookie() != nil), there}
	}
	return experiment.Table{
		Caption: "What each answer said",
		Head:    []string{"request", "status", "version", "Set-Cookie", "there afterwards"},
		Rows: [][]string{
			row("begins the session", u.born, ""),
			row("first tab writes `city`", u.one, experiment.YesNo(u.hasCity, true)),
			row("second tab writes `food`", u.two, experiment.YesNo(u.hasFood, true)),
		},
	}
}

// judge says which of the two updates is there.
func (u updates) judge() experiment.Outcome {
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Tables: []experiment.Table{u.table()}}
	if one, two := u.one.SetCookie(), u.two.SetCookie(); one != nil && two != nil {
		out.Pair = []experiment.Shot{
			{Title: "The first tab's answer sets", Cookie: one.Value, Exchange: u.one, Says: "city written"},
			{Title: "The second tab's answer sets", Cookie: two.Value, Exchange: u.two, Says: "food written"},
		}
	}
	switch both := u.one.Status < 400 && u.two.Status < 400; {
	case !u.atOnce:
		out.Verdict = "{bad Not at once:} twice one tab's form was written before the other's had loaded the session. That shows nothing: run it again."
	case both && u.hasCity && u.hasFood:
		u.bothKept(&out)
	case both && u.hasCity != u.hasFood:
		u.oneLost(&out)
	case !both && u.hasCity != u.hasFood:
		refused := u.two
		if u.one.Status >= 400 {
			refused = u.one
		}
		out.Happened, out.Tone, out.Decisive, out.Mark = "one-refused", experiment.Refused, refused, fmt.Sprintf(`"status":%d`, refused.Status)
		out.Verdict = fmt.Sprintf("{mac One tab was refused} with status %d. Afterwards `%s` is there, and `%s` is missing: its tab was told.", refused.Status, u.kept, u.lost)
	default:
		out.Decisive = u.readLost
		out.Verdict = fmt.Sprintf("{bad Another outcome:} the tabs were answered with status %d and %d, and afterwards %s what was written.",
			u.one.Status, u.two.Status, experiment.Count(countTrue(u.hasCity, u.hasFood), "of the two keys holds", "of the two keys hold"))
	}
	return out
}

func (u updates) bothKept(out *experiment.Outcome) {
	out.Happened, out.Tone = "both-kept", experiment.Held
	out.Verdict = "{ok Both are kept:} the tabs sent the same cookie, the server answered both with success, and afterwards `city` and `food` are there."
	out.Decisive, out.Mark = u.readFood, `"found":true`
	later := u.two
	if u.one.Answer().Session.Version >= u.two.Answer().Session.Version {
		later = u.one
	}
	if v := later.Answer().Session.Version; v > 0 {
		out.Decisive, out.Mark = later, fmt.Sprintf(`"version":%d`, v)
		out.Verdict += fmt.Sprintf(" The version climbed from %d to %d: the server put the slower tab's change on top of the other's.", u.born.Answer().Session.Version, v)
	}
}

func (u updates) oneLost(out *experiment.Outcome) {
	out.Happened, out.Decisive, out.Mark = "one-lost", u.readLost, `"found":false`
	out.Verdict = fmt.Sprintf("{bad One update is lost:} the tabs sent the same cookie and the server answered both with success, yet afterwards `%s` is there and `%s` is missing.", u.kept, u.lost)
	switch {
	case u.files > 0:
		out.Verdict += fmt.Sprintf(" {server The store} keeps %s for all values, and the later save replaced everything that the earlier save wrote.", experiment.Count(u.files, "file", "files"))
	case out.Pair != nil && out.Pair[0].Cookie != out.Pair[1].Cookie:
		out.Verdict += fmt.Sprintf(" Each answer set {cookie a cookie of its own}, and the browser kept the one with `%s`.", u.kept)
	}
	switch a, b := version(u.one), version(u.two); {
	case a == "none" || b == "none":
		out.Verdict += " Without a version in the answers nobody could notice."
	case a == b:
		out.Verdict += fmt.Sprintf(" Both answers say version %s: neither tab knew of the other.", a)
	default:
		out.Verdict += fmt.Sprintf(" The answers say version %s and %s: {server the record} counted both writes, and yet one value is gone.", a, b)
	}
}

// saveOverOldVersion saves over the version that both tabs had loaded, as somebody does
// who does not look at versions, and says what the store made of it.
func (u updates) saveOverOldVersion(in *experiment.Instance) string {
	before := u.born.Answer().Session.Version
	rec, ok := in.Record(u.tab.Cookie())
	if !ok || before == 0 || rec.Version <= before {
		return ""
	}
	now := rec.Version
	rec.Record.Version = before
	if err := in.SaveRecord(u.tab.Cookie(), rec.Record); err != nil {
		return fmt.Sprintf(" {server The store}, now at version %d and asked to save over version %d once more, {mac refused}: “%s”.", now, before, experiment.Plain(err.Error()))
	}
	return fmt.Sprintf(" {server The store}, then at version %d and asked to save over version %d once more, {bad did so}.", now, before)
}
