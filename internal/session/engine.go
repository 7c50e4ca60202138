// Package session is the session engine: signed cookies, a server-side store
// behind a small interface, two clocks, and three placements of the values.
//
// Begin with New and Engine.Load. An Engine loads the Session of a request; Get, Set,
// Delete and the other methods of Session read it and stage changes, and Commit writes
// what was staged and makes the cookie to send. Store is the same engine behind gorilla's
// idiom, for code that knows session.Get, s.Values and s.Save.
//
// Reading never creates a session. A client never chooses an ID. A write never revives a
// session that ended meanwhile, and never loses another request's update of a server-held
// value. Values that live in the cookie die with the session's ID.
//
// To read the engine itself: load.go opens a session, session.go stages changes,
// commit.go and write.go store them, place.go decides where each value lives, end.go ends a
// session. codec.go signs and verifies cookies, envelope.go says what stands in cookies and
// records, and backend.go what a store must do.
package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	sweepEvery  = 10 * time.Minute       // how often Run clears what has expired
	sweepStep   = 1000                   // how many records a step clears, so that no request waits for the sweeper
	cycledFor   = 30 * time.Second       // how long a replaced ID answers 409 to a write
	retryFor    = 2 * time.Second        // how long a conflicting write is tried again after its turn has come
	settleFor   = 800 * time.Millisecond // how long a store that does not answer is asked what became of a write
	settlePause = 10 * time.Millisecond  // the pause between two questions about a write
	resignEvery = time.Minute            // how often a rolling read may re-sign a cookie that carries values
)

// Config is what an Engine is made of.
type Config struct {
	Backend Backend
	// Secrets sign cookies: the first signs, all verify. Each has at least 32 random bytes.
	Secrets [][]byte
	// CookieName, CookiePath and Secure are the attributes of the cookie that
	// differ by installation. HttpOnly and SameSite=Lax are always on.
	CookieName string
	CookiePath string // default "/"
	Secure     bool
	// Placement is where a new session's values live. The default is Hybrid.
	Placement Placement
	// IdleTimeout is how long a session lives after its last write, Lifetime how long it
	// lives at most. Defaults: 2 h and 8 h.
	IdleTimeout, Lifetime time.Duration
	// IDRoom bounds how many IDs of placement cookie are given out: without room for another
	// ID, a Commit that needs a new ID returns ErrNoID. Default: no limit.
	IDRoom *IDRoom
	// KnownBytes bounds how many bytes of memory the engine takes to remember cookies that it
	// signed or verified, so that it need not verify them again. If a single cookie is larger
	// than half of it, the engine remembers two. Default: 2 MiB. An engine for one browser
	// needs 16 KiB.
	KnownBytes int
	// Rolling makes reads move the idle clock too. Default: only writes move it.
	Rolling bool
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Log takes what an operator should know. Default: nothing is logged.
	Log *slog.Logger
	// OnEvent, when set, is called for everything the engine does. It must not block.
	OnEvent func(context.Context, Event)
	// Watched tells whether anybody wants the events of a context. If it returns false,
	// OnEvent is not called. Default: it is always called.
	Watched func(context.Context) bool
}

// Engine gives requests their sessions. It is safe for concurrent use. New makes one for
// one cookie, and At gives views of it for other cookies.
type Engine struct {
	*shared
	name, path string // of the cookie
	maxValue   int    // how many bytes the cookie's value may have: MaxCookieBytes without the name
	maxRaw     int    // how many bytes of envelope fit into maxValue
	// The attributes of a Set-Cookie line before and after Max-Age.
	beforeMaxAge, afterMaxAge string
	contextKey                any                    // under which a request's context keeps its Session
	latest                    atomic.Pointer[Cookie] // the cookie that was signed or verified last
}

// shared is what all views of an engine have in common.
type shared struct {
	cfg     Config                // without the cookie's name and path
	codec   atomic.Pointer[codec] // of the present secrets
	changes atomic.Uint64         // how often the secrets were replaced
	queues  queues                // of writers: requests of all views share a session's queue
	mark    func() string         // makes the mark of a write; a test replaces it
}

// New returns an engine, or an error that names the wrong setting.
func New(cfg Config) (*Engine, error) {
	if cfg.CookiePath == "" {
		cfg.CookiePath = "/"
	}
	if cfg.Placement == 0 {
		cfg.Placement = Hybrid
	}
	if cfg.IdleTimeout == 0 {
		cfg.IdleTimeout = 2 * time.Hour
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = 8 * time.Hour
	}
	if cfg.KnownBytes == 0 {
		cfg.KnownBytes = defaultKnownBytes
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case cfg.Backend == nil:
		return nil, errors.New("session: no backend")
	case cfg.IdleTimeout < time.Second || cfg.Lifetime < time.Second:
		return nil, errors.New("session: the idle timeout and the lifetime are at least one second")
	}
	e := &Engine{shared: &shared{cfg: cfg, queues: queues{byKey: make(map[Key]*queue)}, mark: newWriteMark}}
	e.cfg.CookieName, e.cfg.CookiePath = "", ""
	if err := e.SetSecrets(cfg.Secrets); err != nil {
		return nil, err
	}
	return e.At(cfg.CookieName, cfg.CookiePath)
}

// At returns a view of e whose cookie has that name and path. All views are one engine:
// they share the store, the settings, the signing secrets, the known cookies and the
// queues of writers. A view takes some hundred bytes, and the cookie that it saw last.
//
// The signature does not cover the cookie's name: a value that one view set opens the
// same session when it comes under the name of another view. The error names an
// impossible name.
func (e *Engine) At(name, path string) (*Engine, error) {
	if (&http.Cookie{Name: name}).Valid() != nil {
		return nil, fmt.Errorf("session: %q cannot be a cookie's name", name)
	}
	view := &Engine{shared: e.shared, name: name, path: path, maxValue: MaxCookieBytes - len(name)}
	view.maxRaw = budget(view.maxValue)
	view.contextKey = contextKey{e.shared, name, path}
	line := view.header("", 1).String()
	view.beforeMaxAge, view.afterMaxAge, _ = strings.Cut(line[len(name)+len("="):], "; Max-Age=1")
	return view, nil
}

// SetSecrets replaces the signing secrets of e and of all its views: the first signs
// from now on, all verify. A request that has loaded its session goes on with the secrets that
// it was loaded with: a cookie that no secret verifies any more never becomes one that does. On
// an error, which names the secret by its number, the old secrets stay.
func (e *Engine) SetSecrets(secrets [][]byte) error {
	codec, err := newCodec(secrets, e.changes.Add(1), e.cfg.KnownBytes)
	if err == nil {
		e.codec.Store(codec)
	}
	return err
}

// verify verifies with c a value that came under e's name; see codec.verify. The view remembers
// the latest cookie by itself, so that other views do not push it out, however many
// cookies they are sent.
func (e *Engine) verify(c *codec, value string) (cookie *Cookie, knew bool, err error) {
	if last := e.latest.Load(); last != nil && last.changes == c.changes && last.Value == value {
		return last, true, nil
	}
	if cookie, knew, err = c.verify(value, e.maxValue); err == nil {
		e.latest.Store(cookie)
	}
	return cookie, knew, err
}

// sign returns a cookie of e's name that carries v, signed with c.
func (e *Engine) sign(c *codec, v *envelope) (*Cookie, error) {
	cookie, err := c.sign(v, e.maxValue)
	if err == nil {
		e.latest.Store(cookie)
	}
	return cookie, err
}

// CookieName returns the name of the session cookie.
func (e *Engine) CookieName() string { return e.name }

// Placement returns where a new session's values live unless it says otherwise.
func (e *Engine) Placement() Placement { return e.cfg.Placement }

// forgotten returns the latest expiry of the markers that the store has removed, or a
// *StoreError.
func (e *Engine) forgotten(ctx context.Context) (time.Time, error) {
	t, err := e.cfg.Backend.Forgotten(ctx)
	return t, storeError("forgotten", err)
}

// mayHaveEnded tells whether an ID of placement cookie is so old that the store may have
// removed the marker of its end. Only after the clock went back can a live session be so old:
// the store removed the marker when all IDs of that age had expired. The error is a *StoreError.
func (e *Engine) mayHaveEnded(ctx context.Context, created time.Time) (bool, error) {
	forgotten, err := e.forgotten(ctx)
	return !created.Add(e.cfg.Lifetime).After(forgotten), err
}

// Policy returns the idle timeout and the absolute lifetime.
func (e *Engine) Policy() (idle, lifetime time.Duration) { return e.cfg.IdleTimeout, e.cfg.Lifetime }

// EnvelopeBudget returns how many bytes of envelope fit into one cookie of e's name.
func (e *Engine) EnvelopeBudget() int { return e.maxRaw }

// Stats returns the store's figures, or a *StoreError.
func (e *Engine) Stats(ctx context.Context) (Stats, error) {
	st, err := e.cfg.Backend.Stats(ctx)
	return st, storeError("stats", err)
}

// Ping returns a *StoreError if the store does not answer or cannot be written, and ErrFull if it
// takes no new session. See Backend.
func (e *Engine) Ping(ctx context.Context) error { return storeError("ping", e.cfg.Backend.Ping(ctx)) }

// ClearExpired removes every record that has expired, in steps, and returns how many
// sessions it removed. The only error is a *StoreError.
func (e *Engine) ClearExpired(ctx context.Context) (removed int, err error) {
	now := e.Now()
	for {
		n, err := e.cfg.Backend.DeleteExpired(ctx, now, sweepStep)
		removed += n
		if err != nil {
			return removed, storeError("delete expired", err)
		}
		if n < sweepStep {
			e.emit(ctx, Event{Kind: Swept, Count: removed})
			return removed, nil
		}
	}
}

// Run clears what has expired every ten minutes until ctx ends, and returns its error.
func (e *Engine) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if _, err := e.ClearExpired(ctx); err != nil {
				e.cfg.Log.Error("clearing expired sessions failed", "error", err)
			}
		}
	}
}

// Now returns the time of the engine's clock in whole milliseconds, as stores keep it.
func (e *Engine) Now() time.Time { return e.cfg.Now().UTC().Truncate(time.Millisecond) }

// header returns the cookie of a Set-Cookie header. With an empty value and a negative
// maxAge it expires the browser's cookie, with the same attributes.
func (e *Engine) header(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: e.name, Value: value, Path: e.path, MaxAge: maxAge,
		Secure: e.cfg.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// line returns the Set-Cookie line of c, which header made, as c.String() would write it,
// in a third of the time.
func (e *Engine) line(c *http.Cookie) string {
	age := ""
	if c.MaxAge != 0 {
		age = "; Max-Age=" + strconv.Itoa(max(c.MaxAge, 0))
	}
	return c.Name + "=" + c.Value + e.beforeMaxAge + age + e.afterMaxAge
}

// clocks returns when a session with the expiry x that is written now expires, and the
// end of its absolute lifetime.
func (e *Engine) clocks(created, now time.Time, x Expiry) (expires, absolute time.Time) {
	absolute = created.Add(e.cfg.Lifetime)
	switch {
	case !x.At.IsZero():
		expires = x.At.UTC().Truncate(time.Millisecond)
	case x.After != 0:
		expires = now.Add(x.After)
	default:
		expires = now.Add(e.cfg.IdleTimeout)
	}
	if expires.After(absolute) {
		expires = absolute
	}
	return expires, absolute
}
