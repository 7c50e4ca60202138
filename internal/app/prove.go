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

// This file finds the visit of a request. What stands in an address names a visit and
// opens nothing. A visit is opened by its secret, which a page's script sends in a header
// and a page without one in the field "page" of a POST, or by a proof for one use, which
// a page without a script sends in the field "x" of a GET.

// pageIDLen is the length of rand.Text, of which a page's ID is made.
const pageIDLen = 26

// findVisit finds the visit that a request proves.
func (a *App) findVisit(c *call) error {
	if c.from != nil {
		return nil // it is of the server's own client
	}
	r := c.Request()
	if r.Method == http.MethodHead { // it shows nothing
		c.quiet()
	}
	secret, page, seen := pageHeader(r.Header)
	if secret == "" && r.Method == http.MethodPost {
		secret = c.form.Get("page")
	}
	if len(page) == pageIDLen { // nothing longer is kept
		c.page, c.seen = strings.Clone(page), momentParam(seen)
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

// fromOurPage tells whether a page of this program's led a browser to r. A token for one
// use is for such a request only: somebody else could put one of their own into a link, and
// would see all that is done on the page that it opens. A browser says where it comes from
// in Sec-Fetch-Site, and where it does not, over plain http to another machine, in Referer.
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
// secret, this load of the page, and the last moment that it shows.
func pageHeader(h http.Header) (secret, page, seen string) {
	secret, rest, _ := strings.Cut(h.Get(trace.PageHeader), " ")
	page, seen, _ = strings.Cut(rest, " ")
	return secret, page, seen
}

// momentParam returns the number of a moment in the address, 0 for none.
func momentParam(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// visitOf returns the request's visit. A page whose own has ended goes on with a new
// one; nil for a request of no page.
func (a *App) visitOf(c *call) *hub.Visit {
	if c.visit == nil && c.lost != hub.NotLost && c.wants != formJSON {
		c.visit = a.hub.Heir(c.secret, c.seat)
	}
	return c.visit
}

// begin gives a page that proves no visit one of its own. Nobody is told of it before its
// secret is shown: it may be the reload of a page that has one. It begins with the moments
// of the session that the request's own cookie opens. A client that does not ask for HTML
// reads no page.
func (a *App) begin(c *call) {
	if c.visit != nil || c.wants != formPage || c.Request().Method != http.MethodGet || !strings.Contains(c.Request().Header.Get("Accept"), "text/html") {
		return
	}
	family := ""
	if c.seat != a.seats.Root && c.seat.Accept(c.once) {
		family, c.proven = c.seat.Family, true
	}
	opens := session.Key{} // unknown while the store does not answer
	if c.session != nil {
		opens = keyOf(c.session)
	}
	if c.visit = a.hub.Begin(c.seat, family, opens); c.proven {
		c.visit.Confirm()
	}
}

// load is GET /session?after=load: a page that was loaded without proof shows the secret
// of the visit that it had before, and its own in another header. What the load was
// becomes a moment of the old visit; when that is no more, the page goes on with its own.
func (a *App) load(c *call) error {
	loaded, _ := a.hub.Prove(c.Request().Header.Get(trace.LoadHeader), c.seat)
	switch {
	case c.visit == nil:
		c.visit, c.lost = loaded, hub.NotLost
	case loaded != nil:
		a.hub.Adopt(c.visit, loaded, func(x *trace.Exchange) { a.complete(c, x) })
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
	e, ok := c.visit.LastOf(c.page) // others may have done something since
	if !ok {
		return c.NoContent(http.StatusNoContent)
	}
	l := a.momentScreen(c, e)
	l.past, l.panels.Past, l.wire.Past = hub.Entry{}, false, false
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

// complete adds to the exchange of a page's load what only the visit knows that it
// belongs to: that this browser had a session before, and what became of it.
func (a *App) complete(c *call, x *trace.Exchange) {
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

// lessonOf is the path, below /experiments, of the page that a part is for; "" for the lab.
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
		return a.write(c, http.StatusOK, views.LessonFragments(a.lessonView(c, e, asOfNow(r))))
	}
	return c.NoContent(http.StatusNoContent)
}
