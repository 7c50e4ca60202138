package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
)

// A second browser whose page is open, and hears what happens, is in use: it gives way to
// nobody, however long its page is only looked at. One without a page does.
func TestOpenPageKeepsItsSecondBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, b, v := openLab(t, formFragment)
		defer h.Close()
		open, secret := b.secondOf(v)
		left, _ := b.secondOf(v)
		ctx, cancel := context.WithCancel(t.Context())
		r := b.request("GET", open+"/events?page="+secret, "").WithContext(ctx)
		done := make(chan bool)
		go func() { defer close(done); h.ServeHTTP(httptest.NewRecorder(), r) }()
		defer func() { cancel(); <-done }()
		time.Sleep(seat.IdleLife + time.Minute)
		for range h.capacity.browsers {
			other := newBrowser(t, h, formJSON)
			other.post("/second", "page", other.visit("/"))
		}
		there := func(base string) int { return newBrowser(t, h, formJSON).get(base + "/keys").StatusCode }
		if status := there(open); status != http.StatusOK {
			t.Errorf("strangers have pushed out a second browser whose page is open: %d", status)
		}
		if status := there(left); status != http.StatusNotFound {
			t.Errorf("the control: a second browser that nobody uses is there still: %d", status)
		}
	})
}

// What a press without a script leaves for the page that follows it waits there, whatever
// number of strangers press meanwhile, with and without visits, with small forms and large.
func TestStrangersPushNoResultOut(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", maxEchoed-1)
	for name, fields := range map[string][]string{"of no visit": nil, "small": {"page", ""}, "large": {"page", "", "key", large, "value", large, "user", large, "seconds", large}} {
		h, b, v := openLab(t, formPage)
		press := func(page string) answer {
			fields := slices.Clone(fields)
			if len(fields) > 0 {
				fields[1] = page
			}
			return newBrowser(t, h, formPage).post("/clear", fields...)
		}
		next := b.post("/set", "key", "name", "value", name, "page", v).Header.Get("Location")
		pages := []string{}
		for range 40 {
			pages = append(pages, newBrowser(t, h, formPage).visit("/"))
		}
		first := press(pages[0]).want(http.StatusSeeOther).Header.Get("Location")
		for i := range 2 * h.capacity.results {
			press(pages[i%len(pages)])
		}
		if page := b.get(next); page.secret() != v || !strings.Contains(page.body, "name") {
			t.Errorf("%s: strangers' results have pushed out another's", name)
		}
		if page := newBrowser(t, h, formPage).get(first).want(200); strings.Contains(page.body, "nothing to clear") {
			t.Errorf("%s: the control: a stranger's first result waits still", name)
		}
	}
}
