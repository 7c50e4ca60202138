package shelf_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

var flashMessage = proof{
	slug: "flash-message",
	cases: []testCase{
		{chosen: "placement=hybrid", happened: "once", says: []string{"_flash in the cookie", "read it once more"}, witness: flashed("Your homework was saved.", true)},
		{chosen: "placement=cookie", happened: "once", says: []string{"_flash in the cookie", "read it once more"}, witness: flashed("Your homework was saved.", true)},
		{chosen: "placement=server", happened: "once", says: []string{"_flash on the server", "did not bring it again"}, witness: flashed("Your homework was saved.", false)},
		{chosen: "message=&placement=server", happened: "once", says: []string{"an empty text"}, witness: flashed("", false)},
		{chosen: "message=%60%7Bok+x%7D%3C%2Fb%3E%22%5C&placement=hybrid", happened: "once", says: []string{`ˋ{ok x}</b>"\`}, witness: flashed("`{ok x}</b>\"\\", true)},
		{chosen: "message=" + strings.Repeat("%22", 120) + "&placement=hybrid", happened: "once", witness: flashed(strings.Repeat(`"`, 120), true)},
	},
	controls: []control{
		{chosen: "placement=hybrid", happened: "every-time", handler: answering(func(r *http.Request, w *httptest.ResponseRecorder) {
			if r.URL.Path == "/flashes" { // the session is read and not saved
				w.Header().Del("Set-Cookie")
			}
		})},
		{chosen: "placement=server", happened: "by-anybody", handler: func(h http.Handler) http.Handler {
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
	},
}

func TestFlashMessage(t *testing.T) { flashMessage.run(t) }

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
