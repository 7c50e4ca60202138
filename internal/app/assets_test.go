package app

import (
	"bytes"
	"compress/gzip"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// The types of embedded files are the program's own, whatever the machine's tables
// say: a style sheet that is called plain text is not applied, nor a script run.
func TestAssetTypes(t *testing.T) {
	t.Parallel()
	for _, ext := range []string{".css", ".js", ".svg"} {
		if got := mime.TypeByExtension(ext); got != wrongType {
			t.Fatalf("the control: this machine calls %s %q", ext, got)
		}
	}
	b := newBrowser(t, newApp(t, nil), formPage)
	files, err := newAssets(os.DirFS("../../web"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"css/sessionscope.css":                 "text/css; charset=utf-8",
		"js/theme.js":                          "text/javascript; charset=utf-8",
		"third-party/htmx-4.0.1/htmx.min.js":   "text/javascript; charset=utf-8",
		"img/icon.svg":                         "image/svg+xml",
		"third-party/htmx-4.0.1/LICENSE":       "text/plain; charset=utf-8",
		"third-party/htmx-4.0.1/hx-sse.min.js": "text/javascript; charset=utf-8",
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

// What is taken out of a file takes nothing that counts with it: no string changes, a file of others
// stays as it came, and so does one that is broken.
func TestAsServed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, content, want string }{
		{"js/a.js", "// one\nlet a = 'http://x'; // it's\n\t// three\n  b(/\\/\\//, `*/*`, a);\n  c(() => { // why\n    d()\n  }); // end", "{let e=\"http://x\";b(/\\/\\//,`*/*`,e),c(()=>{d()})}"},
		{"js/b.js", "const long = 1;\nfunction also() { return long; }\nalso();", "{const e=1;function also(){return e}also()}"},
		{"css/a.css", "/* one\n two */\na,\n  b > i { b: c; }\n/* three */\n  d::before { content: \"a , b: {\"; e: calc(1px + 2px) }\n", "a,b>i{b:c}d::before{content:\"a , b: {\";e:calc(1px + 2px)}"},
		{"css/b.css", "@media (max-width: 9px) and (hover) {\n  a :hover { b: c d } }", "@media(max-width:9px) and (hover){a :hover{b:c d}}"},
		{"js/c.js", "let a = ;\n", "let a = ;\n"},
		{"third-party/x/a.js", "// licence\n", "// licence\n"},
		{"img/a.svg", "<!-- // -->\n// x\n", "<!-- // -->\n// x\n"},
	} {
		if got := string(asServed(test.name, []byte(test.content))); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// Each file under web/ travels as it is or compressed, as the request allows, and is
// compressed at the first request that takes it so: also when many ask at once.
func TestAssets(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	ask := func(path, encodings string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", origin+path, nil)
		r.Header.Set("Accept-Encoding", encodings)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w
	}
	var wg sync.WaitGroup
	for name, path := range a.assets.paths {
		want, err := os.ReadFile("../../web/" + name)
		if err != nil {
			t.Fatal(err)
		}
		source := want
		want = asServed(name, want)
		if own := strings.HasPrefix(name, "css/") || strings.HasPrefix(name, "js/"); own == (len(want) == len(source)) {
			t.Errorf("%s: %d bytes are served of a file of %d", name, len(want), len(source))
		}
		for range 2 {
			wg.Go(func() {
				w := ask(path, "gzip, br")
				if got := w.Header().Get("Content-Length"); w.Code != http.StatusOK || got != strconv.Itoa(w.Body.Len()) || w.Header().Get("Content-Encoding") != "gzip" {
					t.Errorf("%s: status %d, %d bytes, %v", path, w.Code, w.Body.Len(), w.Header())
				}
				unzip, err := gzip.NewReader(w.Body)
				if err != nil {
					t.Errorf("%s: %v", path, err)
					return
				}
				if got, err := io.ReadAll(unzip); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s unzips to %d bytes, %v; want the %d of the file", path, len(got), err, len(want))
				}
			})
		}
		if w := ask(path, "identity"); w.Header().Get("Content-Encoding") != "" || !bytes.Equal(w.Body.Bytes(), want) {
			t.Errorf("%s: %d bytes, want the %d of the file; %v", path, w.Body.Len(), len(want), w.Header())
		}
	}
	wg.Wait()
	if len(a.assets.paths) < 6 {
		t.Errorf("%d assets", len(a.assets.paths))
	}
}
