package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// errOutage is a 503, which comes of a fault, and of a disk too slow for the store's time limit.
var errOutage = errors.New("the store does not answer")

// writer is a client that records which of its writes were acknowledged.
type writer struct {
	base       string
	http       *http.Client
	n          int
	values     map[string]string
	maybe      map[string][]string // values that were refused with a 503: they may be stored or not
	flushed    []*http.Cookie      // of the session that it flushed last
	key, value string              // of the request whose answer did not come; key "" for none
	flushing   bool
}

// write sets one more value, or flushes. It returns nil once that is acknowledged.
func (w *writer) write(flush bool) error {
	path, form := "/flush", url.Values{}
	w.key, w.flushing = "", flush
	cookies := w.http.Jar.Cookies(must(url.Parse(w.base)))
	if !flush {
		w.n++
		w.key, w.value = fmt.Sprint("k", w.n%50), fmt.Sprint(w.n)
		path, form = "/set", url.Values{"key": {w.key}, "value": {w.value}, "placement": {"server"}}
	}
	r, err := http.NewRequest("POST", w.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := w.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil {
		return err
	} else if resp.StatusCode == 503 {
		if !flush {
			w.maybe[w.key] = append(w.maybe[w.key], w.value)
		}
		return errOutage
	} else if resp.StatusCode != 200 {
		return fmt.Errorf("%s: %d %s", path, resp.StatusCode, body)
	}
	if flush {
		clear(w.values)
		clear(w.maybe)
		w.flushed = cookies
	} else {
		w.values[w.key] = w.value
		delete(w.maybe, w.key)
	}
	w.key, w.flushing = "", false
	return nil
}

// verify compares the session's values with those that were acknowledged, and returns how
// many were lost. From then on the writer goes by the values that are there.
func (w *writer) verify(t *testing.T) (lost int) {
	t.Helper()
	got := w.read(t, nil)
	if w.flushing && len(got) == 0 {
		clear(w.values) // the flush was done, and its answer lost
	}
	unknown := func(k, v string) bool { return k == w.key && v == w.value || slices.Contains(w.maybe[k], v) }
	for k, v := range w.values {
		if got[k] != v && !unknown(k, got[k]) {
			t.Errorf("%s is %q, acknowledged was %q", k, got[k], v)
			lost++
		}
	}
	for k, v := range got {
		if w.values[k] != v && !unknown(k, v) {
			t.Errorf("%s is %q, which nobody wrote", k, v)
		}
	}
	clear(w.maybe)
	w.values = got
	if w.flushed != nil {
		if old := w.read(t, w.flushed); len(old) > 0 {
			t.Errorf("the flushed session is back: %v", old)
			lost++
		}
	}
	return lost
}

// read returns the values of the session that cookies opens, or with nil the writer's own.
func (w *writer) read(t *testing.T, cookies []*http.Cookie) map[string]string {
	t.Helper()
	r, _ := http.NewRequest("GET", w.base+"/session", nil)
	r.Header.Set("Accept", "application/json")
	client := w.http
	if cookies != nil {
		client = &http.Client{Transport: w.http.Transport, Timeout: w.http.Timeout}
		for _, c := range cookies {
			r.AddCookie(c)
		}
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var info struct {
		Values []struct{ Key, Value string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&info); err != nil || resp.StatusCode != 200 {
		t.Fatalf("/session: %d, %v", resp.StatusCode, err)
	}
	return maps.Collect(func(yield func(string, string) bool) {
		for _, v := range info.Values {
			if !yield(v.Key, v.Value) {
				return
			}
		}
	})
}
