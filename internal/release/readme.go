package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	// picture is an image in Markdown, and the white space after it.
	picture = regexp.MustCompile(`!\[[^\]]*\]\([^)]*\)\s*`)
	// markup is an element with which HTML shows a picture.
	markup = regexp.MustCompile(`(?i)<(img|picture|source|video)[ />]`)
	// link is the end of a link in Markdown, with where it leads to.
	link = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	// fence is a block of code with the line after it.
	fence = regexp.MustCompile("(?ms)^```.*?^```[^\n]*\n")
)

// readme returns the README of the repository as it is in an archive: without pictures, and links
// to files that are not inside lead to the repository, as it was at the commit. dir has the files of
// the commit. A link to a file that is not there either is an error.
func readme(repository []byte, commit, dir string, inside map[string]bool) ([]byte, error) {
	var out strings.Builder
	var problem error
	prose := func(s string) {
		s = picture.ReplaceAllString(s, "")
		if found := markup.FindString(s); found != "" {
			problem = fmt.Errorf("README.md has a picture in HTML, %s>: one in Markdown is left out of the archive", found)
		}
		out.WriteString(link.ReplaceAllStringFunc(s, func(found string) string {
			target := link.FindStringSubmatch(found)[1]
			file, part, _ := strings.Cut(target, "#")
			if file == "" || strings.Contains(file, ":") || inside[path.Clean(file)] {
				return found
			}
			stat, err := os.Stat(filepath.Join(dir, filepath.FromSlash(file)))
			if err != nil {
				problem = fmt.Errorf("README.md leads to %s: %w", target, err)
				return found
			}
			kind := "/blob/"
			if stat.IsDir() {
				kind = "/tree/"
			}
			if part != "" {
				part = "#" + part
			}
			return "](" + home + kind + commit + "/" + path.Clean(file) + part + ")"
		}))
	}
	text := string(repository)
	for {
		code := fence.FindStringIndex(text)
		if code == nil {
			break
		}
		prose(text[:code[0]])
		out.WriteString(text[code[0]:code[1]])
		text = text[code[1]:]
	}
	prose(text)
	return []byte(out.String()), problem
}
