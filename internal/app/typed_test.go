package app

import (
	"regexp"
	"strings"
	"testing"
)

// Without a script every press leads to another page: what was typed into the composer stands
// there again, whichever form the press belongs to.
func TestTypedIsKeptWithoutScripts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path  string
		extra []string
	}{
		{"/cycle-id", nil}, {"/clear-expired", nil}, {"/clear", nil}, {"/logout", nil}, {"/flush", nil}, {"/expiry", []string{"seconds", "60"}}, {"/login", []string{"user", "ada"}},
		{"/plant", nil}, {"/pin", nil}, {"/drop-cookie", nil}, {"/tamper", []string{"part", "letter"}}, {"/replay", []string{"pin", "1"}}, {"/put-back", []string{"pin", "1"}}, {"/check", []string{"cookie", "garbled"}},
		{"/moment", []string{"at", "now"}}, {"/moment", []string{"at", "1"}}, {"/projector", []string{"on", "1"}}, {"/lesson", []string{"step", "set"}}, {"/lesson", []string{"hide", "1"}},
	} {
		_, b, v := openLab(t, formPage)
		press := func(path string, pairs ...string) answer {
			return b.get(b.post(path, append(pairs, "page", v)...).want(303).Header.Get("Location")).want(200)
		}
		press("/pin") // no cookie yet
		press("/set", "key", "cart", "value", "3")
		page := press("/pin", "key", "cart", "value", "3")
		sends := []string{}
		for field, value := range typedIn(t, page.body, test.path) {
			sends = append(sends, field, value)
		}
		after := press(test.path, append(sends, test.extra...)...)
		if !strings.Contains(after.body, `aria-label="Key" value="cart"`) || !strings.Contains(after.body, `aria-label="Value" value="3"`) {
			t.Errorf("after %s %v the composer does not have what was typed; its form sends %v", test.path, test.extra, sends)
		}
	}
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="(key|value|type|placement)" value="([^"]*)"`)

// typedIn returns which of the composer's fields the form sends that a button for that path
// belongs to.
func typedIn(t *testing.T, page, path string) map[string]string {
	t.Helper()
	button := regexp.MustCompile(`<button[^>]* form="([a-z-]+)"[^>]* formaction="` + path + `"`).FindStringSubmatch(page)
	for _, form := range strings.Split(page, "<form")[1:] {
		form, _, _ = strings.Cut(form, "</form>")
		if button != nil && !strings.Contains(form, `id="`+button[1]+`"`) || button == nil && !strings.Contains(form, `action="`+path+`"`) {
			continue
		}
		out := make(map[string]string)
		for _, field := range hiddenField.FindAllStringSubmatch(form, -1) {
			out[field[1]] = field[2]
		}
		return out
	}
	t.Fatalf("no form leads to %s", path)
	return nil
}
