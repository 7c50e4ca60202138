package shelf_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

var missingIsNotAnError = proof{
	slug: "missing-is-not-an-error",
	cases: []testCase{
		{happened: "missing", says: []string{"All 22 reads and deletes of nickname", "status 200", "stayed at version 1"}, witness: missingKey(200, "note")},
		{chosen: "key=note", happened: "missing", says: []string{"deletes of note", "reading remark"}, witness: missingKey(200, "remark")},
		{chosen: "key=%60%7Bbad+x%7D", happened: "missing", says: []string{"deletes of ˋ{bad x}"}, witness: missingKey(200, "note")},
		{chosen: "key=", says: []string{"status 422", "The key is empty"}, witness: missingKey(422, "note")},
	},
	controls: []control{
		{happened: "error", handler: answering(func(_ *http.Request, w *httptest.ResponseRecorder) {
			if strings.Contains(w.Body.String(), `"found":false`) { // missing is an error after all
				w.Code = http.StatusNotFound
			}
		})},
		{happened: "created", handler: func(h http.Handler) http.Handler {
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
	},
}

func TestMissingIsNotAnError(t *testing.T) { missingIsNotAnError.run(t) }

// missingKey sees that a key which nobody set is answered with that status, and that
// nothing comes of it. other is the key that is there, with an empty text.
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
