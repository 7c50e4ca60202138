package app

import (
	"io/fs"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/sessionscope/sessionscope/views"
)

// about is GET /about: what is on the screen, and the licences of all that is inside. It belongs
// to no visit, and asks for no session.
func (a *App) about(c *call) error {
	c.quiet()
	if c.wants == formJSON {
		return writeJSON(c, http.StatusOK, "application/json", struct {
			Op      string         `json:"op"`
			Version string         `json:"version"`
			Modules []views.Module `json:"modules"`
		}{"about", a.cfg.Version, modules()})
	}
	htmx, err := fs.ReadFile(a.cfg.Assets, "third-party/htmx-4.0.1/LICENSE")
	if err != nil {
		return err
	}
	return a.write(c, http.StatusOK, views.AboutPage(views.About{
		Page: a.page(c, "What is on this screen"), Experiments: a.experimentCount() > 0, Moments: a.hub.MostMoments(),
		Licence: a.cfg.Licence, HTMX: string(htmx), Go: runtime.Version(), Modules: modules(),
	}))
}

// modules returns the Go modules inside the program, as its build information names them.
func modules() []views.Module {
	out := []views.Module{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return out
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		out = append(out, views.Module{Path: m.Path, Version: m.Version})
	}
	return out
}
