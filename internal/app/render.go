package app

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// answerForm is the form of an answer: a page, a fragment for htmx, or JSON.
type answerForm int

const (
	formPage answerForm = iota
	formFragment
	formJSON
)

// formOf is the only reader of Accept and HX-Request. A boosted or restored
// request of htmx wants a whole page.
func formOf(r *http.Request) answerForm {
	// Names in net/http's spelling: any other is a new string for each look-up.
	if r.Header.Get("Hx-Request") == "true" && r.Header.Get("Hx-Boosted") == "" && r.Header.Get("Hx-History-Restore-Request") == "" {
		return formFragment
	}
	if accept := r.Header["Accept"]; len(accept) == 1 && accept[0] == "application/json" {
		return formJSON // what scripts send
	}
	var asJSON, asHTML float64
	for _, part := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if text, ok := params["q"]; ok {
			q, _ = strconv.ParseFloat(text, 64)
		}
		switch kind {
		case "application/json", "application/problem+json":
			asJSON = max(asJSON, q)
		case "text/html":
			asHTML = max(asHTML, q)
		}
	}
	if asJSON > 0 && asJSON >= asHTML {
		return formJSON
	}
	return formPage
}

// renderer renders a component; tests put a failing one in its place.
type renderer func(ctx context.Context, w io.Writer, component templ.Component) error

func renderTempl(ctx context.Context, w io.Writer, component templ.Component) error {
	// The page about a failure is rendered even when the request's context is done.
	return component.Render(context.WithoutCancel(ctx), w)
}

// write renders into a buffer, then writes once, compressed if the client takes that.
func (a *App) write(c *call, status int, component templ.Component) error {
	buf := templ.GetBuffer()
	defer templ.ReleaseBuffer(buf)
	if err := a.render(c.ctx(), buf, component); err != nil {
		return err
	}
	body := buf.Bytes()
	h := c.Response().Header()
	if len(body) >= minGzip && acceptsGzip(c.Request()) {
		small := templ.GetBuffer()
		defer templ.ReleaseBuffer(small)
		spare := gzips
		if c.wants == formPage {
			spare = pageGzips
		}
		z := spare.Take()
		defer spare.Give(z)
		z.Reset(small)
		z.Write(body) // into memory: it cannot fail
		z.Close()
		h.Set("Content-Encoding", "gzip")
		body = small.Bytes()
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	return c.HTMLBlob(status, body)
}

// minGzip is the smallest answer in bytes that is compressed: less fits into one packet anyway.
const minGzip = 1400

// gzips compress fragments, at level 4: at level 1 a press would take 0.1 ms less, and an answer be 13 %
// larger. Whole pages are rare, and as small as they can be at level 9: a phone's first visit counts.
var gzips, pageGzips = gzipsAt(4), gzipsAt(9)

func gzipsAt(level int) trace.Spares[gzip.Writer] {
	return trace.NewSpares(func() *gzip.Writer {
		z, _ := gzip.NewWriterLevel(nil, level) // fails for an unknown level only
		return z
	}, func(*gzip.Writer) bool { return true })
}

// acceptsGzip reports whether the client accepts gzip (RFC 9110, section 12.5.3).
func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";q=")
		if strings.EqualFold(name, "gzip") {
			weight, err := strconv.ParseFloat(q, 64)
			return q == "" || err == nil && weight > 0
		}
	}
	return false
}

var jsonType = []string{"application/json"}

func writeJSON(c *call, status int, kind string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeJSONText(c, status, kind, body)
}

func writeJSONText(c *call, status int, kind string, body []byte) error {
	body = append(body, '\n')
	c.Response().Header().Set("Content-Length", strconv.Itoa(len(body)))
	return c.Blob(status, kind, body)
}
