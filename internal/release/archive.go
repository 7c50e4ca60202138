package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// An entry is a file or a folder of an archive.
type entry struct {
	name    string // with slashes; a folder's ends in one
	mode    fs.FileMode
	content []byte
}

// packTar returns a tar.gz of the entries. All are of the time when, in whole seconds, and belong
// to user and group 0 without names, so that the bytes depend on nothing but the entries.
func packTar(entries []entry, when time.Time) ([]byte, error) {
	var out bytes.Buffer
	packed := gzip.NewWriter(&out) // its header has no name, time or system
	archive := tar.NewWriter(packed)
	for _, e := range entries {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: e.name, Mode: int64(e.mode.Perm()), Size: int64(len(e.content)),
			ModTime: when.Truncate(time.Second), Format: tar.FormatUSTAR,
		}
		if e.mode.IsDir() {
			header.Typeflag = tar.TypeDir
		}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(e.content); err != nil {
			return nil, err
		}
	}
	err := errors.Join(archive.Close(), packed.Close())
	return out.Bytes(), err
}

// packZip returns a zip of the entries. All are of the time when. A zip has each time twice: in
// seconds since 1970, and as a clock on the wall, which is one in UTC here, so that the bytes
// depend on no time zone. It has the modes of Unix, so that the program can be run there.
func packZip(entries []entry, when time.Time) ([]byte, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: when.UTC().Truncate(time.Second)}
		if header.SetMode(e.mode); e.mode.IsDir() {
			header.Method = zip.Store
		}
		w, err := archive.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if e.mode.IsDir() {
			continue
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	err := archive.Close()
	return out.Bytes(), err
}

// inFolder returns the files as entries of one folder, with the folders that they need before
// them. A file's path is its name.
func inFolder(folder string, files []entry) []entry {
	entries := []entry{{name: folder + "/", mode: fs.ModeDir | 0o755}}
	made := map[string]bool{".": true}
	for _, f := range files {
		if dir := path.Dir(f.name); !made[dir] {
			made[dir] = true
			entries = append(entries, entry{name: path.Join(folder, dir) + "/", mode: fs.ModeDir | 0o755})
		}
		f.name = path.Join(folder, f.name)
		entries = append(entries, f)
	}
	return entries
}

// readTar reads a tar.gz, and returns what is in it.
func readTar(file string) ([]entry, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	packed, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var entries []entry
	for archive := tar.NewReader(packed); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{header.Name, header.FileInfo().Mode(), content})
	}
}
