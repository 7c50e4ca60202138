package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	modules "golang.org/x/mod/module"
	"zombiezen.com/go/sqlite"
)

// LICENSES.txt has, for each module that the program's build information names, for Go and for
// each folder of web/third-party, the name and the text of its licence.
func TestLicencesOfAllInside(t *testing.T) {
	t.Parallel()
	m := files(t)
	file := unpacked(t)["LICENSES.txt"]
	has := func(owner, dir string) {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(dir, "LICEN[CS]E*"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no licence in %s: %v", dir, err)
		}
		for _, path := range found {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Base(path) == "LICENSE-LOGO" { // of a picture that is not inside
				continue
			}
			heading := owner + ": " + filepath.Base(path) + "\n"
			_, after, found := strings.Cut(file, heading)
			if !found || !strings.Contains(after, string(bytes.TrimSpace(content))) {
				t.Errorf("there is no text below %q", heading)
			}
		}
		if !strings.Contains(file[:strings.Index(file, "====")], strings.Fields(owner)[0]+" ") {
			t.Errorf("%s is not in the list at the top", owner)
		}
	}
	environment := func(name string) string {
		value, err := command(t.Context(), m.shop.dir, m.shop.env, "go", "env", name)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	cache := environment("GOMODCACHE")
	for _, d := range m.builds[0].info.Deps {
		path, err := modules.EscapePath(d.Path)
		if err != nil {
			t.Fatal(err)
		}
		has(d.Path+" "+d.Version, filepath.Join(cache, filepath.FromSlash(path)+"@"+d.Version))
	}
	has("std "+strings.TrimPrefix(m.builds[0].info.GoVersion, "go"), environment("GOROOT"))
	has("htmx.org 4.0.1", filepath.Join(root, "web/third-party/htmx-4.0.1"))
	for _, other := range []string{"SQLite Is Public Domain", "Rich Felker, et al.", "Additional IP Rights Grant (Patents)"} {
		if !strings.Contains(file, other) {
			t.Errorf("the file does not say %q", other)
		}
	}
	if once := regexp.MustCompile(`\nstd \S+: LICENSE\n(std \S+: \S+\n)*golang.org/x/crypto \S+: LICENSE\ngolang.org/x/net`); !once.MatchString(file) {
		t.Error("the licence of Go and golang.org/x is not there once, with all its owners")
	}
}

const mit = `MIT License

Copyright (c) 2026 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`

const zeroClause = `Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND
FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS
OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER
TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF
THIS SOFTWARE.
`

const beerware = `"THE BEER-WARE LICENSE" (Revision 42):
<phk@FreeBSD.ORG> wrote this file. As long as you retain this notice you can do
whatever you want with this stuff. If we meet some day, and you think this stuff
is worth it, you can buy me a beer in return. Poul-Henning Kamp
`

// A licence that is missing, unknown or not allowed is refused by the name of its module.
func TestReadLicences(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		files  map[string]string
		linked string // the folder of the package that is inside
		want   string // the licences, or a part of the error
		failed bool
	}{
		{"at the top", map[string]string{"LICENSE": mit}, "", "MIT", false},
		{"with Windows' line ends", map[string]string{"licence.md": strings.ReplaceAll(mit, "\n", "\r\n")}, "", "MIT", false},
		{"of a part", map[string]string{"LICENSE": mit, "part/COPYING": zeroClause, "part/deep/a.go": ""}, "part/deep", "0BSD MIT", false},
		{"of a part that is not inside", map[string]string{"LICENSE": mit, "other/LICENSE": "All rights reserved.", "part/a.go": ""}, "part", "MIT", false},
		{"none", map[string]string{"README.md": mit}, "", "example.org/m v1.0.0: no licence was found", true},
		{"unknown", map[string]string{"LICENSE": "You may look at this on Sundays."}, "", "example.org/m v1.0.0: LICENSE: \"You may look", true},
		{"with more words", map[string]string{"LICENSE": mit + strings.Repeat("It is forbidden to use this software for good. ", 20)}, "", "example.org/m v1.0.0: LICENSE: ", true},
		{"with a sentence", map[string]string{"LICENSE": mit + "Not for use in a shop.\n"}, "", `example.org/m v1.0.0: LICENSE: "Not for use in a shop." is in no`, true},
		{"with a sentence before", map[string]string{"LICENSE": "For members only.\n" + mit}, "", `example.org/m v1.0.0: LICENSE: "For members only.`, true},
		{"not allowed", map[string]string{"LICENSE": mit, "COPYING": beerware}, "", "example.org/m v1.0.0: COPYING: Beerware is not among", true},
	} {
		dir := folder(t, test.files)
		m := &module{path: "example.org/m", version: "v1.0.0", dir: dir, linked: []string{filepath.Join(dir, filepath.FromSlash(test.linked))}}
		err := readLicences([]*module{m})
		got := strings.Join(m.licences(), " ")
		if err != nil {
			got = err.Error()
		}
		if (err != nil) != test.failed || !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// If this fails, a release goes on whose list does not name SQLite, or the notes before texts are missing.
func TestPorts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "lib"), 0o700); err != nil {
		t.Fatal(err)
	}
	m := &module{path: "modernc.org/sqlite", version: "v1", dir: dir}
	for content, want := range map[string]string{"const SQLITE_VERSION = \"3.99.1\"\n": "3.99.1", "var SQLITE_VERSION = 3\n": ""} {
		if err := os.WriteFile(filepath.Join(dir, "lib", "sqlite.go"), []byte("package lib\n\n"+content), 0o600); err != nil {
			t.Fatal(err)
		}
		m.port = nil
		if err := readPorts(targets[0], []*module{m}); (err == nil) != (want != "") || err == nil && m.port.version != want {
			t.Errorf("%q: %v, %v", content, m.port, err)
		}
	}
	_, after, found := strings.Cut(unpacked(t)["LICENSES.txt"], ": LICENSE-3RD-PARTY.md\n"+strings.Repeat("-", 80)+"\n\nFrom Sessionscope: ")
	if !found || !strings.Contains(after, "Nothing of chapters 2, 3 and 4 is inside") {
		t.Error("LICENSES.txt does not say what of the list of modernc.org/sqlite is inside")
	}
}

// The list of what is inside names the modules of the build information with their checksums, Go
// and htmx, and no other; each has a licence and an arrow from a module that imports it.
func TestSBOM(t *testing.T) {
	t.Parallel()
	m := files(t)
	b := m.builds[0]
	file := filepath.Join(m.files, m.target.name(testVersion)+".cdx.json")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(content), cdx.BOMFileFormatJSON).Decode(&list); err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, d := range b.info.Deps {
		want = append(want, "pkg:golang/"+d.Path+"@"+d.Version+" "+d.Sum)
	}
	want = append(want, "pkg:generic/sqlite@"+sqlite.Version+" ", "pkg:golang/std@"+strings.TrimPrefix(b.info.GoVersion, "go")+" ", "pkg:npm/htmx.org@4.0.1 sha512")
	needs, needed := arrows(list)
	for _, c := range *list.Components {
		sum := ""
		if c.Hashes != nil {
			decoded, err := hex.DecodeString((*c.Hashes)[0].Value)
			if err != nil {
				t.Error(err)
			}
			if sum = "h1:" + base64.StdEncoding.EncodeToString(decoded); (*c.Hashes)[0].Algorithm == cdx.HashAlgoSHA512 {
				sum = "sha512"
			}
		}
		switch {
		case c.Name == "sqlite" && c.CPE != "cpe:2.3:a:sqlite:sqlite:"+sqlite.Version+":*:*:*:*:*:*:*":
			t.Errorf("SQLite is %s", c.CPE)
		case c.Name == "musl": // on Linux with a version
			if runtime.GOOS == "linux" && !regexp.MustCompile(`^pkg:generic/musl@1\.\d+\.\d+$`).MatchString(c.PackageURL) {
				t.Errorf("musl is %s", c.PackageURL)
			}
			want = append(want, c.PackageURL+" ")
		}
		got = append(got, c.PackageURL+" "+sum)
		if len(*c.Licenses) == 0 || c.BOMRef != c.PackageURL || !needed[c.BOMRef] {
			t.Errorf("%s has the licences %v; an arrow to it: %v", c.Name, *c.Licenses, needed[c.BOMRef])
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	own := list.Metadata.Component
	program, err := os.ReadFile(b.file)
	if err != nil || (*own.Hashes)[0].Value != fmt.Sprintf("%x", sha256.Sum256(program)) {
		t.Errorf("the program has the checksum %v, %v", *own.Hashes, err)
	}
	if own.PackageURL != "pkg:golang/github.com/sessionscope/sessionscope@"+testVersion || list.SpecVersion != cdx.SpecVersion1_6 || list.Metadata.Timestamp != "2026-11-27T22:30:05Z" {
		t.Errorf("it is of %s, %s, in version %s", own.PackageURL, list.Metadata.Timestamp, list.SpecVersion)
	}
	if !needed["pkg:generic/sqlite@"+sqlite.Version] || len(want) != len(b.info.Deps)+4 {
		t.Errorf("the list does not have SQLite and musl: %v", want)
	}
	libc := func(s string) bool { return strings.HasPrefix(s, "pkg:golang/modernc.org/libc@") }
	if to := needs["pkg:golang/modernc.org/sqlite"]; !slices.ContainsFunc(to, libc) {
		t.Errorf("SQLite leads to %v", to)
	}
	if serial := regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`); !serial.MatchString(list.SerialNumber) {
		t.Errorf("the serial number is %s", list.SerialNumber)
	}
}

// arrows returns what each module of the list needs, by its package URL without the version, and all that
// is needed.
func arrows(list cdx.BOM) (needs map[string][]string, needed map[string]bool) {
	needs, needed = map[string][]string{}, map[string]bool{}
	for _, d := range *list.Dependencies {
		if d.Dependencies == nil {
			continue
		}
		path, _, _ := strings.Cut(d.Ref, "@")
		needs[path] = *d.Dependencies
		for _, to := range *d.Dependencies {
			needed[to] = true
		}
	}
	return needs, needed
}
