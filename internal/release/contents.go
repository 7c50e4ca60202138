package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/config"
)

// makeAll builds the program for the targets, and makes all files in the folder out, which is not
// there yet. It says on stdout what was built.
func (w *workshop) makeAll(ctx context.Context, targets []target, out string, stdout io.Writer) error {
	tmp, err := os.MkdirTemp("", "sessionscope-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	var builds []*build
	for _, t := range targets {
		b, err := w.build(ctx, t, filepath.Join(tmp, t.os, t.arch))
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "  %-14s %d bytes\n", t, b.size)
		builds = append(builds, b)
	}
	return w.pack(ctx, builds, out)
}

// pack makes the files for what was built in the folder out, which is not there yet.
func (w *workshop) pack(ctx context.Context, builds []*build, out string) error {
	if err := w.checkTag(ctx, builds[0].version); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, b := range builds {
		if b.version != builds[0].version {
			return fmt.Errorf("%s has version %s, %s has %s", b.target, b.version, builds[0].target, builds[0].version)
		}
		if err := w.packOne(ctx, b, filepath.Join(out, b.target.name(b.version))); err != nil {
			return fmt.Errorf("%s: %w", b.target, err)
		}
	}
	lines, err := sums(out)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), lines, 0o644)
}

// checkTag returns an error if the commit has tags that look like a version, and none of them is the
// version that Go gave the program: it takes v1.2.3 and v1.2.3-rc.1, and not v1.2 or v2.0.0.
func (w *workshop) checkTag(ctx context.Context, version string) error {
	tags, err := command(ctx, w.dir, nil, "git", "tag", "--points-at", "HEAD", "--list", "v[0-9]*")
	if err != nil || tags == "" || strings.HasSuffix(version, "+dirty") || slices.Contains(strings.Fields(tags), version) {
		return err
	}
	return fmt.Errorf("the commit has the tag %s, and Go gave the program the version %s: a version is v0.X.Y or v1.X.Y", strings.Join(strings.Fields(tags), ", "), version)
}

// packOne makes the files for one target, whose names begin with path.
func (w *workshop) packOne(ctx context.Context, b *build, path string) error {
	program, err := os.ReadFile(b.file)
	if err != nil {
		return err
	}
	modules, err := w.modules(ctx, b)
	if err != nil {
		return err
	}
	if err := errors.Join(readLicences(modules), readPorts(b.target, modules)); err != nil {
		return err
	}
	files, err := w.contents(b, program, modules)
	if err != nil {
		return err
	}
	list, err := w.sbom(b, program, modules)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".cdx.json", list, 0o644); err != nil {
		return err
	}
	pack, ending := packTar, ".tar.gz"
	if b.target.os == "windows" {
		pack, ending = packZip, ".zip"
	}
	packed, err := pack(inFolder(filepath.Base(path), files), w.when)
	if err != nil {
		return err
	}
	return os.WriteFile(path+ending, packed, 0o644)
}

// contents returns the files of the archive, in their order, with paths inside its folder.
func (w *workshop) contents(b *build, program []byte, modules []*module) ([]entry, error) {
	licence, err := os.ReadFile(filepath.Join(w.dir, "LICENSE"))
	if err != nil {
		return nil, err
	}
	repository, err := os.ReadFile(filepath.Join(w.dir, "README.md"))
	if err != nil {
		return nil, err
	}
	var man bytes.Buffer
	if err := config.Man(&man, b.version, w.when.Format(time.DateOnly)); err != nil {
		return nil, err
	}
	files := []entry{
		{b.target.program(), 0o755, program},
		{"README.md", 0o644, nil},
		{"LICENSE", 0o644, licence},
		{"LICENSES.txt", 0o644, licencesText(b, modules)},
		{"sessionscope.1", 0o644, man.Bytes()},
	}
	for _, shell := range config.Shells {
		var script bytes.Buffer
		if err := config.Completion(&script, shell); err != nil {
			return nil, err
		}
		files = append(files, entry{"completions/" + config.CompletionFile(shell), 0o644, script.Bytes()})
	}
	inside := map[string]bool{}
	for _, f := range files {
		inside[f.name] = true
	}
	files[1].content, err = readme(repository, w.commit, w.dir, inside)
	return files, err
}
