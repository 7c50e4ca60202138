package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeTranscript runs the curl commands of internal/app/README.md and compares every
// line of their answers; what differs from run to run is masked on both sides.
func TestReadmeTranscript(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no curl: install it with sudo apt-get install curl")
	}
	text, err := os.ReadFile(root + "/internal/app/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, transcript, _ := strings.Cut(string(text), "```console\n")
	transcript, _, _ = strings.Cut(transcript, "```")
	p := start(t)
	port := p.port()
	mask := func(s string) string {
		for pattern, with := range map[string]string{
			`\r`: "", `Date: .*`: "Date: …", `sessionscope(-\d+)?=[\w-]+=*`: "sessionscope=…", `"[0-9a-f]{8}"`: `"ID"`,
		} {
			s = regexp.MustCompile(pattern).ReplaceAllString(s, with)
		}
		return s
	}
	dir := t.TempDir()
	var got strings.Builder
	commands := 0
	for line := range strings.Lines(transcript) {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			continue
		}
		commands++
		cmd := exec.Command("sh", "-c", strings.ReplaceAll(command, "localhost:8080", "localhost:"+port))
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		got.WriteString(line)
		got.Write(out)
	}
	if commands < 7 {
		t.Fatalf("the transcript has %d commands", commands)
	}
	if diff := cmp.Diff(strings.Split(mask(transcript), "\n"), strings.Split(mask(got.String()), "\n")); diff != "" {
		t.Errorf("README (-) and program (+):\n%s", diff)
	}
}

// TestReadmeFlags: the README lists the flags exactly as --help prints them.
func TestReadmeFlags(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(binary, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, flags, _ := strings.Cut(string(out), "Usage: sessionscope [flags]\n\n")
	flags, _, _ = strings.Cut(flags, "\nEach flag")
	if len(flags) < 200 || !strings.Contains(readme(t), "```\n"+flags+"```") {
		t.Errorf("the README does not have these flags:\n%s", flags)
	}
}

var (
	readmeLink    = regexp.MustCompile(`\]\(([^)\s#:]*)(#[^)\s]*)?(?: "[^"]*")?\)`)
	readmeHeading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	readmeCode    = regexp.MustCompile("(?ms)^```.*?^```$")
)

// TestReadmeLinks: each link of a README to a file or to a heading leads to one. (Links to other sites
// are left alone.)
func TestReadmeLinks(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(root + "/internal/*/README.md")
	if err != nil || len(files) < 3 {
		t.Errorf("READMEs below internal: %q, %v", files, err)
	}
	files = append(files, root+"/internal/README.md")
	anchors := func(file string) (all []string) {
		text, _ := os.ReadFile(file)
		for _, heading := range readmeHeading.FindAllStringSubmatch(readmeCode.ReplaceAllString(string(text), ""), -1) {
			// As GitHub makes an anchor: letters, digits and hyphens, spaces as hyphens.
			words := regexp.MustCompile(`[^\pL\pN _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
			all = append(all, "#"+strings.ReplaceAll(words, " ", "-"))
		}
		return all
	}
	for _, file := range append(files, root+"/README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range readmeLink.FindAllStringSubmatch(readmeCode.ReplaceAllString(string(text), ""), -1) {
			to := file
			if link[1] != "" {
				to = filepath.Join(filepath.Dir(file), link[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s leads to %s: %v", file, link[1], err)
			} else if link[2] != "" && !slices.Contains(anchors(to), link[2]) {
				t.Errorf("%s leads to %s, and %s has no such heading", file, link[0], to)
			}
		}
	}
}
