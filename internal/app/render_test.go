package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/a-h/templ"
)

func TestFormOf(t *testing.T) {
	for _, test := range []struct {
		headers http.Header
		want    answerForm
	}{
		{http.Header{}, formPage},
		{http.Header{"Accept": {"*/*"}}, formPage},
		{http.Header{"Accept": {"text/html,application/xhtml+xml,*/*;q=0.8"}}, formPage},
		{http.Header{"Accept": {"application/json"}}, formJSON},
		{http.Header{"Accept": {"application/json, text/plain, */*"}}, formJSON},
		{http.Header{"Accept": {"text/html", "application/json;q=0.5"}}, formPage},
		{http.Header{"Accept": {"text/html;q=0.2, application/json;q=0.5"}}, formJSON},
		{http.Header{"Accept": {"application/json;q=0"}}, formPage},
		{http.Header{"Accept": {";;;", "a/b/c"}}, formPage},
		{http.Header{"Hx-Request": {"true"}, "Accept": {"text/html, text/event-stream"}}, formFragment},
		{http.Header{"Hx-Request": {"true"}, "Hx-Boosted": {"true"}}, formPage},
		{http.Header{"Hx-Request": {"true"}, "Hx-History-Restore-Request": {"true"}}, formPage},
	} {
		if got := formOf(&http.Request{Header: test.headers}); got != test.want {
			t.Errorf("%v: %v, want %v", test.headers, got, test.want)
		}
	}
}

// After the commit a failing template is no error: the answer says what was done.
func TestRenderFails(t *testing.T) {
	for _, broken := range []renderer{
		func(context.Context, io.Writer, templ.Component) error { return errors.New("broken template") },
		func(context.Context, io.Writer, templ.Component) error { panic("broken template") },
	} {
		for _, f := range []answerForm{formPage, formFragment} {
			a := newApp(t, nil)
			a.render = broken
			b := newBrowser(t, a, f)
			r := b.post("/set", "key", "a", "value", "1")
			if f == formPage {
				r = b.get(r.want(303).Header.Get("Location"))
			}
			r.want(200, "Done: set")
			b.form = formJSON
			b.get("/keys").want(200, `"keys":["a"]`)
		}
	}
	a := newApp(t, nil)
	a.render = func(context.Context, io.Writer, templ.Component) error { return errors.New("broken template") }
	newBrowser(t, a, formPage).get("/").want(500)
	for _, broken := range []renderer{a.render, func(context.Context, io.Writer, templ.Component) error { panic("broken template") }} {
		a.render = broken
		newBrowser(t, a, formPage).get("/nope").want(404, "There is no page at this address.") // a refusal keeps its status
	}
}
