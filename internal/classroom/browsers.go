package classroom

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Fetch is what a Sec-Fetch-* header said: "" if there was no such header, one of the words that the
// standard knows, or FetchOther.
type Fetch string

// FetchOther stands for every word that the standard does not know. What a client made up is not kept.
const FetchOther Fetch = "?"

// Gave is what one browser gave when it was asked. It has no text of the client's own.
type Gave struct {
	Own        bool   `json:"own,omitempty"`        // it is one of the program's own browsers, see Class.Rehearse
	Name       string `json:"name,omitempty"`       // by which the request named this machine itself: "localhost", "127.0.0.1"; "" for another
	Site       Fetch  `json:"site,omitempty"`       // Sec-Fetch-Site
	Mode       Fetch  `json:"mode,omitempty"`       // Sec-Fetch-Mode
	Dest       Fetch  `json:"dest,omitempty"`       // Sec-Fetch-Dest
	Secure     bool   `json:"secure,omitempty"`     // the cookie with Secure came back
	NoSameSite bool   `json:"nosamesite,omitempty"` // the cookie without SameSite came back
	Lax        bool   `json:"lax,omitempty"`        // the control came back: SameSite=Lax, without Secure
	Script     bool   `json:"script,omitempty"`     // the page's script told what follows
	Context    bool   `json:"context,omitempty"`    // isSecureContext
	Store      bool   `json:"store,omitempty"`      // cookieStore is there
}

// GaveAlike are browsers that gave the same.
type GaveAlike struct {
	Gave
	Browsers int
}

// Grid is what the browsers of a class have given so far.
type Grid struct {
	N       int         // counts how often the class was asked, from 1; 0 while nothing of it is shown
	Class   []GaveAlike // the most frequent first
	Heard   int         // how many browsers of the class gave something
	Teacher *Gave       // the teacher's own; nil while it was not heard from
}

// Browsers asks the browsers of a class for what they have, and keeps what they gave. It is safe for
// concurrent use. A change is in the Documents before its method returns; if they fail, nothing has
// changed. Begin with OpenBrowsers.
type Browsers struct {
	cfg BrowsersConfig

	// gate is held for reading while something that was given is written, and for writing by Ask,
	// End and Wiped: nothing that was given before is written after them.
	gate sync.RWMutex

	mu      sync.RWMutex // guards what follows, never held while the documents work
	n       int          // how often the class was asked
	shown   bool
	teacher *Gave // never changes: it is replaced
	gave    map[ID]Gave
	writing map[ID]bool // what is given at this moment
}

// BrowsersConfig is what Browsers are made of.
type BrowsersConfig struct {
	Documents Documents     // the same as the Class's
	There     func(ID) bool // tells whether there is a seat of that ID
	Log       *slog.Logger
	Changed   func(asked bool) // is told after each change; asked after Ask, End and Wiped
}

// The names of the documents of Browsers. The teacher's browser has the ID "".
const (
	browsersName = "browsers"
	gavePrefix   = "gave/"
)

// browsersDocument is the document of what is asked.
type browsersDocument struct {
	N     int  `json:"n"`
	Shown bool `json:"shown,omitempty"`
}

// gaveDocument is the document of what one browser gave, when the class was asked the n-th time.
type gaveDocument struct {
	N int `json:"n"`
	Gave
}

// ErrNotAsked tells that something was given that nobody asks for now.
var ErrNotAsked = errors.New("this is not asked now")

// OpenBrowsers returns what the documents hold.
func OpenBrowsers(ctx context.Context, cfg BrowsersConfig) (*Browsers, error) {
	b := &Browsers{cfg: cfg, gave: make(map[ID]Gave), writing: make(map[ID]bool)}
	given := make(map[ID]gaveDocument)
	if err := readDocuments(ctx, cfg.Documents, cfg.Log, func(doc Document) error { return b.read(doc, given) }); err != nil {
		return nil, fmt.Errorf("classroom: read what the browsers gave: %w", err)
	}
	var litter []string
	for id, g := range given {
		switch {
		case !b.shown || g.N != b.n || id != "" && !cfg.There(id):
			litter = append(litter, gavePrefix+string(id))
		case id == "":
			b.teacher = &g.Gave
		default:
			b.gave[id] = g.Gave
		}
	}
	if err := cfg.Documents.Delete(ctx, litter...); err != nil {
		cfg.Log.Error("classroom: what browsers gave before was left", "error", err)
	}
	return b, nil
}

// read reads one document, if it is of Browsers.
func (b *Browsers) read(doc Document, given map[ID]gaveDocument) error {
	if doc.Name == browsersName {
		var d browsersDocument
		err := json.Unmarshal(doc.Data, &d)
		if err == nil {
			b.n, b.shown = d.N, d.Shown
		}
		return err
	}
	id, is := strings.CutPrefix(doc.Name, gavePrefix)
	if !is {
		return nil
	}
	var d gaveDocument
	err := json.Unmarshal(doc.Data, &d)
	if err == nil {
		given[ID(id)] = d
	}
	return err
}

// Ask asks all browsers, and forgets what they gave before.
func (b *Browsers) Ask(ctx context.Context) error { return b.set(ctx, true) }

// End forgets what the browsers gave: they are not asked any more.
func (b *Browsers) End(ctx context.Context) error {
	if b.Now().N == 0 {
		return nil
	}
	return b.set(ctx, false)
}

func (b *Browsers) set(ctx context.Context, shown bool) error {
	b.gate.Lock()
	defer b.gate.Unlock()
	next := browsersDocument{N: b.n, Shown: shown}
	if shown {
		next.N++
	}
	if err := b.put(ctx, browsersName, next); err != nil {
		return err
	}
	var forgotten []string
	b.mu.Lock()
	if b.teacher != nil {
		forgotten = append(forgotten, gavePrefix)
	}
	for id := range b.gave {
		forgotten = append(forgotten, gavePrefix+string(id))
	}
	b.n, b.shown, b.teacher, b.gave = next.N, shown, nil, make(map[ID]Gave)
	b.mu.Unlock()
	if err := b.cfg.Documents.Delete(ctx, forgotten...); err != nil {
		b.cfg.Log.Error("classroom: what browsers gave before was left until the next start", "error", err)
	}
	b.cfg.Changed(true)
	return nil
}

// put keeps a document.
func (b *Browsers) put(ctx context.Context, name string, v any) error {
	if err := b.cfg.Documents.Put(ctx, jsonDocument(name, v)); err != nil {
		return fmt.Errorf("classroom: keep what the browsers gave: %w", err)
	}
	return nil
}

// Give notes what the browser of a seat gave, with the ID "" the teacher's, when the class was asked the
// n-th time. What a script told replaces what requests without a script showed, and what is known
// already stays otherwise. The errors are ErrNotAsked, ErrNoSeat and the documents'.
func (b *Browsers) Give(ctx context.Context, id ID, n int, g Gave) error {
	b.gate.RLock()
	defer b.gate.RUnlock()
	there := func() bool { return id == "" || b.cfg.There(id) }
	if !there() {
		return ErrNoSeat
	}
	if begun, err := b.begin(id, n, g); err != nil || !begun {
		return err
	}
	err := b.put(ctx, gavePrefix+string(id), gaveDocument{n, g})
	b.mu.Lock()
	if delete(b.writing, id); err == nil && id == "" {
		b.teacher = &g
	} else if err == nil {
		b.gave[id] = g
	}
	b.mu.Unlock()
	switch {
	case err != nil:
		return err
	case !there(): // it went meanwhile
		b.Left(id)
		return errors.Join(ErrNoSeat, b.cfg.Documents.Delete(ctx, gavePrefix+string(id)))
	}
	b.cfg.Changed(false)
	return nil
}

// begin tells whether something that was given is to be written.
func (b *Browsers) begin(id ID, n int, g Gave) (begun bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.shown || n != b.n {
		return false, ErrNotAsked
	}
	if known, is := b.of(id); b.writing[id] || is && (known.Script || !g.Script) {
		return false, nil
	}
	b.writing[id] = true
	return true, nil
}

// of returns what a browser gave. The caller holds the lock.
func (b *Browsers) of(id ID) (Gave, bool) {
	if id == "" && b.teacher != nil {
		return *b.teacher, true
	}
	g, is := b.gave[id]
	return g, is
}

// Asks returns how often the class was asked, if the browser of a seat, with the ID "" the teacher's, is
// asked now and has given nothing, or nothing by a script that it may have. Otherwise it returns 0.
func (b *Browsers) Asks(id ID, script bool) int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if g, is := b.of(id); !b.shown || is && (g.Script || g.Own || !script) {
		return 0
	}
	return b.n
}

// Now returns what was given so far.
func (b *Browsers) Now() Grid {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if !b.shown {
		return Grid{}
	}
	alike := make(map[Gave]int)
	for _, g := range b.gave {
		alike[g]++
	}
	grid := Grid{N: b.n, Heard: len(b.gave), Teacher: b.teacher}
	for _, g := range slices.SortedFunc(maps.Keys(alike), func(x, y Gave) int {
		return cmp.Or(alike[y]-alike[x], strings.Compare(fmt.Sprint(y), fmt.Sprint(x)))
	}) {
		grid.Class = append(grid.Class, GaveAlike{g, alike[g]})
	}
	return grid
}

// Left forgets what the browser of a seat gave that went. Its document went with the seat's.
func (b *Browsers) Left(id ID) {
	b.mu.Lock()
	_, had := b.gave[id]
	delete(b.gave, id)
	b.mu.Unlock()
	if had {
		b.cfg.Changed(false)
	}
}

// Wiped forgets everything after Class.Wipe has removed the documents.
func (b *Browsers) Wiped() {
	b.gate.Lock()
	defer b.gate.Unlock()
	b.mu.Lock()
	b.shown, b.teacher, b.gave = false, nil, make(map[ID]Gave)
	b.mu.Unlock()
	b.cfg.Changed(true)
}
