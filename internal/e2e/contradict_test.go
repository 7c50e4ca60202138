package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// findings counts what a run of the check has read, and keeps what it found.
type findings struct {
	screens, statements int
	found               map[string]*finding
}

// finding is a kind of problem: the first one, and on how many screens it was.
type finding struct {
	problem string
	where   []string
}

// add checks one screen, and returns the kinds of problems that are new.
func (y *findings) add(where, html string, t *truth) (news []string) {
	problems, n := check(html, t)
	y.screens++
	y.statements += n
	for _, p := range problems {
		if isKnown(p) {
			continue
		}
		key := generic(p)
		if y.found[key] == nil {
			if y.found == nil {
				y.found = map[string]*finding{}
			}
			y.found[key] = &finding{problem: p}
			news = append(news, key)
		}
		y.found[key].where = append(y.found[key].where, where)
	}
	return news
}

// report fails the test with each kind of problem, and says where it was found.
func (y *findings) report(t *testing.T) {
	t.Helper()
	t.Logf("%d screens, %d statements", y.screens, y.statements)
	for _, key := range slices.Sorted(maps.Keys(y.found)) {
		f := y.found[key]
		t.Errorf("on %d screens, as in %q:\n%s", len(f.where), f.where[:min(3, len(f.where))], f.problem)
	}
}

// generic is a problem without what differs from run to run.
func generic(problem string) string {
	out := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '0'
		}
		return r
	}, hexID.ReplaceAllString(problem, "ID"))
	return longWord.ReplaceAllString(out, "LONG")
}

// The check reads a page line by line (contradict_screen_test.go), and each sentence of a line
// by the lessons (contradict_result_test.go, contradict_panels_test.go, contradict_wire_test.go)
// into claims: of what kind, of which key, cookie or session, and what. The truth makes claims
// as well (contradict_facts_test.go, contradict_before_test.go, contradict_jar_test.go). Two claims of one thing must be
// equal. A sentence that no lesson knows is a problem too: teach it. Contradictions that are
// not mended yet stand in contradict_known_test.go; contradict_control_test.go plants
// contradictions, and each of them must be found.

// No two statements of a screen contradict each other, what travelled, what the browser
// keeps, or what another client is told.
func TestNoTwoStatementsContradict(t *testing.T) {
	t.Parallel()
	t.Run("with each button in each state", eachButton)
	t.Run("on a walk", walks)
	t.Run("in an outage", outages)
	t.Run("in a full store", fullStore)
	t.Run("in Chromium", inChromium)
	if t.Failed() {
		return
	}
	for _, f := range known {
		if !f.found && !f.rare {
			t.Errorf("%s: this is known, and was not found: take it off the list", f.words)
		}
	}
}

// eachButton presses each button in each state, and with each placement in the states in which
// the placement matters.
func eachButton(t *testing.T) {
	y := &findings{}
	p := start(t)
	for _, placement := range []string{"hybrid", "cookie", "server"} {
		for _, s := range states {
			if placement != "hybrid" && !slices.Contains([]string{"live", "stale", "expired"}, s.name) {
				continue
			}
			b := newRawBrowser(t, p)
			b.open()
			for _, button := range buttons {
				b.jar = s.jar(b, placement)
				html, truth := b.press(button)
				truth.verdict = s.verdict
				y.add(fmt.Sprintf("%s, %s, %s", placement, s.name, button.name), html, truth)
			}
		}
	}
	y.report(t)
}

// hands are what happens to a browser between two presses, by hand or by another client.
var hands = map[string]func(b *rawBrowser){
	"the cookie is deleted by hand": func(b *rawBrowser) { b.jar = nil },
	"a letter is changed by hand": func(b *rawBrowser) {
		for i, c := range b.jar {
			if c.name == b.name && len(c.value) > 60 {
				b.jar = slices.Clone(b.jar)
				b.jar[i].value = forge(c.value)
			}
		}
	},
	"another client with the cookie flushes": func(b *rawBrowser) { b.another("/flush") },
	"another client with the cookie sets":    func(b *rawBrowser) { b.another("/set", "key", "a", "value", "2") },
}

// another lets another client press, which has this browser's cookie. The moment before the
// next press is then that client's.
func (b *rawBrowser) another(path string, pairs ...string) {
	for _, c := range b.ownIn(b.jar) {
		b.act(c.value, path, pairs...)
		b.last = nil
	}
}

// walk is a row of presses in a browser.
type walk struct {
	placement string // of new sessions
	plain     bool   // without scripts
	steps     []string
}

func (w walk) String() string {
	how := ""
	if w.plain {
		how = " without scripts"
	}
	return w.placement + how + ": " + strings.Join(w.steps, " > ")
}

// walkOf returns a random walk, always the same for a seed.
func walkOf(seed uint64) walk {
	random := rand.New(rand.NewPCG(seed, 0))
	w := walk{placement: []string{"hybrid", "cookie", "server"}[seed%3], plain: seed%4 == 3}
	names := slices.Sorted(maps.Keys(hands))
	for range 30 {
		if n := random.IntN(60); n < len(names) {
			w.steps = append(w.steps, names[n])
		}
		w.steps = append(w.steps, buttons[random.IntN(len(buttons))].name)
	}
	return w
}

// past is the step of a screen of a moment that was.
const past = -1

// take walks, and tells each screen to add.
func (w walk) take(t *testing.T, p *program, add func(step int, html string, truth *truth)) {
	b := newRawBrowser(t, p)
	b.plain = w.plain
	b.open()
	for i, name := range w.steps {
		if hand := hands[name]; hand != nil {
			hand(b)
			continue
		}
		button := buttons[slices.IndexFunc(buttons, func(b button) bool { return b.name == name })]
		if button.path == "/set" {
			button.form = append(slices.Clone(button.form), "placement", w.placement)
		}
		html, truth := b.press(button)
		add(i, html, truth)
	}
	for i, n := range slices.Sorted(maps.Keys(b.moments)) {
		if i%3 == 0 {
			html, truth := b.past(n)
			add(past, html, truth)
		}
	}
}

// shrink returns the shortest walk that it finds with the same kind of problem.
func (w walk) shrink(t *testing.T, key string) walk {
	finds := func(w walk) bool {
		found := false
		w.take(t, start(t), func(_ int, html string, truth *truth) {
			problems, _ := check(html, truth)
			found = found || slices.ContainsFunc(problems, func(p string) bool { return generic(p) == key })
		})
		return found
	}
	for size := len(w.steps) / 2; size > 0; size /= 2 {
		for i := 0; i+size <= len(w.steps); {
			shorter := w
			shorter.steps = slices.Delete(slices.Clone(w.steps), i, i+size)
			if finds(shorter) {
				w = shorter
			} else {
				i += size
			}
		}
	}
	return w
}

// walks presses in rows: each screen compares itself with the one before.
func walks(t *testing.T) {
	y := &findings{}
	p := start(t)
	for seed := range uint64(12) {
		w := walkOf(seed)
		found := map[string]walk{}
		w.take(t, p, func(step int, html string, truth *truth) {
			if step == past {
				y.add(fmt.Sprint("a past moment of walk ", seed), html, truth)
				return
			}
			shorter := w
			shorter.steps = w.steps[:step+1]
			for _, key := range y.add(fmt.Sprint("walk ", seed), html, truth) {
				found[key] = shorter
			}
		})
		for key, w := range found {
			y.found[key].where = []string{w.shrink(t, key).String()}
		}
	}
	y.report(t)
}
