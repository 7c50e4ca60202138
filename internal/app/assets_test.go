package app

import (
	"mime"
	"os"
	"testing"
	"testing/fstest"
)

// The types of embedded files are the program's own, whatever the machine's tables
// say: a style sheet that is called plain text is not applied, nor a script run.
func TestAssetTypes(t *testing.T) {
	for _, ext := range []string{".css", ".js", ".svg"} {
		before := mime.TypeByExtension(ext)
		if err := mime.AddExtensionType(ext, "text/plain"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { mime.AddExtensionType(ext, before) })
		if got := mime.TypeByExtension(ext); got != "text/plain; charset=utf-8" {
			t.Fatalf("the control: this machine calls %s %q", ext, got)
		}
	}
	b := newBrowser(t, newApp(t, nil), formPage)
	files, err := newAssets(os.DirFS("../../web"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"css/sessionscope.css":            "text/css; charset=utf-8",
		"js/theme.js":                     "text/javascript; charset=utf-8",
		"vendor/htmx-4.0.1/htmx.min.js":   "text/javascript; charset=utf-8",
		"img/icon.svg":                    "image/svg+xml",
		"vendor/htmx-4.0.1/LICENSE":       "text/plain; charset=utf-8",
		"vendor/htmx-4.0.1/hx-sse.min.js": "text/javascript; charset=utf-8",
	} {
		a := b.get(files.url(name)).want(200)
		if got := a.Header.Get("Content-Type"); got != want || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %q, want %q, and nosniff", name, got, want)
		}
	}
	if _, err := newAssets(fstest.MapFS{"font.woff9": {Data: []byte("x")}}); err == nil {
		t.Error("a file without a type of ours is served")
	}
}
