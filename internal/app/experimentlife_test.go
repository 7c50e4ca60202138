package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var lifeCases = []experimentCase{
	{slug: "born-on-first-write", happened: 3, says: []string{"from 0 to 1 record", "The fifth request was the first to send that cookie, and kept the ID", "wrote 3 times: 3 records more, 3 IDs"}, witness: func(t *testing.T, all []seen) {
		if len(all) != 8 {
			t.Fatalf("%d requests", len(all))
		}
		ids := make(map[any]int)
		for i, s := range all {
			if writes := s.path == "/set"; writes != (i >= 3) || (s.sent() != "") != writes {
				t.Errorf("request %d, %s %s: Set-Cookie %q", i+1, s.method, s.path, s.setCookie)
			}
			if sends := s.cookie != ""; sends != (i == 4) || sends && s.cookie != all[3].sent() {
				t.Errorf("request %d sends the cookie %q", i+1, s.cookie)
			}
			of, _ := s.answer["session"].(map[string]any)
			ids[of["id"]]++
		}
		if of := all[4].answer["session"].(map[string]any); len(ids) != 5 || ids[nil] != 3 || ids[of["id"]] != 2 {
			t.Errorf("the IDs, and how often: %v", ids)
		}
	}},

	{slug: "missing-is-not-an-error", happened: 2, says: []string{"All 22 reads and deletes of nickname", "status 200", "stayed at version 1"}, witness: missingKey(200, "note")},
	{slug: "missing-is-not-an-error", chosen: "key=note", happened: 2, says: []string{"deletes of note", "reading remark"}, witness: missingKey(200, "remark")},
	{slug: "missing-is-not-an-error", chosen: "key=%60%7Bbad+x%7D", happened: 2, says: []string{"deletes of ˋ{bad x}"}, witness: missingKey(200, "note")},
	{slug: "missing-is-not-an-error", chosen: "key=", says: []string{"status 422", "The key is empty"}, witness: missingKey(422, "note")},

	{slug: "delete-clear-flush", chosen: "placement=hybrid", happened: 2, says: []string{"Of 3 keys, delete left 2 and clear none", "still read name", "note | version 3"}, witness: threePresses("city name note", "", "")},
	{slug: "delete-clear-flush", chosen: "placement=cookie", happened: 2, says: []string{"name after delete, 3 keys after clear", "none, then a marker: this ID is dead"}, witness: threePresses("city name note", "city name note", "")},
	{slug: "delete-clear-flush", chosen: "placement=server", happened: 2, says: []string{"2 keys and 0 keys", "flush | nothing | version 3"}, witness: threePresses("city note", "", "")},

	{slug: "expired-is-not-cleared", chosen: "seconds=5&store=memory", happened: 1, says: []string{"counted 1 expired session", "with the name Rahim in it", "The clear-up removed 1"}, witness: expiredAfter(5)},
	{slug: "expired-is-not-cleared", chosen: "seconds=5&store=sqlite", happened: 1, says: []string{"counted 1 expired session", "The clear-up removed 1"}, witness: expiredAfter(5)},
	{slug: "expired-is-not-cleared", chosen: "seconds=3600&store=memory", happened: 1, says: []string{"counted 1 expired session", "The clear-up removed 1"}, witness: expiredAfter(3600)},
	{slug: "expired-is-not-cleared", chosen: "seconds=3600&store=sqlite", happened: 1, says: []string{"counted 1 expired session", "The clear-up removed 1"}, witness: expiredAfter(3600)},
	{slug: "expired-is-not-cleared", chosen: "seconds=1209600&store=memory", happened: 1, says: []string{"Of the 1209600 seconds that were asked for it got 28800", "absolute lifetime of 8 h"}, witness: expiredAfter(8 * 3600)},
	{slug: "expired-is-not-cleared", chosen: "seconds=1209600&store=sqlite", happened: 1, says: []string{"Of the 1209600 seconds that were asked for it got 28800", "absolute lifetime of 8 h"}, witness: expiredAfter(8 * 3600)},

	{slug: "two-clocks", chosen: "rolling=off", happened: 3, says: []string{"left its end at 2 h, the write moved it to 3 h 30 min", "refused after 3 h.", "served after 7 h 59 min and refused after 8 h 1 min", "with 5 h left on it"},
		witness: clocksAt([]int{120, 120, 120, 210, 480}, []string{"Mara", ""})},
	{slug: "two-clocks", chosen: "rolling=on", happened: 2, says: []string{"moved its end to 3 h, the write to 3 h 30 min", "still served after 7 h 30 min", "served after 7 h 59 min and refused after 8 h 1 min", "with 5 h left on it"},
		witness: clocksAt([]int{120, 150, 180, 210, 480}, []string{"Mara", "Mara", "Mara", "Mara", "Mara"})},

	{slug: "flash-message", chosen: "placement=hybrid", happened: 2, says: []string{"_flash in the cookie", "read it once more"}, witness: flashed("Your homework was saved.", true)},
	{slug: "flash-message", chosen: "placement=cookie", happened: 2, says: []string{"_flash in the cookie", "read it once more"}, witness: flashed("Your homework was saved.", true)},
	{slug: "flash-message", chosen: "placement=server", happened: 2, says: []string{"_flash on the server", "did not bring it again"}, witness: flashed("Your homework was saved.", false)},
	{slug: "flash-message", chosen: "message=&placement=server", happened: 2, says: []string{"an empty text"}, witness: flashed("", false)},
	{slug: "flash-message", chosen: "message=%60%7Bok+x%7D%3C%2Fb%3E%22%5C&placement=hybrid", happened: 2, says: []string{`ˋ{ok x}</b>"\`}, witness: flashed("`{ok x}</b>\"\\", true)},
	{slug: "flash-message", chosen: "message=" + strings.Repeat("%22", 120) + "&placement=hybrid", happened: 2, witness: flashed(strings.Repeat(`"`, 120), true)},

	{slug: "count-to-five", chosen: "placement=hybrid", happened: 2, says: []string{"versions 1 to 7", "with 0 keys in it", "got new bytes 6 times", "and read 5"}, witness: sixPresses(true)},
	{slug: "count-to-five", chosen: "placement=cookie", happened: 2, says: []string{"versions 1 to 7", "with 0 keys in it", "got new bytes 6 times", "and read 5"}, witness: sixPresses(true)},
	{slug: "count-to-five", chosen: "placement=server", happened: 2, says: []string{"versions 1 to 7", "with 0 keys in it", "byte for byte", "and read 1"}, witness: sixPresses(false)},
}

// missingKey sees that a key which nobody set is answered with that status, and that
// nothing comes of it. other is the one that is there, and empty.
func missingKey(status int, other string) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		asked := 0
		for _, s := range all {
			key := s.form.Get("key")
			if s.method == "GET" {
				at, err := http.NewRequest("GET", s.path, nil)
				if err != nil {
					t.Fatal(err)
				}
				key = at.URL.Query().Get("key")
			}
			switch {
			case s.path == "/set":
				if key != other || s.form.Get("value") != "" || s.sent() == "" {
					t.Errorf("it stored %q under %q, Set-Cookie %q", s.form.Get("value"), key, s.setCookie)
				}
				continue
			case s.setCookie != "":
				t.Errorf("%s %s set a cookie", s.method, s.path)
			case s.path == "/keys":
				if got := fmt.Sprint(s.answer["keys"]); got != "["+other+"]" {
					t.Errorf("the keys are %s at the end", got)
				}
			case key == other:
				if s.status != 200 || s.answer["found"] != true || s.answer["value"] != "" {
					t.Errorf("%s: %d %s", s.path, s.status, s.body)
				}
			default:
				asked++
				if s.status != status || status == 200 && s.answer["found"] != false || s.answer["value"] != nil {
					t.Errorf("%s %s: %d %s", s.method, s.path, s.status, s.body)
				}
			}
		}
		if asked != 22 {
			t.Errorf("%d requests for what is missing", asked)
		}
	}
}

// threePresses sees what each press leaves, and what the cookie of before still reads.
func threePresses(deleted, cleared, flushed string) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		for _, want := range []struct{ path, left, replay string }{{"/delete", "city note", deleted}, {"/clear", "", cleared}, {"/flush", "", flushed}} {
			i := slices.IndexFunc(all, func(s seen) bool { return s.path == want.path })
			if i < 1 || i+2 >= len(all) {
				t.Fatalf("no %s between others", want.path)
			}
			before, press, after, replay := all[i-1], all[i], all[i+1], all[i+2]
			is := func(s seen) (exists bool, id string) {
				of, _ := s.answer["session"].(map[string]any)
				exists, _ = of["exists"].(bool)
				id, _ = of["id"].(string)
				return exists, id
			}
			keys := func(s seen) string { return strings.Trim(fmt.Sprint(s.answer["keys"]), "[]") }
			_, was := is(before)
			exists, id := is(after)
			opened, _ := is(replay)
			ends := want.path == "/flush"
			if keys(before) != "city name note" || keys(after) != want.left || exists == ends || exists && id != was {
				t.Errorf("%s: before %s, after %s", want.path, before.body, after.body)
			}
			if thrown := strings.Contains(press.setCookie, "=; ") && strings.Contains(press.setCookie, "Max-Age=0"); thrown != ends || (after.cookie == "") != ends {
				t.Errorf("%s: Set-Cookie %q, and then Cookie %q", want.path, press.setCookie, after.cookie)
			}
			if replay.cookie != press.cookie || press.cookie == "" || opened == ends || keys(replay) != want.replay {
				t.Errorf("%s: the cookie of before: %s", want.path, replay.body)
			}
		}
	}
}

// expiredAfter sees a session of that many seconds end, and its record stay.
func expiredAfter(seconds int) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		kept := ""
		var reads, figures []string
		for _, s := range all {
			switch {
			case s.path == "/expiry":
				c, err := http.ParseSetCookie(s.setCookie)
				if err != nil || c.MaxAge != seconds {
					t.Fatalf("Set-Cookie %q, want Max-Age=%d", s.setCookie, seconds)
				}
				kept = c.Value
			case s.path == "/get?key=name" && s.cookie == kept && s.client != "Rahim's browser":
				reads = append(reads, s.value())
			case s.path == "/get?key=name" && s.client == "Rahim's browser":
				if s.cookie != "" || s.answer["found"] != false {
					t.Errorf("after the end the browser sent %q, and got %s", s.cookie, s.body)
				}
			case s.path == "/get?key=name" && s.value() != "Mara":
				t.Errorf("the other session: %s", s.body)
			case s.path == "/session" && s.client == "Mara's browser":
				stats, _ := s.answer["stats"].(map[string]any)
				figures = append(figures, fmt.Sprint(stats["sessions"], "+", stats["expired"]))
			case s.path == "/clear-expired" && s.answer["removed"] != 1.0:
				t.Errorf("the clear-up: %s", s.body)
			}
		}
		if got := fmt.Sprintf("%q", reads); got != `["Rahim" "" ""]` {
			t.Errorf("the kept cookie read %s", got)
		}
		if got := strings.Join(figures, " "); got != "1+0 0+1 0+1 0+1 1+0" {
			t.Errorf("live and expired were %s", got)
		}
	}
}

// clocksAt sees where the idle clock ends at each look, in minutes from birth, and
// what the browser that only reads got.
func clocksAt(idle []int, read []string) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		var ends []int
		var reads, ali []string
		for i, s := range all {
			switch {
			case s.path == "/session":
				at := func(name string) time.Time {
					text, _ := s.answer[name].(string)
					at, err := time.Parse(time.RFC3339Nano, text)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					return at
				}
				ends = append(ends, int(at("idle_expires").Sub(at("created")).Round(time.Minute)/time.Minute))
				if absolute := at("expires").Sub(at("created")); absolute != 8*time.Hour {
					t.Errorf("request %d: the absolute end is after %v", i+1, absolute)
				}
			case s.path == "/get?key=name" && s.client == "Mara's browser":
				if reads = append(reads, s.value()); s.cookie == "" {
					t.Error("the reader sent no cookie")
				}
			case s.path == "/get?key=name" && strings.HasPrefix(s.client, "Ali's browser"):
				ali = append(ali, fmt.Sprintf("%v %s", s.cookie != "", s.value()))
			}
		}
		if !slices.Equal(ends, idle) || !slices.Equal(reads, read) {
			t.Errorf("the idle clock ended after %v min, want %v; the reader got %q, want %q", ends, idle, reads, read)
		}
		if want := []string{"true Ali", "false ", "true Ali", "true ", "false ", "true "}; !slices.Equal(ali, want) {
			t.Errorf("under the three labels: %q, want %q", ali, want)
		}
		n := len(all)
		before, own, after := all[n-3], all[n-2], all[n-1]
		if before.value() != "Rahim" || own.cookie != "" || after.cookie != before.cookie || after.answer["found"] != false {
			t.Errorf("the last three: %s %s %s", before.body, own.body, after.body)
		}
	}
}

// flashed sees who got the message.
func flashed(message string, again bool) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		var got []string
		for _, s := range all {
			if s.path != "/flashes" {
				continue
			}
			messages, _ := s.answer["messages"].([]any)
			text := fmt.Sprint(len(messages))
			if len(messages) == 1 && messages[0] != message {
				text = fmt.Sprintf("%q", messages[0])
			}
			got = append(got, text)
		}
		want := []string{"0", "1", "0", "0"}
		if again {
			want[3] = "1"
		}
		if !slices.Equal(got, want) {
			t.Errorf("the stranger, the browser twice and the old cookie got %v messages, want %v", got, want)
		}
		if waiting := all[1]; waiting.path != "/session" || !strings.Contains(waiting.body, `"_flash"`) || strings.Contains(all[4].body, `"_flash"`) {
			t.Errorf("in between: %s\nthen: %s", waiting.body, all[4].body)
		}
	}
}

// sixPresses sees one session through six presses, and whether its cookie changes
// with every write.
func sixPresses(changes bool) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		var requests, reads, versions []string
		ids, cookies := make(map[any]bool), make(map[string]bool)
		for i, s := range all {
			path, _, _ := strings.Cut(s.path, "?")
			requests = append(requests, strings.TrimPrefix(path, "/"))
			of, _ := s.answer["session"].(map[string]any)
			if i > 0 {
				ids[of["id"]] = true
			}
			switch path {
			case "/get":
				reads = append(reads, fmt.Sprint(s.answer["value"]))
			case "/keys":
				if of["exists"] != true || fmt.Sprint(s.answer["keys"]) != "[]" {
					t.Errorf("after the deletion: %s", s.body)
				}
			default:
				versions = append(versions, fmt.Sprint(of["version"]))
				if sets := s.sent() != ""; sets != (changes || i == 1) {
					t.Errorf("%s: Set-Cookie %q", path, s.setCookie)
				} else if sets {
					cookies[s.sent()] = true
				}
			}
		}
		last := "1" // by the cookie of the fifth press
		if changes {
			last = "5"
		}
		if got := strings.Join(requests, " "); got != strings.Repeat("get set ", 5)+"get delete keys set get" {
			t.Errorf("the requests were %s", got)
		}
		if got := strings.Join(reads, " "); got != "<nil> 1 2 3 4 5 "+last {
			t.Errorf("the page read %s", got)
		}
		if got := strings.Join(versions, " "); got != "1 2 3 4 5 6 7" || len(ids) != 1 {
			t.Errorf("versions %s under the IDs %v", got, ids)
		}
		if want := map[bool]int{true: 7, false: 1}[changes]; len(cookies) != want {
			t.Errorf("%d different cookies, want %d", len(cookies), want)
		}
	}
}

var lifeControls = []control{
	{slug: "born-on-first-write", happened: 1, handler: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // a cookie for everybody
			http.SetCookie(w, &http.Cookie{Name: experiment.CookieName, Value: "visitor"})
			h.ServeHTTP(w, r)
		})
	}},
	{slug: "born-on-first-write", happened: 0, handler: answering(dropCookies)},

	{slug: "missing-is-not-an-error", happened: 1, handler: answering(func(_ *http.Request, w *httptest.ResponseRecorder) {
		if strings.Contains(w.Body.String(), `"found":false`) { // missing is an error after all
			w.Code = http.StatusNotFound
		}
	})},
	{slug: "missing-is-not-an-error", happened: 3, handler: func(h http.Handler) http.Handler {
		asked := make(map[string]bool) // what was asked for is there from then on
		return answering(func(r *http.Request, w *httptest.ResponseRecorder) {
			if r.URL.Path != "/get" {
				return
			}
			if asked[r.RequestURI] {
				w.Body.Reset()
				w.Body.WriteString(`{"op":"get","found":true,"value":""}`)
			}
			asked[r.RequestURI] = true
		})(h)
	}},

	{slug: "delete-clear-flush", chosen: "placement=hybrid", happened: 1, handler: rerouted("/clear", "/flush")},
	{slug: "delete-clear-flush", chosen: "placement=cookie", happened: 3, handler: rerouted("/flush", "/clear")},
	{slug: "delete-clear-flush", chosen: "placement=server", happened: 0, store: func(b session.Backend) session.Backend { return undeletable{b} }},

	{slug: "expired-is-not-cleared", chosen: "seconds=5&store=memory", happened: 0, store: func(b session.Backend) session.Backend { return removing{b} }},
	{slug: "expired-is-not-cleared", chosen: "seconds=5&store=memory", happened: 2, store: func(b session.Backend) session.Backend { return prompt{b} }},
	{slug: "expired-is-not-cleared", chosen: "seconds=5&store=sqlite", happened: 3, store: func(b session.Backend) session.Backend { return timeless{b} }},

	{slug: "two-clocks", chosen: "rolling=on", happened: 3, store: func(b session.Backend) session.Backend { return untouchable{b, session.ErrConflict} }},
	{slug: "two-clocks", chosen: "rolling=on", happened: 0, store: func(b session.Backend) session.Backend { return untouchable{b, nil} }},
	{slug: "two-clocks", chosen: "rolling=off", happened: 4, handler: answering(cookieAlone)},
	{slug: "two-clocks", chosen: "rolling=off", happened: 1, handler: answering(func(r *http.Request, w *httptest.ResponseRecorder) {
		cookieAlone(r, w)
		if line := w.Header().Get("Set-Cookie"); line != "" { // and no label ends it
			value, _, _ := strings.Cut(line, ";")
			w.Header().Set("Set-Cookie", value+"; Path=/")
		}
	})},

	{slug: "flash-message", chosen: "placement=hybrid", happened: 3, handler: answering(func(r *http.Request, w *httptest.ResponseRecorder) {
		if r.URL.Path == "/flashes" { // the session is read and not saved
			w.Header().Del("Set-Cookie")
		}
	})},
	{slug: "flash-message", chosen: "placement=server", happened: 1, handler: func(h http.Handler) http.Handler {
		waiting := "" // one list for all
		return answering(func(r *http.Request, w *httptest.ResponseRecorder) {
			switch r.URL.Path {
			case "/flash":
				waiting = `"Your homework was saved."`
			case "/flashes":
				w.Body.Reset()
				fmt.Fprintf(w.Body, `{"messages":[%s]}`, waiting)
				waiting = ""
			}
		})(h)
	}},

	{slug: "count-to-five", chosen: "placement=hybrid", happened: 1, handler: rerouted("/delete", "/flush")},
	{slug: "count-to-five", chosen: "placement=cookie", happened: 3, handler: answering(dropCookies)},
	{slug: "count-to-five", chosen: "placement=server", happened: 0, handler: unwritten("/delete", 1)},
}

// Faults that come to none of the predictions, and what is said of them.
func TestLifeFaults(t *testing.T) {
	t.Parallel()
	for _, f := range []struct {
		control
		says string
	}{
		{control{slug: "born-on-first-write", handler: answering(dropCookies)}, "the first write's answer set no cookie, and the store held 1 record"},
		{control{slug: "born-on-first-write", handler: unwritten("/set", 1)}, "Not at the first write: its answer, with status 503"},
		{control{slug: "born-on-first-write", handler: unwritten("/set", 5)}, "Never born"},
		{control{slug: "expired-is-not-cleared", store: func(b session.Backend) session.Backend { return removing{b} }}, "still held the record, and counted 1 expired session"},
		{control{slug: "count-to-five", handler: unwritten("/set", 1)}, "Not every write left a session"},
		{control{slug: "count-to-five", handler: unwritten("/set", 6)}, "Not every write left a session"},
		{control{slug: "count-to-five", handler: unwritten("/delete", 1)}, "Its deletion left 1 key"},
	} {
		a := newExperiments(t, func(cfg *experiment.Config) {
			if f.handler != nil {
				cfg.WrapHandler = func(_ string, h http.Handler) http.Handler { return f.handler(h) }
			}
			if f.store != nil {
				cfg.WrapStore = func(_ string, b session.Backend) session.Backend { return f.store(b) }
			}
		})
		if got := runFor(t, a, f.slug, ""); got.State != "ended" || got.Happened != 0 || !strings.Contains(got.Verdict, f.says) {
			t.Errorf("%s: %s, prediction %d came true; it does not say %q: %s %s", f.slug, got.State, got.Happened, f.says, got.Error, got.all())
		}
	}
}

// dropCookies takes the cookies out of the answers.
func dropCookies(_ *http.Request, w *httptest.ResponseRecorder) { w.Header().Del("Set-Cookie") }

// unwritten refuses the first so many requests for a path.
func unwritten(path string, times int) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		left := times
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path && left > 0 {
				left--
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
}

// answering lets change have each answer before it leaves.
func answering(change func(*http.Request, *httptest.ResponseRecorder)) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			change(r, rec)
			for name, lines := range rec.Header() {
				w.Header()[name] = lines
			}
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes())
		})
	}
}

// rerouted does another press than the one that was asked for.
func rerouted(path, other string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path {
				r.URL.Path, r.RequestURI = other, other
			}
			h.ServeHTTP(w, r)
		})
	}
}

// cookieAlone serves whoever has a cookie, and looks at no clock.
func cookieAlone(r *http.Request, w *httptest.ResponseRecorder) {
	if _, err := r.Cookie(experiment.CookieName); err == nil && r.URL.Path == "/get" {
		w.Body.Reset()
		w.Body.WriteString(`{"op":"get","found":true,"value":"Rahim"}`)
	}
}

// undeletable is a store that forgets to delete.
type undeletable struct{ session.Backend }

func (undeletable) Delete(context.Context, session.Key) error { return nil }

// removing is a store that removes what has expired as soon as it meets it.
type removing struct{ session.Backend }

func (b removing) Load(ctx context.Context, k session.Key) (session.Record, error) {
	rec, err := b.Backend.Load(ctx, k)
	if errors.Is(err, session.ErrExpired) {
		err = errors.Join(err, b.Delete(ctx, k))
	}
	return rec, err
}

// prompt is a store that removes what has expired before anybody can see it.
type prompt struct{ session.Backend }

func (b prompt) Stats(ctx context.Context) (session.Stats, error) {
	var keys []session.Key
	for e, err := range b.All(ctx) {
		if err != nil {
			return session.Stats{}, err
		}
		keys = append(keys, e.Key)
	}
	for _, k := range keys {
		if _, err := removing(b).Load(ctx, k); err != nil && !errors.Is(err, session.ErrExpired) {
			return session.Stats{}, err
		}
	}
	return b.Backend.Stats(ctx)
}

// timeless is a store that looks at no clock.
type timeless struct{ session.Backend }

func (b timeless) Load(ctx context.Context, k session.Key) (session.Record, error) {
	rec, err := b.Backend.Load(ctx, k)
	if errors.Is(err, session.ErrExpired) {
		st, err := b.Peek(ctx, k)
		return st.Record, err
	}
	return rec, err
}

// untouchable is a store whose Touch moves nothing.
type untouchable struct {
	session.Backend
	err error
}

func (b untouchable) Touch(context.Context, session.Key, uint64, time.Time) error { return b.err }

func TestLife(t *testing.T)         { runCases(t, lifeCases) }
func TestLifeControls(t *testing.T) { runControls(t, lifeControls) }
