package app

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// This file finds the visit of a request. A visit's name, which stands in addresses, opens
// nothing. The visit's secret opens it: scripts send that in a header, pages without scripts
// in the field "page" of a POST. So does a one-time proof, which pages without scripts send
// in the field "x" of a GET.

// pageIDLen is the length of a page's ID, which rand.Text makes.
const pageIDLen = 26

// findVisit sets the call's visit to the one that the request proves, if it proves any.
func (a *App) findVisit(c *call) error {
	if c.from != nil || c.stranger {
		return nil // the server's own client has its visit already, and a stranger to the lab has none
	}
	r := c.Request()
	if r.Method == http.MethodHead { // HEAD shows nothing, and is no moment
		c.quiet()
	}
	secret, page, seen, code := pageHeader(r.Header)
	if secret == "" && r.Method == http.MethodPost {
		secret = c.form.Get("page")
	}
	if len(page) == pageIDLen { // nothing longer is kept
		c.page, c.seen, c.code = strings.Clone(page), momentParam(seen), code
	}
	if c.visit, c.lost = a.hub.Prove(secret, c.seat); c.lost != hub.NotLost {
		c.secret = strings.Clone(secret)
	}
	if r.Method == http.MethodGet && strings.Contains(r.URL.RawQuery, "x=") && fromOurPage(r) {
		c.once = c.QueryParam("x")
	}
	if c.visit == nil && secret == "" && c.once != "" && !c.QueryParams().Has("hop") { // the page after the hop needs it
		c.visit = a.hub.Redeem(c.once, c.seat)
		c.proven = c.visit != nil
	}
	return nil
}

// fromOurPage reports whether a page of this program led a browser to r. Only such a request
// may use a one-time token: an attacker could put a token for a visit of their own into a
// link, and would see all that the victim does there. Browsers name the page they come from
// in Sec-Fetch-Site or, over plain http to another machine, in Referer.
func fromOurPage(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	if r.Header.Get("Upgrade-Insecure-Requests") == "" {
		return true // no browser that navigates
	}
	from, err := url.Parse(r.Referer())
	return err == nil && from.Host == r.Host
}

// pageHeader takes the header apart by which a script says what page it is: the visit's
// secret, this load of the page, the last moment that it shows, and the op of its code panel.
func pageHeader(h http.Header) (secret, page, seen, code string) {
	secret, rest, _ := strings.Cut(h.Get(trace.PageHeader), " ")
	page, rest, _ = strings.Cut(rest, " ")
	seen, code, _ = strings.Cut(rest, " ")
	return secret, page, seen, code
}

// momentParam returns the number of a moment in the address, 0 for none.
func momentParam(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// visitOf returns the request's visit. If the page's visit has ended, it begins a new one.
// It returns nil for a request that shows no visit's secret, and when there is no room for a
// new visit: c.full says so then.
func (a *App) visitOf(c *call) *hub.Visit {
	if c.visit == nil && c.lost != hub.NotLost && c.wants != formJSON {
		c.visit, c.full = a.hub.Heir(c.secret, c.seat)
	}
	return c.visit
}

// noVisit returns the error of a request that needs a visit and has none: c.full if there was
// no room for a visit, and otherwise what.
func (c *call) noVisit(what error) error {
	if c.full != nil {
		return c.full
	}
	return what
}

// begin begins a visit for a page that proves none, with the moments of the session that the
// request's cookie opens. Nobody hears of the visit before a request shows its secret, since
// the page may be a reload in a tab that has a visit. A client that does not ask for HTML
// gets no visit. The error is a *hub.FullError.
func (a *App) begin(c *call) error {
	if c.visit != nil || c.wants != formPage || c.Request().Method != http.MethodGet || !strings.Contains(c.Request().Header.Get("Accept"), "text/html") {
		return nil
	}
	family := ""
	if !c.seat.IsFirst() && c.seat.Accept(c.once) {
		family, c.proven = c.seat.Family, true
	}
	opens := session.Key{} // zero if there is none, or while the store does not answer
	if c.session != nil {
		opens = keyOf(c.session)
	}
	var err error
	if c.visit, err = a.hub.Begin(c.seat, family, opens); err == nil && c.proven {
		c.visit.Confirm()
	}
	return err
}

// load is GET /session?after=load: the script of a page that was loaded without proof shows
// two secrets, of the visit that its tab had before and of the page's new one. The page's
// load becomes a moment of the old visit; if that has ended, the page keeps the new one.
func (a *App) load(c *call) error {
	secret := c.Request().Header.Get(trace.LoadHeader)
	if c.visit == nil {
		c.visit, c.lost = a.hub.Prove(secret, c.seat)
		if c.lost == hub.Full {
			var err error
			if c.visit, err = a.hub.Heir(secret, c.seat); err != nil {
				return err // the house is still full
			}
		}
		c.lost = hub.NotLost
	} else if loaded := a.hub.Opened(secret, c.seat); loaded != nil {
		a.hub.Adopt(c.visit, loaded, func(x *trace.Exchange) { a.complete(c, x) })
	} else if _, known := c.visit.LastOf(c.page); !known && lessonOf(c) == "" {
		// So many pages were loaded that the load's visit has ended: this request shows
		// instead what the browser has.
		return a.answer(c, outcome{did: trace.Did{Op: "session"}})
	}
	c.quiet()
	if err := c.commitRead(); err != nil {
		return err
	}
	if c.visit == nil {
		return c.NoContent(http.StatusNoContent)
	}
	c.Response().Header().Set(trace.VisitHeader, c.visit.Secret)
	if slug := lessonOf(c); slug != "" {
		return a.lessonAfterLoad(c, slug)
	}
	e, ok := c.visit.LastOf(c.page) // the visit's last moment may be somebody else's
	if !ok {
		return c.NoContent(http.StatusNoContent)
	}
	l := a.momentScreen(c, e)
	l.past, l.panels.Past, l.wire.Past, l.choice = hub.Entry{}, false, false, true
	l.sentence = say.Press(l.panels)
	if r := l.panels.Request; r.Method == http.MethodGet { // the load, as a command
		path, query, _ := strings.Cut(r.Target.Start, "?")
		if query = withoutVisit(query); query != "" {
			path += "?" + query
		}
		l.curl = command(c.seat, "http://"+r.Host+path, l.panels.Cookie.Kept)
	}
	return a.writeLab(c, http.StatusOK, l)
}

// complete adds to the exchange of a page's load what only the old visit knows: the attributes of
// the browser's cookie, the session that this browser had before, and what became of it.
func (a *App) complete(c *call, x *trace.Exchange) {
	x.Relabel(c.visit.LabelOf)
	before := c.visit.Session()
	if before == (session.Key{}) || x.Store.Down {
		return
	}
	x.Cookie.Known = true
	switch name := before.Name().String(); {
	case x.Store.ID == "":
		x.Store.Keeps(c.ctx(), c.seat.Engine, before)
	case x.Store.ID != name:
		x.Store.Leaves(c.ctx(), c.seat.Engine, before)
	}
}

// lessonOf returns the path below /experiments of the page that a fragment is for, "" for the
// lab.
func lessonOf(c *call) string {
	page, err := url.Parse(c.Request().Header.Get("Hx-Current-Url"))
	if err != nil {
		return ""
	}
	_, slug, _ := strings.Cut(page.Path, "/experiments")
	if slug == "" && strings.HasSuffix(page.Path, "/experiments") {
		return "/"
	}
	return slug
}

// lessonAfterLoad answers a page of the shelf that was loaded without proof: it is shown
// the run that its address names, if that is one of its visit.
func (a *App) lessonAfterLoad(c *call, slug string) error {
	page, _ := url.Parse(c.Request().Header.Get("Hx-Current-Url"))
	e, ok := a.shelf.Find(strings.TrimPrefix(slug, "/"))
	if r := a.runOf(c, e, page.Query().Get("run")); ok && r != nil { // all of it: the page shows nothing of it yet
		return a.write(c, http.StatusOK, views.LessonFragments(a.lessonView(c, e, a.asOfNow(c, r))))
	}
	return c.NoContent(http.StatusNoContent)
}
