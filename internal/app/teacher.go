package app

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/views"
)

const (
	teacherKeyLife = 10 * time.Minute // how long a teacher's link can be used
	maxTeacherKeys = 4                // how many links that were not used are kept; the oldest gives way
	maxTeachers    = 8                // how many browsers can be the teacher's; the oldest gives way
)

// teachers knows who is the teacher: whoever opened a link with a key of it has the cookie.
type teachers struct {
	mu      sync.Mutex
	keys    []teacherKey
	cookies [][sha256.Size]byte // the digests of the cookies' values
}

// teacherKey is a key that was not used yet.
type teacherKey struct {
	sum [sha256.Size]byte
	at  time.Time
}

// opens tells whether k is the key with that digest, and is not too old.
func (k teacherKey) opens(sum [sha256.Size]byte, now time.Time) bool {
	age := now.Sub(k.at)
	return subtle.ConstantTimeCompare(k.sum[:], sum[:]) == 1 && age >= 0 && age < teacherKeyLife
}

// link returns the path of a new teacher's link. It can be used once, for teacherKeyLife.
func (t *teachers) link(now time.Time) string {
	key := rand.Text()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys = append(t.keys, teacherKey{sha256.Sum256([]byte(key)), now})
	t.keys = t.keys[max(0, len(t.keys)-maxTeacherKeys):]
	return "/classroom?key=" + key
}

// redeem returns the value of a new teacher's cookie, if key was given out, was not used, and is
// not too old.
func (t *teachers) redeem(key string, now time.Time) (cookie string, ok bool) {
	sum := sha256.Sum256([]byte(key))
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.keys, func(k teacherKey) bool { return k.opens(sum, now) })
	if i < 0 {
		return "", false
	}
	t.keys = slices.Delete(t.keys, i, i+1)
	cookie = rand.Text()
	t.cookies = append(t.cookies, sha256.Sum256([]byte(cookie)))
	t.cookies = t.cookies[max(0, len(t.cookies)-maxTeachers):]
	return cookie, true
}

// waits tells whether the key was given out, was not used, and is not too old.
func (t *teachers) waits(key string, now time.Time) bool {
	sum := sha256.Sum256([]byte(key))
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.keys, func(k teacherKey) bool { return k.opens(sum, now) })
}

// knows tells whether that is the value of a teacher's cookie.
func (t *teachers) knows(cookie string) bool {
	sum := sha256.Sum256([]byte(cookie))
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.cookies, func(known [sha256.Size]byte) bool {
		return subtle.ConstantTimeCompare(known[:], sum[:]) == 1
	})
}

// TeacherLink returns the path of a new teacher's link, or "" while no class is open. Whoever opens
// it from this machine within ten minutes is the teacher; it can be used once.
func (a *App) TeacherLink() string {
	cl := a.openClass()
	if cl == nil {
		return ""
	}
	return cl.teachers.link(cl.now())
}

// LinkWaits tells whether a link that TeacherLink returned can still be used.
func (a *App) LinkWaits(path string) bool {
	cl := a.openClass()
	_, key, _ := strings.Cut(path, "key=")
	return cl != nil && cl.teachers.waits(key, cl.now())
}

// teacherCookie is the name of the cookie that makes a browser the teacher's.
func (a *App) teacherCookie() string { return a.seats.Root.Engine.CookieName() + "-teacher" }

// errNotTeacher is the refusal of the board to a browser of this machine that is not the teacher's.
var errNotTeacher = &problem{status: http.StatusNotFound, detail: "This browser is not the teacher's, so here is no board. Press The board in the lab: then it is.", cause: echo.ErrNotFound}

// errTeacherNoMore is the refusal of what a page of the board sends once it is not the teacher's any more:
// after a crash of the program, or once another class is open.
var errTeacherNoMore = &problem{
	status: http.StatusNotFound, detail: "This page is not the teacher's any more: the program was started again, or another class was opened. Nothing was changed. The lab has the way to the board.",
	cause: echo.ErrNotFound, link: views.Link{URL: "/", Text: "To the lab"},
}

// teacher makes a handler that only the teacher reaches. For everybody else there is nothing; a browser
// of this machine is told how it becomes the teacher's.
func (a *App) teacher(h func(*call, *class) error) func(*call) error {
	return func(c *call) error {
		c.quiet()
		cl := a.openClass()
		value, _ := c.cookie(a.teacherCookie())
		known := cl != nil && cl.teachers.knows(value)
		page := c.wants == formPage && c.Request().Method == http.MethodGet
		switch {
		case a.cfg.Class == nil || !fromHere(c.Request()):
			return echo.ErrNotFound
		case known && cl.over.Load() != nil && !outlives[c.Path()]:
			return errOver
		case known:
			return h(c, cl)
		case c.wants == formJSON, cl == nil && page:
			return echo.ErrNotFound
		case page:
			return errNotTeacher
		}
		return errTeacherNoMore
	}
}

// enterClass is GET /classroom?key=KEY: the teacher's link.
func (a *App) enterClass(c *call) error {
	key := c.QueryParam("key")
	if key == "" {
		return a.teacher(a.showBoard)(c)
	}
	c.quiet()
	cl := a.openClass()
	if cl == nil || !fromHere(c.Request()) {
		return echo.ErrNotFound
	}
	value, ok := cl.teachers.redeem(key, c.now())
	if !ok {
		if old, _ := c.cookie(a.teacherCookie()); cl.teachers.knows(old) { // the teacher went back in the history
			return c.Redirect(http.StatusSeeOther, "/classroom")
		}
		return &problem{status: http.StatusForbidden, detail: "This link to the board was used already, or is older than ten minutes. Ask for a new one: press The board in the lab, or Enter in the terminal."}
	}
	c.SetCookie(&http.Cookie{Name: a.teacherCookie(), Value: value, Path: "/classroom", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return c.Redirect(http.StatusSeeOther, "/classroom")
}

// beginClass is POST /classroom/begin: Open a class, on the lab. It leads to the board.
func (a *App) beginClass(c *call) error {
	c.quiet()
	if a.cfg.Class == nil || !fromHere(c.Request()) {
		return echo.ErrNotFound
	}
	if err := a.OpenClass(c.ctx()); err != nil {
		c.failure = err
		if p := (*problem)(nil); errors.As(err, &p) {
			return p
		}
		return &problem{status: http.StatusServiceUnavailable, detail: "The class could not be opened: " + err.Error() + ".", cause: err}
	}
	link := a.TeacherLink()
	return goTo(c, link, struct {
		Op  string `json:"op"`
		URL string `json:"url"`
	}{"begin", link})
}

// classRoutes adds the routes of the class that are not a seat's.
func (a *App) classRoutes() {
	a.joinRoutes()
	a.read("/classroom", a.enterClass)
	a.post("/classroom/begin", a.beginClass)
	a.boardRoutes()
}
