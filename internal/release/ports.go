package main

import (
	"fmt"
	gobuild "go/build"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A port is a C library inside a Go module, which has it translated to Go. No build information names it,
// and who looks for its known faults looks for its own name.
type port struct {
	name, version string // version is "" if the module does not say it for this system
	constant      string // which the module has for the library's version
	folder        string // of the module, in which the constant is; "" for the module's own
	everywhere    bool   // the constant is there for each system, and not for Linux only
	product       string // vendor and product as CPE names them
	licence       string
}

// ports are by the path of the module.
var ports = map[string]port{
	"modernc.org/sqlite": {name: "sqlite", constant: "SQLITE_VERSION", folder: "lib", everywhere: true, product: "sqlite:sqlite", licence: publicDomain},
	"modernc.org/libc":   {name: "musl", constant: "VERSION", product: "musl-libc:musl", licence: "MIT"},
}

// purl is the library's package URL.
func (p *port) purl() string { return strings.TrimSuffix("pkg:generic/"+p.name+"@"+p.version, "@") }

// cpe is its name in lists of known faults, "" without a version.
func (p *port) cpe() string {
	if p.version == "" {
		return ""
	}
	return "cpe:2.3:a:" + p.product + ":" + p.version + ":*:*:*:*:*:*:*"
}

// readPorts notes the C libraries in the modules, with the versions that are in the sources which are
// compiled for t. One that is not found is an error, so that the list does not grow old.
func readPorts(t target, modules []*module) error {
	for _, m := range modules {
		p, has := ports[m.path]
		if !has {
			continue
		}
		system := gobuild.Default
		system.GOOS, system.GOARCH, system.CgoEnabled = t.os, t.arch, false
		dir := filepath.Join(m.dir, p.folder)
		inside, err := system.ImportDir(dir, 0)
		if err != nil {
			return err
		}
		is := regexp.MustCompile(`(?m)^const ` + p.constant + ` = "([0-9.]+)"$`)
		for _, file := range inside.GoFiles {
			content, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				return err
			}
			if found := is.FindSubmatch(content); found != nil {
				p.version = string(found[1])
			}
		}
		if p.version == "" && (p.everywhere || t.os == "linux") {
			return fmt.Errorf("%s does not say the version of %s in a constant %s", m.name(), p.name, p.constant)
		}
		m.port = &p
	}
	return nil
}
