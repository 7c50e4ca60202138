package shelf_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var changeOneLetter = proof{
	slug: "change-one-letter",
	cases: []testCase{
		{chosen: "edit=role", happened: "ignored", says: []string{"no records created", "student again", "untouched", "fit the edited bytes", "teacher"}, witness: edited},
		{chosen: "edit=letter", happened: "ignored", says: []string{"no records created", "student again", "untouched", "fit the edited bytes"}, witness: edited},
		{chosen: "edit=deadline", happened: "ignored", says: []string{"no records created", "deadline"}, witness: edited},
		{chosen: "edit=signature", happened: "ignored", says: []string{"no records created", "student again", "untouched", "The edited signature does not fit"}, witness: edited},
		{chosen: choosing("edit", "role", "role", ""), happened: "ignored", witness: edited},
		{chosen: choosing("edit", "role", "role", `"}{`+"`bad} ü"), happened: "ignored", witness: edited},
		{chosen: choosing("edit", "role", "role", "student"), says: []string{"Nothing was edited"}, witness: func(t *testing.T, all []seen) {
			if all[1].cookie != all[0].sent() || all[2].cookie != all[0].sent() || all[2].value() != "student" {
				t.Errorf("the cookie was changed, or not taken: %+v", all[2])
			}
		}},
	},
	controls: []control{
		{chosen: "edit=role", happened: "believed", handler: believing},
		{chosen: "edit=signature", happened: "believed", handler: believing},
		{chosen: "edit=letter", happened: "error", handler: passing(func(issued []string, sent string) (string, int) {
			if sent != issued[0] {
				return "", http.StatusBadRequest
			}
			return sent, 0
		})},
		{chosen: "edit=role", happened: experiment.None, handler: endingIt},
		{chosen: "edit=letter", happened: experiment.None, handler: passing(func([]string, string) (string, int) { return "", 0 })},
	},
}

func TestChangeOneLetter(t *testing.T) { changeOneLetter.run(t) }

func edited(t *testing.T, all []seen) {
	if len(all) != 4 {
		t.Fatalf("%d requests", len(all))
	}
	issued := all[0].sent()
	if all[1].cookie != issued || all[1].value() != "student" || all[3].cookie != issued || all[3].value() != "student" {
		t.Error("the cookie as issued does not work")
	}
	if x := all[2]; x.cookie == issued || x.cookie == "" || x.status != 200 || x.answer["found"] != false || x.setCookie != "" {
		t.Errorf("the edited cookie %s was answered with %d %s %s", x.cookie, x.status, x.body, x.setCookie)
	}
}

// endingIt is a server on which a cookie that nobody issued ends the session it names.
func endingIt(h http.Handler) http.Handler {
	issued := ""
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie(experiment.CookieName); err == nil && c.Value != issued {
			out := httptest.NewRequest("POST", "http://"+r.Host+"/logout", nil)
			out.Header.Set("Cookie", experiment.CookieName+"="+issued)
			aside(h, out)
		}
		copied := &copying{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(copied, r)
		if value := (seen{setCookie: copied.sent}).sent(); value != "" {
			issued = value
		}
	})
}
