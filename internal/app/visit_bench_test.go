package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// BenchmarkPress is a press on a page with a script: its answer, with the moment
// that it becomes.
func BenchmarkPress(b *testing.B) {
	h := newApp(b, nil)
	br := newBrowser(b, h, formFragment)
	v := br.visit("/")
	for i := range 20 {
		br.post("/set", "key", "name", "value", fmt.Sprint(i), "page", v).want(200)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		r := br.request("POST", "/set", fmt.Sprintf("key=name&value=%d&page=%s", i, v))
		r.Header.Set("Accept-Encoding", "gzip")
		r.Header.Set(trace.PageHeader, fmt.Sprintf("%s %s %d", v, strings.Repeat("P", pageIDLen), 20+i)) // what the page shows already
		br.send(r)
	}
}
