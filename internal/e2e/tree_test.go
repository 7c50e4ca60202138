package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// Packages import in one direction: each arrow that there may be stands here, and each
// that stands here is there.
func TestImports(t *testing.T) {
	const module = "github.com/sessionscope/sessionscope/"
	allowed := map[string][]string{
		"":                     {"internal/program"},
		"views":                nil,
		"internal/session":     nil,
		"internal/network":     nil,
		"internal/tap":         {"internal/network"},
		"internal/tap/taptest": nil, // for tests
		"internal/seat":        {"internal/session"},
		"internal/trace":       {"internal/session", "internal/tap", "internal/seat"},
		"internal/hub":         {"internal/session", "internal/tap", "internal/seat", "internal/trace"},
		"internal/classroom":   {"internal/session"},
		"internal/say":         {"internal/session", "internal/trace"},
		"internal/show":        {"internal/session", "internal/seat", "internal/trace", "internal/hub", "internal/say", "internal/classroom", "views"},
		"internal/app": {
			"internal/session", "internal/tap", "internal/seat", "internal/trace", "internal/hub", "internal/say", "internal/show", "internal/experiment", "internal/experiment/shelf", "internal/plan", "internal/classroom", "internal/network", "internal/qr", "internal/rehearsal", "views",
		},
		"internal/rehearsal":          nil,
		"internal/experiment":         {"internal/session", "internal/trace"},
		"internal/experiment/shelf":   {"internal/session", "internal/experiment"},
		"internal/plan":               {"internal/experiment", "internal/experiment/shelf"},
		"internal/experiment/private": {"internal/session", "internal/store/memory", "internal/store/sqlite", "internal/store/redis", "internal/experiment"},
		"internal/program": {
			"internal/session", "internal/tap", "internal/network", "internal/app", "internal/experiment/private", "internal/config", "internal/backlog", "internal/terminal", "internal/lockfile", "internal/classroom", "internal/qr",
			"internal/store/memory", "internal/store/sqlite", "internal/store/redis",
		},
		"internal/classroom/classtest":   {"internal/classroom"}, // for tests
		"internal/backlog":               nil,
		"internal/qr":                    nil,
		"internal/terminal":              nil,
		"internal/config":                {"internal/session"},
		"internal/store/memory":          {"internal/session"},
		"internal/lockfile":              nil,
		"internal/store/sqlite":          {"internal/session", "internal/lockfile"},
		"internal/store/redis":           {"internal/session"},
		"internal/store/redis/redistest": nil,
		"internal/store/stores":          {"internal/session", "internal/store/memory", "internal/store/sqlite", "internal/store/redis", "internal/store/redis/redistest"}, // for tests
		"internal/store/storetest":       {"internal/session"},
		"internal/e2e":                   nil,
		"internal/figures":               nil,
		"internal/load":                  {"internal/trace"},
		"internal/release":               {"internal/config"},
	}
	echo := map[string]bool{"internal/app": true}
	list := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		name := strings.Trim(strings.TrimPrefix(words[0]+"/", module), "/") // "" for main
		seen++
		may, known := allowed[name]
		if !known {
			t.Errorf("package %s is not in this test's list", name)
		}
		for _, arrow := range may {
			if !slices.Contains(words[1:], module+arrow) {
				t.Errorf("%s does not import %s, and may: take the arrow off the list", name, arrow)
			}
		}
		for _, imported := range words[1:] {
			if inside, ours := strings.CutPrefix(imported, module); ours && !slices.Contains(may, inside) {
				t.Errorf("%s imports %s", name, inside)
			}
			if strings.HasPrefix(imported, "github.com/labstack/") && !echo[name] {
				t.Errorf("%s imports %s", name, imported)
			}
			if name == "views" && strings.Contains(imported, ".") && !strings.HasPrefix(imported, "github.com/a-h/templ") {
				t.Errorf("views imports %s", imported)
			}
		}
	}
	if seen != len(allowed) {
		t.Errorf("%d packages were checked, the list has %d", seen, len(allowed))
	}
}

// Every file that others made has its licence, its origin, and the checksum that ORIGIN gives.
func TestFilesOfOthers(t *testing.T) {
	web := os.DirFS(root)
	folders, err := fs.Glob(web, "web/third-party/*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("%d folders of what others made, %v", len(folders), err)
	}
	for _, dir := range append(folders, "internal/e2e/testdata/axe-core-4.14.1") {
		origin, err := fs.ReadFile(web, path.Join(dir, "ORIGIN"))
		if err != nil {
			t.Fatal(err)
		}
		sums := map[string]string{}
		for scan := bufio.NewScanner(bytes.NewReader(origin)); scan.Scan(); {
			if sum, name, ok := strings.Cut(scan.Text(), "  "); ok && len(sum) == 64 {
				sums[name] = sum
			}
		}
		files, err := fs.ReadDir(web, dir)
		if err != nil {
			t.Fatal(err)
		}
		licence := false
		for _, file := range files {
			if file.Name() == "ORIGIN" {
				continue
			}
			licence = licence || file.Name() == "LICENSE"
			content, err := fs.ReadFile(web, path.Join(dir, file.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != sums[file.Name()] {
				t.Errorf("%s/%s has the checksum %x, ORIGIN says %q", dir, file.Name(), sum, sums[file.Name()])
			}
		}
		if !licence {
			t.Errorf("%s has no LICENSE", dir)
		}
	}
}

// The top level holds what the layout says and nothing else.
func TestTopLevel(t *testing.T) {
	want := map[string]bool{
		"go.mod": true, "go.sum": true, "main.go": true, "embed.go": true, "views": true, "web": true,
		"internal": true, "Taskfile.yml": true, "README.md": true, "LICENSE": true,
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && !want[name] && name != "sessionscope" { // the built program is ignored
			t.Errorf("%s does not belong at the top", name)
		}
		delete(want, e.Name())
	}
	for name := range want {
		t.Errorf("%s is missing at the top", name)
	}
}
