package show

import (
	"fmt"
	"strconv"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/views"
)

// maxAlike is how many rows the grid has for the class. Whoever makes up requests can make many.
const maxAlike = 12

// Grid is what the browsers of a class gave: equal ones in one row, without a name. seats is how many
// seats there are.
func Grid(g classroom.Grid, seats int) views.Grid {
	if g.N == 0 {
		return views.Grid{}
	}
	v := views.Grid{Asked: true, Heard: fmt.Sprintf("%d of %d", g.Heard, max(seats, g.Heard))}
	class, teacher := say.Given{}, say.Given{}
	for i, alike := range g.Class {
		one, many := "browser of the class", "browsers of the class"
		if alike.Own {
			one, many = "browser of the program’s own", "browsers of the program’s own"
		} else {
			add(&class, alike.Gave, alike.Browsers)
		}
		if i < maxAlike {
			v.Class = append(v.Class, gridRow(alike.Gave, fmt.Sprintf("%d %s", alike.Browsers, say.Plural(alike.Browsers, one, many))))
		} else {
			v.More += alike.Browsers
		}
	}
	if silent := seats - g.Heard; silent > 0 {
		v.Silent = fmt.Sprintf("%d %s not heard from", silent, say.Plural(silent, "seat was", "seats were"))
	}
	if g.Teacher == nil || !g.Teacher.Script {
		v.Asks = strconv.Itoa(g.N)
	}
	if g.Teacher != nil {
		row := gridRow(*g.Teacher, "The teacher’s own browser")
		v.Teacher = &row
		add(&teacher, *g.Teacher, 1)
	}
	v.Follows = say.Follows(class, teacher)
	return v
}

// add counts browsers that gave g.
func add(to *say.Given, g classroom.Gave, browsers int) {
	to.Browsers += browsers
	for _, count := range []struct {
		gave bool
		in   *int
	}{{g.Site != "" || g.Mode != "" || g.Dest != "", &to.Fetch}, {g.Lax, &to.Cookies}, {g.Lax && g.Secure, &to.Secure}, {g.Script, &to.Scripts}, {g.Script && g.Context, &to.Context}} {
		if count.gave {
			*count.in += browsers
		}
	}
}

// gridRow is a row of browsers that gave g.
func gridRow(g classroom.Gave, who string) views.GridRow {
	r := views.GridRow{Who: who, At: "at the class’s address", Fetch: "none"}
	if g.Name != "" {
		r.At = "at " + g.Name
	}
	if g.Site != "" || g.Mode != "" || g.Dest != "" {
		r.Fetch = fmt.Sprintf("Site %s, Mode %s, Dest %s", fetchWord(g.Site), fetchWord(g.Mode), fetchWord(g.Dest))
	}
	r.Sent = r.Fetch != "none"
	r.Cookies = []views.GridCell{kept(g.Secure), kept(g.NoSameSite), kept(g.Lax)}
	r.Told = []views.GridCell{{Text: "no script"}, {Text: "no script"}}
	if g.Script {
		r.Told = []views.GridCell{{Text: "not there"}, {Text: strconv.FormatBool(g.Context)}}
		if g.Store {
			r.Told[0].Text = "there"
		}
	}
	return r
}

func kept(yes bool) views.GridCell {
	if yes {
		return views.GridCell{Text: "kept", Kept: true}
	}
	return views.GridCell{Text: "not kept"}
}

// fetchWord shows what a Sec-Fetch-* header said.
func fetchWord(f classroom.Fetch) string {
	switch f {
	case "":
		return "missing"
	case classroom.FetchOther:
		return "an unknown word"
	}
	return string(f)
}
