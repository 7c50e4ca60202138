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
	ru := rushIn(r, in, city, food)
	read := func(key string) *experiment.Exchange {
		return ru.tab.Get("/get", "key", key).For("reads " + key + " afterwards")
	}
	readCity, readFood := read("city"), read("food")
	hasCity, hasFood := readCity.Value() == city, readFood.Value() == food
	refused := ru.two
	if ru.one.Status >= 400 {
		refused = ru.one
	}

	before := ru.born.Answer().Session.Version
	version := func(x *experiment.Exchange) string {
		if v := x.Answer().Session.Version; v > 0 {
			return fmt.Sprint(v)
		}
		return "none"
	}
	row := func(what string, x *experiment.Exchange, there string) []string {
		return []string{what, fmt.Sprint(x.Status), version(x), experiment.YesNo(x.SetCookie() != nil, true), there}
	}
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Tables: []experiment.Table{{
		Caption: "What each answer said",
		Head:    []string{"request", "status", "version", "Set-Cookie", "there afterwards"},
		Rows: [][]string{
			row("begins the session", ru.born, ""),
			row("first tab writes `city`", ru.one, experiment.YesNo(hasCity, true)),
			row("second tab writes `food`", ru.two, experiment.YesNo(hasFood, true)),
		},
	}}}
	one, two := ru.one.SetCookie(), ru.two.SetCookie()
	if one != nil && two != nil {
		out.Pair = []experiment.Shot{
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
		out.Happened, out.Tone = "both-kept", experiment.Held
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
		out.Happened, out.Decisive, out.Mark = "one-lost", read1, `"found":false`
		out.Verdict = fmt.Sprintf("{bad One update is lost:} the tabs sent the same cookie and both were answered with success, yet afterwards `%s` is there and `%s` is missing.", kept, lost)
		switch files := sessionFiles(in); {
		case files > 0:
			out.Verdict += fmt.Sprintf(" {server The store} keeps %s for all that, and the later save replaced the whole of what the earlier one wrote.", experiment.Count(files, "file", "files"))
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
		out.Happened, out.Tone, out.Decisive, out.Mark = "one-refused", experiment.Refused, refused, fmt.Sprintf(`"status":%d`, refused.Status)
		out.Verdict = fmt.Sprintf("{mac One tab was refused} with status %d. Afterwards `%s` is there, and `%s` is missing: its tab was told.", refused.Status, kept, lost)
	default:
		out.Decisive = read1
		out.Verdict = fmt.Sprintf("{bad Something else:} the tabs were answered with status %d and %d, and afterwards %s what was written.",
			ru.one.Status, ru.two.Status, experiment.Count(countTrue(hasCity, hasFood), "of the two keys holds", "of the two keys hold"))
	}

	// A save over the version that both tabs had loaded, by somebody who does not look.
	if set.Twin != nil {
		return out
	}
	if rec, ok := in.Record(ru.tab.Cookie()); ok && before > 0 && rec.Version > before {
		now := rec.Version
		rec.Record.Version = before
		if err := in.SaveRecord(ru.tab.Cookie(), rec.Record); err != nil {
			out.Verdict += fmt.Sprintf(" {server The store}, now at version %d and asked to save over version %d once more, {mac refused}: “%s”.", now, before, experiment.Plain(err.Error()))
		} else {
			out.Verdict += fmt.Sprintf(" {server The store}, then at version %d and asked to save over version %d once more, {bad did so}.", now, before)
		}
	}
	return out
}
