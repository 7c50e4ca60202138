package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
)

// A second browser whose page is open, and hears what happens, is in use: it gives way to
// nobody, however long its page is only looked at. One without a page does.
func TestOpenPageKeepsItsSecondBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newApp(t, nil)
		defer h.Close()
		b := newBrowser(t, h, formFragment)
		v := b.visit("/")
		open, secret := b.secondOf(v)
		left, _ := b.secondOf(v)
		ctx, cancel := context.WithCancel(t.Context())
		r := b.request("GET", open+"/events?page="+secret, "").WithContext(ctx)
		done := make(chan bool)
		go func() { defer close(done); h.ServeHTTP(httptest.NewRecorder(), r) }()
		defer func() { cancel(); <-done }()
		time.Sleep(seat.IdleLife + time.Minute)
		for range seat.MaxSeats {
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
