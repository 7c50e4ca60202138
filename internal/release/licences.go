package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/google/licensecheck"
)

// A text is a file of a module with a licence, or with a notice that belongs to one.
type text struct {
	file    string   // with slashes, below the module's folder
	content string   // without white space at the end
	ids     []string // the licences in it, as SPDX names them; none for a notice
	note    string   // what LICENSES.txt says before it; "" for nothing
}

// allowed are the licences that what is inside may have, as licensecheck names them. All of them
// let anybody pass the program on, as long as their texts go with it.
var allowed = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Unlicense"}

// patents is how licensecheck names the grant of patents beside Go's licence, which is a notice.
const patents = "GooglePatentsFile"

// A reading is what a reader found out about a text that no program can judge.
type reading struct {
	about string   // module and file
	ids   []string // the licences of what is inside
	skip  bool     // nothing that it speaks of is inside
	note  string   // what LICENSES.txt says before it
}

// readings are by the SHA-256 of the text, so that a new version of it is read again.
var readings = map[string]reading{
	// The authors of SQLite give it to the public domain.
	"8438c9c89b849131ead81d5435cb97fcf052df5b0b286dda8a2d4c29e6cb3fd0": {about: "modernc.org/sqlite LICENSE-SQLITE", ids: []string{publicDomain}},
	// A list of all that the module needs, with texts. Its chapter 1 is what a program gets: MIT,
	// BSD-3-Clause and public domain. Apache-2.0 and MPL-2.0 belong to chapters 2 and 3, of which
	// nothing is inside.
	"4194f8e7119be72babd499db4f6f1f7547e36e8a7bffcb2b9c8df241b8f1576a": {about: "modernc.org/sqlite LICENSE-3RD-PARTY.md", ids: []string{"BSD-3-Clause", "MIT", publicDomain},
		note: "From Sessionscope: of the list below, what chapter 1 has is inside, without\nsqlite-vec and test_demovfs.c. Nothing of chapters 2, 3 and 4 is inside, and so\nnothing under Apache-2.0 or MPL-2.0 that they name."},
	// Go, musl, go-netdb and nixpkgs. Musl names parts under BSD-2-Clause, which it changed, and
	// public domain.
	"f597097efe3d97021f89170746bd3a0fb9a8b6fb26b82043ed68a4e0283bee6c": {about: "modernc.org/libc LICENSE-3RD-PARTY.md", ids: []string{"BSD-2-Clause", "BSD-3-Clause", "MIT", publicDomain}},
	// It says where a picture is from, which lies beside the sources.
	"5ae5bee3072a841376451b48d8cfcec7188e10543926d5870828d36c8a750dc5": {about: "modernc.org/memory LICENSE-LOGO", skip: true},
	// It is for an object file that is linked with GOEXPERIMENT=boringcrypto only; the Go code beside
	// it is under Go's licence.
	"56210f826b8f0fbac3160dfe55c97f4019eb6cdda3963b5a0eab8a8bdb62360e": {about: "std src/crypto/internal/boring/LICENSE", skip: true},
}

// publicDomain is under no licence. SPDX has no name for that.
const publicDomain = "Public domain"

// isLicence matches the names of files that hold licences and notices.
var isLicence = regexp.MustCompile(`(?i)(licen[cs]e|copying|copyright|notice|patents)`)

// isSource matches the names of files that hold code, of licences perhaps.
var isSource = regexp.MustCompile(`\.(go|s|c|h|json|code-snippets)$`)

// readLicences reads the licences of the modules. It looks in the folder of each package that is
// inside and in all above, up to the module's own: the licence of a part may lie beside it. Its
// error names each module without a licence, or with one that is not allowed or not recognised.
func readLicences(modules []*module) error {
	var errs []error
	for _, m := range modules {
		for _, dir := range folders(m) {
			texts, err := readFolder(m, dir)
			errs = append(errs, err)
			m.texts = append(m.texts, texts...)
		}
		if len(m.texts) == 0 {
			errs = append(errs, fmt.Errorf("%s: no licence was found in %s", m.name(), m.dir))
		}
	}
	return errors.Join(errs...)
}

// folders returns the folders in which a licence of the module may be: its own one first.
func folders(m *module) []string {
	var all []string
	for _, dir := range m.linked {
		for len(dir) > len(m.dir) && !slices.Contains(all, dir) {
			all = append(all, dir)
			dir = filepath.Dir(dir)
		}
	}
	slices.Sort(all)
	return slices.Insert(all, 0, m.dir)
}

// readFolder reads the licences in one folder of a module.
func readFolder(m *module, dir string) ([]text, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var texts []text
	var errs []error
	for _, file := range files {
		if file.IsDir() || !isLicence.MatchString(file.Name()) || isSource.MatchString(file.Name()) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(m.dir, filepath.Join(dir, file.Name()))
		if err != nil {
			return nil, err
		}
		t := text{file: filepath.ToSlash(name), content: strings.TrimSpace(strings.ReplaceAll(string(content), "\r\n", "\n"))}
		t.note = readings[fmt.Sprintf("%x", sha256.Sum256(content))].note
		skip := false
		if t.ids, skip, err = recognise(content); err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", m.name(), t.file, err))
		}
		if !skip {
			texts = append(texts, t)
		}
	}
	return texts, errors.Join(errs...)
}

// recognise returns the licences in a text, in the order of the alphabet. skip says that nothing
// which it speaks of is inside.
func recognise(content []byte) (ids []string, skip bool, err error) {
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	if r, known := readings[sum]; known {
		return r.ids, r.skip, nil
	}
	found := licensecheck.Scan(content)
	if rest := outside(content, found.Match); rest != "" || len(found.Match) == 0 {
		return nil, false, fmt.Errorf("%.80q is in no licence that is known: read the text, and say in readings what it is; its SHA-256 is %s", rest, sum)
	}
	for _, match := range found.Match {
		switch {
		case match.ID == patents:
		case !slices.Contains(allowed, match.ID):
			return nil, false, fmt.Errorf("%s is not among the licences that are allowed", match.ID)
		default:
			ids = append(ids, match.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), false, nil
}

// heading matches what may stand beside the words of a licence: its name.
var heading = regexp.MustCompile(`^((The )?MIT License( \(MIT\))?|Zero-Clause BSD\s*=+|<http://www\.opensource\.org/licenses/mit-license\.php>)$`)

// outside returns the first words of a text that are neither in a licence nor its name: a sentence more can
// take back what the licence allows.
func outside(content []byte, licences []licensecheck.Match) string {
	at := 0
	for _, end := range append(slices.Clone(licences), licensecheck.Match{Start: len(content), End: len(content)}) {
		if rest := strings.TrimSpace(string(content[at:end.Start])); rest != "" && !heading.MatchString(rest) {
			return rest
		}
		at = end.End
	}
	return ""
}

// licences returns the module's licences, in the order of the alphabet.
func (m *module) licences() []string {
	var ids []string
	for _, t := range m.texts {
		ids = append(ids, t.ids...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// licencesText is LICENSES.txt: which modules are inside, and each text once, below the names of
// all that have it.
func licencesText(b *build, modules []*module) []byte {
	var out strings.Builder
	fmt.Fprintf(&out, "What is inside Sessionscope %s for %s, and under which licences.\n\n", strings.TrimPrefix(b.version, "v"), b.target)
	list := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, m := range modules {
		fmt.Fprintf(list, "%s\t%s\t%s\n", m.path, m.version, strings.Join(m.licences(), ", "))
	}
	list.Flush()
	fmt.Fprintf(&out, "\nstd is the standard library and runtime of Go, https://go.dev. htmx.org is in the\nscripts that pages load. All others are Go modules.\n")
	owners, notes := map[string][]string{}, map[string]string{}
	var texts []string
	for _, m := range modules {
		for _, t := range m.texts {
			if owners[t.content] == nil {
				texts = append(texts, t.content)
			}
			owners[t.content] = append(owners[t.content], m.name()+": "+t.file)
			if t.note != "" {
				notes[t.content] = "\n" + t.note + "\n"
			}
		}
	}
	for _, content := range texts {
		fmt.Fprintf(&out, "\n%s\n%s\n%s\n%s\n%s\n", strings.Repeat("=", 80), strings.Join(owners[content], "\n"), strings.Repeat("-", 80), notes[content], content)
	}
	return []byte(out.String())
}
