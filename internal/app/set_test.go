package app

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
)

// After a large value was accepted, Get still fits into a URL without JavaScript.
func TestLargeValueIsNotEchoed(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formPage)
	for _, n := range []int{maxEchoed, maxEchoed + 1} {
		large := strings.Repeat("x", n)
		a := b.get(b.post("/set", "key", "a", "value", large).want(303).Header.Get("Location")).want(200, `value="a"`)
		if echoed := strings.Contains(a.body, `value="`+large+`"`); echoed != (n <= maxEchoed) {
			t.Errorf("%d bytes are put back: %v", n, echoed)
		}
	}
}

func TestHoldsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newApp(t, nil)
		b := newBrowser(t, h, formJSON)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range h.capacity.holds {
			go h.ServeHTTP(httptest.NewRecorder(), b.request("POST", "/set", "key=b&value=2&hold=5s").WithContext(ctx))
		}
		synctest.Wait()
		if a := b.post("/set", "key", "b", "value", "2", "hold", "1s").want(429); a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		cancel() // the clients leave: all places are free again, and nothing was written
		synctest.Wait()
		b.get("/session").want(200, `"sessions":0`)
		b.post("/set", "key", "b", "value", "2", "hold", "1s").want(200)
	})
}
