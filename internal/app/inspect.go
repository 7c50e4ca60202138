package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// sessionInfo is the JSON of GET /session.
type sessionInfo struct {
	Exists       bool        `json:"exists"`
	ID           string      `json:"id,omitempty"`
	Version      uint64      `json:"version,omitempty"`
	Placement    string      `json:"placement,omitempty"`
	Store        string      `json:"store"`
	Created      *time.Time  `json:"created,omitempty"`
	Expires      *time.Time  `json:"expires,omitempty"`
	IdleExpires  *time.Time  `json:"idle_expires,omitempty"`
	BrowserClose *bool       `json:"browser_close,omitempty"`
	Values       []valueJSON `json:"values,omitempty"`
	Cookie       *cookieJSON `json:"cookie,omitempty"`
	Stats        statsJSON   `json:"stats"`
}

type valueJSON struct {
	Key   string          `json:"key"`
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
	Bytes int             `json:"bytes"`
	Lives string          `json:"lives"`
}

type cookieJSON struct {
	Name       string         `json:"name"`
	Verdict    string         `json:"verdict"`
	Bytes      int            `json:"bytes"`
	Limit      int            `json:"limit"`
	SignedAt   time.Time      `json:"signed_at"`
	Key        string         `json:"key"`
	Attributes attributesJSON `json:"attributes"`
}

type attributesJSON struct {
	Path     string `json:"path"`
	HTTPOnly bool   `json:"http_only"`
	SameSite string `json:"same_site"`
	Secure   bool   `json:"secure"`
	MaxAge   *int   `json:"max_age,omitempty"`
}

type statsJSON struct {
	Sessions int   `json:"sessions"`
	Expired  int   `json:"expired"`
	Bytes    int64 `json:"bytes"`
	Ended    int   `json:"ended,omitempty"` // IDs that were ended and are remembered
}

// inspect is GET /session: it shows all that is known of this browser's session.
func (a *App) inspect(c *call) error {
	if c.wants == formJSON {
		return a.inspectJSON(c)
	}
	after := c.QueryParam("after")
	switch {
	case c.wants != formFragment:
	case after == "load": // the script of a new page proves the tab's visit
		return a.load(c)
	case after == "away": // the script asks by itself, until it gets an answer
		return a.again(c)
	}
	return a.answer(c, outcome{did: trace.Did{Op: "session", Late: after == "expiry"}}) // the page asks by itself when a clock has run out
}

// inspectJSON is inspect for a client that wants JSON.
func (a *App) inspectJSON(c *call) error {
	if err := c.commitRead(); err != nil {
		return err
	}
	stats, err := c.seat.Engine.Stats(c.ctx())
	if err != nil {
		return err
	}
	info := c.session.Info()
	out := sessionInfo{
		Exists: info.Exists, Store: a.cfg.StoreName,
		Stats: statsJSON{stats.Live, stats.Expired, stats.Bytes, stats.Ended},
	}
	if info.Exists {
		out.ID, out.Version, out.Placement = info.ID, info.Version, info.Placement.String()
		out.Created, out.Expires, out.IdleExpires = &info.Created, &info.Absolute, &info.Expires
		out.BrowserClose = &info.BrowserClose
		out.Values = make([]valueJSON, 0, len(info.Values))
		for _, item := range info.Values {
			out.Values = append(out.Values, valueJSON{item.Key, item.Value.Type(), json.RawMessage(item.Value), len(item.Value), item.Lives})
		}
		out.Cookie = &cookieJSON{
			Name: info.Attributes.Name, Verdict: string(info.Verdict), Bytes: info.CookieBytes, Limit: session.MaxCookieBytes,
			SignedAt: info.Cookie.SignedAt(), Key: fmt.Sprintf("%d of %d", info.Cookie.Key, info.Cookie.Keys),
			Attributes: attributesJSON{
				Path: info.Attributes.Path, HTTPOnly: info.Attributes.HttpOnly, SameSite: "Lax", Secure: info.Attributes.Secure,
			},
		}
		if n := info.Attributes.MaxAge; n > 0 {
			out.Cookie.Attributes.MaxAge = &n
		}
	}
	body, err := json.Marshal(out)
	if err != nil {
		return err
	}
	a.recordJSON(c, http.StatusOK, &outcome{did: trace.Did{Op: "session"}}, body)
	return writeJSONText(c, http.StatusOK, "application/json", body)
}

// health is GET /healthz: 200 if the store answers and can be written, otherwise 503. A full
// store is a 200 that says so: the sessions that it has go on. The answer is JSON in any case.
// No session is written for it: see session.Backend.
func (a *App) health(c *call) error {
	out := struct {
		Status  string `json:"status"`
		Version string `json:"version"`
		Store   string `json:"store"`
	}{"ok", a.cfg.Version, a.cfg.StoreName}
	status, read := http.StatusOK, (*session.ReadOnlyError)(nil)
	switch err := a.seats.Root.Engine.Ping(c.ctx()); {
	case err == nil:
	case errors.As(err, &read):
		c.failure = err
		out.Status, status = "the store can be read, and takes no writes now: "+read.Why, http.StatusServiceUnavailable
	case errors.Is(err, session.ErrFull):
		out.Status = "the store is full: it takes no new session"
	default:
		c.failure = err
		out.Status, status = "the store does not answer", http.StatusServiceUnavailable
	}
	if status != http.StatusOK {
		c.Response().Header().Set("Retry-After", "2")
	}
	return writeJSON(c, status, "application/json", out)
}
