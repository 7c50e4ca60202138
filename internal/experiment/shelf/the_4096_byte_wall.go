package shelf

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var the4096ByteWall = experiment.Experiment{
	Slug: "the-4096-byte-wall", Section: where,
	Choices: []experiment.Choice{{Name: "where", Label: "The value goes to", Options: []experiment.Option{
		{Name: "cookie", Label: "the cookie"}, {Name: "hybrid", Label: "hybrid"}, {Name: "server", Label: "the server"},
		{Name: "gorilla-cookie", Label: "plain gorilla, CookieStore"}, {Name: "gorilla-file", Label: "plain gorilla, FilesystemStore"},
	}}},
	Run: runThe4096ByteWall,
}

// setInBrowser is Set by a browser with the limit that browsers have: it ignores a
// cookie that is larger, and keeps the cookie before. ignored tells that it did.
func setInBrowser(c *experiment.Client, key, value string) (x *experiment.Exchange, ignored bool) {
	before := c.Cookie()
	x = c.Set(key, value)
	if set := x.SetCookie(); set != nil && cookieSize(set.Name, set.Value) > experiment.BrowserLimit {
		ignored = true
		c.Put(before)
	}
	return x, ignored
}

// clip lets go of what is large in x: a run is kept for a while, and these bodies
// say nothing new after their beginning.
func clip(x *experiment.Exchange) {
	short := func(s string) string {
		const most = 4 << 10
		if len(s) <= most {
			return s
		}
		return fmt.Sprintf("%s… (%s bytes in all)", s[:most], experiment.Comma(len(s)))
	}
	x.Form, x.Body = short(x.Form), short(x.Body)
}

// try is one write of the value that grows.
type try struct {
	n       int // bytes of text
	x       *experiment.Exchange
	answer  experiment.Answer
	ignored bool // the browser did not take the cookie
}

func (t try) accepted() bool { return t.x.Status < 400 }

// sent is a cell: the size of the cookie that the answer set.
func (t try) sent() string {
	c := t.x.SetCookie()
	switch {
	case c == nil:
		return "none"
	case t.ignored:
		return "{bad " + experiment.Comma(cookieSize(c.Name, c.Value)) + ", ignored by the browser}"
	}
	return experiment.Comma(cookieSize(c.Name, c.Value))
}

// says is a cell: the answer.
func (t try) says() string {
	a := t.answer
	switch {
	case a.Limit != "":
		return fmt.Sprintf("{mac limit %s: %s, at most %s}", experiment.Plain(a.Limit), experiment.Comma(a.Size), experiment.Comma(a.Max))
	case !t.accepted():
		return "{mac " + experiment.Plain(cmp.Or(a.Detail, strings.TrimSpace(t.x.Body))) + "}"
	case a.Lives != "":
		return map[string]string{"cookie": "saved, in the cookie", "server": "saved, on the server"}[a.Lives]
	}
	return "saved"
}

// doubledFrom is the first size; doubled four times it is 10,000.
const doubledFrom = 625

func runThe4096ByteWall(r *experiment.Run) experiment.Outcome {
	set := experiment.Settings{}
	switch name := r.Choice("where"); name {
	case "gorilla-cookie":
		set.Twin = experiment.CookieTwin(session.NewSecret(), nil)
	case "gorilla-file":
		set.Twin = experiment.FileTwin(session.NewSecret())
	default:
		set.Placement = r.PlacementNamed(name)
	}
	w := wall{b: r.Boot(set).Client("Rahim's browser")}
	w.b.Set("name", "Rahim").For("stores what must not be lost")
	w.findTaken()
	w.findKept()
	w.over = w.write(w.keeps+1, "one byte more")
	w.after = w.reads("reads what is left")
	w.name = w.b.Get("/get", "key", "name").For("and the other value?").Value()
	out := w.judge()
	if out.Happened != experiment.None && w.over.answer.Limit == string(session.LimitValue) {
		out.Verdict += moreValues(w.b, w.keeps)
	}
	return out
}

// write writes a value of n bytes.
func (w *wall) write(n int, note string) try {
	x, ignored := setInBrowser(w.b, "text", strings.Repeat("x", n))
	t := try{n, x.For(note), x.Answer(), ignored}
	w.tries = append(w.tries, t)
	clip(x)
	return t
}

// reads tells how many bytes of text the client gets back; -1 when there is none.
func (w *wall) reads(note string) int {
	w.read = w.b.Get("/get", "key", "text").For(note)
	n := len(w.read.Value())
	if !w.read.Answer().Found {
		n = -1
	}
	clip(w.read)
	return n
}

// lastOf returns the last size from low to high for which well returns true. well must be true
// for low, and false for high.
func lastOf(low, high int, well func(n int) bool) int {
	for high-low > 1 {
		if n := (low + high) / 2; well(n) {
			low = n
		} else {
			high = n
		}
	}
	return low
}

// findTaken finds the largest value that the server takes, or that a form has room for.
func (w *wall) findTaken() {
	const most = 160_000 // a form of ours has room for that
	high := 0
	for n := doubledFrom; n <= most && high == 0; n *= 2 {
		if w.write(n, "doubles").accepted() {
			w.takes = n
		} else {
			high = n
		}
	}
	if high > 0 {
		w.takes = lastOf(w.takes, high, func(n int) bool { return w.write(n, "halves the step").accepted() })
	}
	w.write(w.takes, "the largest that the server took")
}

// findKept finds the largest value that comes back: the server can take a value and lose it.
func (w *wall) findKept() {
	w.keeps, w.before = w.takes, w.reads("reads it back")
	if w.before != w.takes {
		w.keeps = lastOf(0, w.takes, func(n int) bool { w.write(n, "halves the step"); return w.reads("reads it back") == n })
		w.write(w.keeps, "the largest that comes back")
		w.before = w.reads("reads it back")
	}
}

// wall is what came of a value that grew.
type wall struct {
	b             *experiment.Client
	tries         []try
	takes, keeps  int                  // the sizes of the largest value that the server took, and of the largest that came back
	over          try                  // the write of one byte more than keeps
	before, after int                  // how many bytes were read before over and after it; -1 for no value
	read          *experiment.Exchange // the last read
	name          string               // the session's other value, read at the end
}

// of is the first try of that size, nil for none.
func (w wall) of(n int) *experiment.Exchange {
	for _, t := range w.tries {
		if t.n == n {
			return t.x
		}
	}
	return nil
}

// grown is the table of the sizes that count: the doubled ones, and the edges.
func (w wall) grown() experiment.Table {
	t := experiment.Table{Caption: "The value grows", Head: []string{"text, bytes", "status", "Set-Cookie, bytes", "the answer says"}}
	sorted := slices.SortedStableFunc(slices.Values(w.tries), func(a, b try) int { return a.n - b.n })
	for i, at := range sorted {
		doubled := at.n%doubledFrom == 0 && (at.n/doubledFrom)&(at.n/doubledFrom-1) == 0
		edge := at.n == w.keeps || at.n == w.keeps+1 || at.n == w.takes || at.n == w.takes+1
		if (doubled || edge) && (i == 0 || sorted[i-1].n != at.n) { // of several of one size the first: the others changed nothing
			t.Rows = append(t.Rows, []string{experiment.Comma(at.n), fmt.Sprint(at.x.Status), at.sent(), at.says()})
		}
	}
	return t
}

func (w wall) judge() experiment.Outcome {
	size := func(n int) string {
		if n < 0 {
			return "missing"
		}
		return experiment.Comma(n) + " bytes"
	}
	over, name := w.over, cmp.Or(experiment.Plain(w.name), "missing")
	out := experiment.Outcome{
		Happened: experiment.None, Tone: experiment.Refused, Decisive: over.x, Mark: fmt.Sprint(over.x.Status),
		Tables: []experiment.Table{w.grown(), {
			Caption: "What the client has", Head: []string{"key", "before the last write", "after it"},
			Rows: [][]string{{"`text`", size(w.before), size(w.after)}, {"`name`", "`Rahim`", name}},
		}},
		Pair: []experiment.Shot{
			{Title: experiment.Comma(over.n) + " bytes of text", Exchange: over.x},
			{Title: "The next read", Exchange: w.read, Says: size(w.after)},
		},
	}
	switch a := over.answer; {
	case over.accepted() && w.after == over.n:
		out.Happened, out.Tone = "no-wall", experiment.Held
		out.Verdict = fmt.Sprintf("{ok No wall} up to %s bytes, the most that was tried: every write was saved, and read back.", experiment.Comma(over.n))
	case over.accepted():
		out.Happened, out.Tone = "lost", experiment.Lost
		out.Verdict = fmt.Sprintf("{bad Lost without an error.} A text of %s bytes came back. With one byte more the server answered %d, and the next request read %s.", experiment.Comma(w.keeps), over.x.Status, size(w.after))
		if c := over.x.SetCookie(); c != nil && over.ignored {
			out.Mark = "Set-Cookie"
			out.Verdict += fmt.Sprintf(" Its cookie had %s bytes, name and value: more than the %s that a browser takes, so that the browser kept the one before.", experiment.Comma(cookieSize(c.Name, c.Value)), experiment.Comma(experiment.BrowserLimit))
		}
		if late := w.of(w.takes + 1); late != nil && late.Status >= 400 {
			out.Verdict += fmt.Sprintf(" An error came only at %s bytes: status %d, %s.", experiment.Comma(w.takes+1), late.Status, experiment.Code(strings.TrimSpace(late.Body)))
		}
	case w.after != w.before || w.name != "Rahim":
		out.Tone = experiment.Lost
		out.Verdict = fmt.Sprintf("{bad Refused, and lost too.} Status %d at %s bytes. Before it, the client read %s of `text`; after it: %s, and `name` is %s.", over.x.Status, experiment.Comma(over.n), size(w.before), size(w.after), name)
	default:
		out.Happened = "low-wall"
		if w.keeps >= 10_000 {
			out.Happened = "high-wall"
		}
		out.Mark = strings.TrimSpace(over.x.Body)
		why := experiment.Code(out.Mark)
		if a.Limit != "" {
			why = fmt.Sprintf("the %s would be %s bytes, at most %s are allowed", experiment.Plain(a.Limit), experiment.Comma(a.Size), experiment.Comma(a.Max))
			out.Mark = fmt.Sprintf(`"limit":%q,"size":%d,"max":%d`, a.Limit, a.Size, a.Max)
		}
		out.Verdict = fmt.Sprintf("{mac The wall stands between %s and %s bytes of text.} The last byte too many got status %d: %s. {ok Nothing was lost:} `text` still has %s, and `name` is still `Rahim`.",
			experiment.Comma(w.keeps), experiment.Comma(over.n), over.x.Status, why, size(w.after))
		if c := w.of(w.keeps).SetCookie(); c != nil {
			out.Verdict += fmt.Sprintf(" With the largest that fits the cookie had {cookie %s bytes}.", experiment.Comma(cookieSize(c.Name, c.Value)))
		}
	}
	return out
}

// moreValues looks for the limit of the whole session: it stores more values, each as large
// as one value can be, and says what the server answered.
func moreValues(b *experiment.Client, each int) string {
	for i := 2; i <= 8; i++ {
		x, _ := setInBrowser(b, "text"+strconv.Itoa(i), strings.Repeat("x", each))
		x.Note = "one more value of that size"
		a := x.Answer()
		clip(x)
		if a.Limit != "" {
			return fmt.Sprintf(" Behind it stands another: value number %d of that size was refused too, since the {server %s} would be %s bytes, at most %s are allowed.", i, experiment.Plain(a.Limit), experiment.Comma(a.Size), experiment.Comma(a.Max))
		} else if x.Status >= 400 {
			return fmt.Sprintf(" Value number %d of that size was refused too, with status %d.", i, x.Status)
		}
	}
	return ""
}
