package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// compare returns an error that names each file which is not the same in both folders, and the
// first byte at which it differs.
func compare(a, b string) error {
	var errs []error
	names := map[string]bool{}
	for _, folder := range []string{a, b} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			name, err := filepath.Rel(folder, path)
			if names[name] || err != nil {
				return err
			}
			names[name] = true
			if err := compareFile(name, filepath.Join(a, name), filepath.Join(b, name)); err != nil {
				errs = append(errs, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(names) == 0 {
		errs = append(errs, fmt.Errorf("there is no file in %s", a))
	}
	return errors.Join(errs...)
}

// compareFile compares two files of which one may be missing.
func compareFile(name, a, b string) error {
	first, err := os.ReadFile(a)
	if err != nil {
		return err
	}
	second, err := os.ReadFile(b)
	if err != nil {
		return err
	}
	if bytes.Equal(first, second) {
		return nil
	}
	at := 0
	for at < len(first) && at < len(second) && first[at] == second[at] {
		at++
	}
	return fmt.Errorf("two builds of the same commit differ: %s from byte %d on (%d and %d bytes)", name, at, len(first), len(second))
}

// sums returns the lines of SHA256SUMS for the files of a folder, in the order of their names, as
// sha256sum -c and shasum -a 256 -c read them.
func sums(folder string) ([]byte, error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%x  %s\n", sha256.Sum256(content), file.Name())
	}
	return []byte(out.String()), nil
}
