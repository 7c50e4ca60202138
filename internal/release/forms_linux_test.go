package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// reader is a browser without scripts: it loads pages, and presses the buttons of their forms.
type reader struct {
	testing.TB
	client *http.Client
	at     *url.URL
	page   *html.Node
	source string
}

func newReader(t testing.TB) *reader {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &reader{TB: t, client: &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}}
}

// ask sends a request and returns its answer, after redirects. accept is the type that is asked for.
func (b *reader) ask(method, target, accept string, form url.Values) (*http.Response, string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	if b.at != nil {
		r.Header.Set("Referer", b.at.String())
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", r.URL.Scheme+"://"+r.URL.Host)
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	if resp.StatusCode >= http.StatusInternalServerError {
		b.Errorf("%s %s: %d %.500s", method, target, resp.StatusCode, body)
	}
	return resp, string(body)
}

// json asks for JSON and reads it into what. With a form it is a POST.
func (b *reader) json(target string, form url.Values, what any) {
	b.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	resp, body := b.ask(method, target, "application/json", form)
	if resp.StatusCode >= http.StatusMultipleChoices {
		b.Fatalf("%s: %d %s", target, resp.StatusCode, body)
	}
	if err := json.Unmarshal([]byte(body), what); err != nil {
		b.Fatalf("%s: %v: %.300s", target, err, body)
	}
}

// load loads a page.
func (b *reader) load(method, target string, form url.Values) {
	b.Helper()
	resp, body := b.ask(method, target, "text/html", form)
	if resp.StatusCode != http.StatusOK {
		b.Fatalf("%s %s: %d %.300s", method, target, resp.StatusCode, body)
	}
	page, err := html.ParseWithOptions(strings.NewReader(body), html.ParseOptionEnableScripting(false))
	if err != nil {
		b.Fatal(err)
	}
	b.at, b.page, b.source = resp.Request.URL, page, body
}

// press presses the first button whose text begins with those words, or that has that value, with these fields typed before, in pairs.
func (b *reader) press(label string, typed ...string) {
	b.Helper()
	button := b.find(func(n *html.Node) bool {
		return n.Data == "button" && (strings.HasPrefix(words(n)+" ", label+" ") || attribute(n, "value") == label)
	})
	if button == nil {
		b.Fatalf("%s has no button %q", b.at, label)
	}
	form := button
	for form != nil && form.Data != "form" {
		form = form.Parent
	}
	if id := attribute(button, "form"); id != "" {
		form = b.find(func(n *html.Node) bool { return n.Data == "form" && attribute(n, "id") == id })
	}
	fields := b.fields(form)
	for i := 0; i < len(typed); i += 2 {
		if !fields.Has(typed[i]) {
			b.Fatalf("the form of %q has no field %q: %v", label, typed[i], fields)
		}
		fields.Set(typed[i], typed[i+1])
	}
	if name := attribute(button, "name"); name != "" {
		fields.Set(name, attribute(button, "value"))
	}
	action, method := attribute(form, "action"), attribute(form, "method")
	if given := attribute(button, "formaction"); given != "" {
		action = given
	}
	if given := attribute(button, "formmethod"); given != "" {
		method = given
	}
	to, err := b.at.Parse(action)
	if err != nil {
		b.Fatal(err)
	}
	if strings.EqualFold(method, http.MethodPost) {
		b.load(http.MethodPost, to.String(), fields)
		return
	}
	to.RawQuery = fields.Encode()
	b.load(http.MethodGet, to.String(), nil)
}

// fields are the successful controls of a form, its buttons aside.
func (b *reader) fields(form *html.Node) url.Values {
	fields := url.Values{}
	for n := range b.page.Descendants() {
		name := attribute(n, "name")
		if name == "" || !b.belongs(n, form) {
			continue
		}
		switch n.Data {
		case "input":
			if kind := attribute(n, "type"); kind == "radio" || kind == "checkbox" {
				if !has(n, "checked") {
					continue
				}
			}
			fields.Add(name, attribute(n, "value"))
		case "textarea":
			fields.Add(name, words(n))
		case "select":
			for option := range n.Descendants() {
				if option.Data == "option" && (has(option, "selected") || !fields.Has(name)) {
					fields.Set(name, attribute(option, "value"))
				}
			}
		}
	}
	return fields
}

// belongs tells whether a control is one of form.
func (b *reader) belongs(n, form *html.Node) bool {
	if id := attribute(n, "form"); id != "" {
		return id == attribute(form, "id")
	}
	for up := n.Parent; up != nil; up = up.Parent {
		if up.Data == "form" {
			return up == form
		}
	}
	return false
}

// find returns the first element that is as wanted, nil for none.
func (b *reader) find(wanted func(*html.Node) bool) *html.Node {
	for n := range b.page.Descendants() {
		if n.Type == html.ElementNode && wanted(n) {
			return n
		}
	}
	return nil
}

// says returns the words of the element with that id.
func (b *reader) says(id string) string {
	n := b.find(func(n *html.Node) bool { return attribute(n, "id") == id })
	if n == nil {
		return ""
	}
	return words(n)
}

// words is the text in n, with one blank between two words.
func words(n *html.Node) string {
	var text strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			text.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}
