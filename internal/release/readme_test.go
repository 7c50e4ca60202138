package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The README in an archive has no pictures, and leads to what is inside or to the repository.
func TestReadme(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"internal/app/README.md": "", "web/a.css": "", "LICENSE": ""})
	inside := map[string]bool{"LICENSE": true}
	const repository = "https://github.com/sessionscope/sessionscope"
	for _, test := range []struct{ name, text, want string }{
		{"a picture", "# Title\n\n![What\nit shows](.github/lab.png)\n\nText\n", "# Title\n\nText\n"},
		{"a file that is inside", "[MIT](LICENSE)", "[MIT](LICENSE)"},
		{"a file that is not", "[routes](internal/app/README.md)", "[routes](" + repository + "/blob/0123/internal/app/README.md)"},
		{"a part of one", "[routes](./internal/app/README.md#status)", "[routes](" + repository + "/blob/0123/internal/app/README.md#status)"},
		{"a folder", "[app](internal/app)", "[app](" + repository + "/tree/0123/internal/app)"},
		{"a part of itself", "[below](#below)", "[below](#below)"},
		{"another site", "[Go](https://go.dev/dl/)", "[Go](https://go.dev/dl/)"},
		{"code", "```\n![x](y)\n```\n", "```\n![x](y)\n```\n"},
	} {
		got, err := readme([]byte(test.text), "0123", dir, inside)
		if diff := cmp.Diff(test.want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", test.name, err, diff)
		}
	}
	for name, text := range map[string]string{"a file that is nowhere": "[x](nowhere.md)", "a picture in HTML": `<img src="a.png">`} {
		if _, err := readme([]byte(text), "0123", dir, inside); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

// The README of the archive of this machine leads to files that are there, and has no picture.
func TestReadmeOfTheArchive(t *testing.T) {
	t.Parallel()
	content := unpacked(t)
	text := fence.ReplaceAllString(content["README.md"], "")
	for _, found := range link.FindAllStringSubmatch(text, -1) {
		target, _, _ := strings.Cut(found[1], "#")
		if _, there := content[target]; !there && target != "" && !strings.HasPrefix(target, "https://") {
			t.Errorf("it leads to %s", target)
		}
	}
	if strings.Contains(text, "![") || strings.Contains(text, ".png") || len(text) < 5000 {
		t.Errorf("it has pictures, or too little: %d bytes", len(text))
	}
}
