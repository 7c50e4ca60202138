package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A module is a Go module of which a package is inside the program; or Go's standard library, whose
// path is std; or a folder of web/third-party.
type module struct {
	path, version string
	purl          string // its package URL, https://github.com/package-url/purl-spec
	hash          string // its checksum, in hex: SHA-256, of a folder of web/third-party SHA-512; "" for none
	dir           string // where its files are
	linked        []string
	needs         []string // the paths of the modules whose packages it imports, in the order of the alphabet
	texts         []text   // its licences
	port          *port    // the C library in it, nil for none
}

// name is the module's name with its version.
func (m *module) name() string { return m.path + " " + m.version }

// std is the path of Go's standard library and runtime.
const std = "std"

// A listed is a package as go list prints it.
type listed struct {
	ImportPath string
	Dir        string
	Standard   bool
	Imports    []string
	Module     *struct{ Path, Dir string }
}

// module is the path of the package's module.
func (p *listed) module() string {
	if p.Standard || p.Module == nil {
		return std
	}
	return p.Module.Path
}

// modules returns what is inside the program: the program's own module, then the standard library,
// then all others in the order of the alphabet. Packages and the arrows between modules are those
// of this system: go mod graph knows what may be needed, for tests and other systems too.
func (w *workshop) modules(ctx context.Context, b *build) ([]*module, error) {
	out, err := command(ctx, w.dir, w.forTarget(b.target), "go", "list", "-deps", "-json=ImportPath,Dir,Standard,Imports,Module", ".")
	if err != nil {
		return nil, err
	}
	goroot, err := command(ctx, w.dir, w.env, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	inside, err := named(b, goroot)
	if err != nil {
		return nil, err
	}
	of := map[string]string{} // the module of each package
	var packages []listed
	for decoder := json.NewDecoder(strings.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		of[p.ImportPath] = p.module()
		packages = append(packages, p)
	}
	for _, p := range packages {
		m := inside[p.module()]
		if m == nil {
			return nil, fmt.Errorf("package %s is inside, and the build information does not name its module", p.ImportPath)
		}
		if m.linked = append(m.linked, p.Dir); m.path != std {
			m.dir = p.Module.Dir
		}
		for _, imported := range p.Imports {
			if need := of[imported]; need != "" && need != m.path && m.path != std && !slices.Contains(m.needs, need) {
				m.needs = append(m.needs, need)
			}
		}
	}
	all := []*module{}
	for _, m := range inside {
		if len(m.linked) == 0 {
			return nil, fmt.Errorf("the build information names %s, of which no package is inside", m.path)
		}
		slices.Sort(m.needs)
		all = append(all, m)
	}
	vendored, err := vendored(w.dir)
	if err != nil {
		return nil, err
	}
	own := inside[b.info.Main.Path]
	for _, v := range vendored {
		own.needs = append(own.needs, v.path)
	}
	all = append(all, vendored...)
	rank := func(m *module) string { return map[string]string{own.path: "0", std: "1"}[m.path] + m.path }
	slices.SortFunc(all, func(a, b *module) int { return strings.Compare(rank(a), rank(b)) })
	return all, nil
}

// named returns the modules that the program's build information names, by their paths. It does not know
// their folders, but for that of Go itself.
func named(b *build, goroot string) (map[string]*module, error) {
	main, goVersion := b.info.Main.Path, strings.TrimPrefix(b.info.GoVersion, "go")
	goVersion, _, _ = strings.Cut(goVersion, " ") // what follows names experiments
	all := map[string]*module{
		main: {path: main, version: b.version, purl: golang(main, b.version)},
		std:  {path: std, version: goVersion, purl: golang(std, goVersion), dir: goroot},
	}
	for _, m := range b.info.Deps {
		if m.Replace != nil {
			return nil, fmt.Errorf("%s is replaced by %s: nobody could fetch what is inside", m.Path, m.Replace.Path)
		}
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:"))
		if err != nil || len(sum) != 32 {
			return nil, fmt.Errorf("%s has the checksum %q", m.Path, m.Sum)
		}
		all[m.Path] = &module{path: m.Path, version: m.Version, purl: golang(m.Path, m.Version), hash: hex.EncodeToString(sum)}
	}
	return all, nil
}

// golang returns the package URL of a Go module.
func golang(path, version string) string {
	return "pkg:golang/" + strings.ToLower(path) + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// origin is how ORIGIN in a folder of web/third-party begins.
var origin = regexp.MustCompile(`^npm package (\S+), version ([^\s,]+),.*\nintegrity of the package: sha512-(\S+)\n`)

// vendored returns the folders of web/third-party.
func vendored(dir string) ([]*module, error) {
	files, err := filepath.Glob(filepath.Join(dir, "web", "third-party", "*", "ORIGIN"))
	if err != nil {
		return nil, err
	}
	folders, err := filepath.Glob(filepath.Join(dir, "web", "third-party", "*"))
	if err != nil || len(files) != len(folders) {
		return nil, errors.Join(err, fmt.Errorf("%d folders of web/third-party have %d files ORIGIN", len(folders), len(files)))
	}
	var all []*module
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		m := origin.FindSubmatch(content)
		if m == nil {
			return nil, fmt.Errorf("%s does not begin with an npm package, its version and its checksum", file)
		}
		sum, err := base64.StdEncoding.DecodeString(string(m[3]))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		folder := filepath.Dir(file)
		all = append(all, &module{
			path: string(m[1]), version: string(m[2]), hash: hex.EncodeToString(sum), dir: folder, linked: []string{folder},
			purl: "pkg:npm/" + string(m[1]) + "@" + string(m[2]),
		})
	}
	return all, nil
}
