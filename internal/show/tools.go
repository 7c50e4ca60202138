package show

import (
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// TamperOptions are the parts of a cookie that can be changed in a copy.
func TamperOptions(chosen string) (out []views.Option) {
	for _, part := range session.TamperParts {
		out = append(out, views.Option{Name: part, Label: say.PartOf(part), Chosen: part == chosen})
	}
	return out
}
