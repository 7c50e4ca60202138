package app

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/js"
)

// assets are the files under web/. The path of each contains a hash of its content, so that
// browsers may cache it for ever.
type assets struct {
	paths map[string]string // from "css/lab.css" to "/assets/css/lab.1f0c2a3b4c5d6e7f.css"
	files map[string]asset  // by what follows /assets/
}

type asset struct {
	kind  string
	plain func() []byte // made at the first call, and kept
	gzip  func() []byte // the same, compressed
}

// contentTypes maps the extensions of embedded files to their types. Package mime reads the
// machine's tables, which may call a style sheet plain text: with nosniff a browser would not
// apply it.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
	"":     "text/plain; charset=utf-8", // licences and notes
}

// small makes the program's own files small: without comments and blanks, and in scripts with short names.
var small = func() *minify.M {
	m := minify.New()
	m.AddFunc(".css", css.Minify)
	m.AddFunc(".js", js.Minify)
	return m
}()

func newAssets(files fs.FS) (*assets, error) {
	a := &assets{paths: make(map[string]string), files: make(map[string]asset)}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		plain, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		ext := path.Ext(name)
		sum := sha256.Sum256(plain)
		hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:8]) + ext
		kind, known := contentTypes[ext]
		if !known {
			return fmt.Errorf("app: no content type for the asset %s", name)
		}
		a.paths[name] = "/assets/" + hashed
		served := sync.OnceValue(func() []byte { return asServed(name, plain) })
		a.files[hashed] = asset{kind, served, sync.OnceValue(func() []byte { return compress(served()) })}
		return nil
	})
	return a, err
}

// asServed returns the content of the file with that name as browsers get it. The program's own style
// sheets and scripts are made small, which makes a first visit 6 kB smaller. Files of others stay as
// they came, with their licences, and so does a file that cannot be read.
func asServed(name string, content []byte) []byte {
	ext := path.Ext(name)
	if strings.HasPrefix(name, "third-party/") || ext != ".css" && ext != ".js" {
		return content
	}
	whole := content
	if ext == ".js" { // in a block the names at the top of the script are made short too
		whole = slices.Concat([]byte("{\n"), content, []byte("\n}"))
	}
	made, err := small.Bytes(ext, whole)
	if err != nil {
		return content
	}
	return made
}

// compress returns plain compressed by gzip. It takes milliseconds for a large file, so it
// runs at the first request and not at the start.
func compress(plain []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails for an unknown level only
	w.Write(plain)                                        // into memory: it cannot fail
	w.Close()
	return b.Bytes()
}

// url returns the address of the file with that name under web/. It panics if there is none,
// which is a fault of this program.
func (a *assets) url(name string) string {
	p, ok := a.paths[name]
	if !ok {
		panic(fmt.Sprintf("app: no asset %q", name))
	}
	return p
}

func (a *assets) serve(c *call) error {
	f, ok := a.files[c.Param("*")]
	if !ok {
		return echo.ErrNotFound
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	if acceptsGzip(c.Request()) {
		h.Set("Content-Encoding", "gzip")
		body = f.gzip
	}
	content := body()
	h.Set("Content-Length", strconv.Itoa(len(content)))
	return c.Blob(http.StatusOK, f.kind, content)
}
