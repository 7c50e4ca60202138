package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"
)

// setStore reads memory, sqlite, sqlite:FILE or the URL of a Redis. Only package redis
// reads the rest of a URL.
func (c *Config) setStore(s string) error {
	name, where, given := strings.Cut(s, ":")
	switch {
	case strings.HasPrefix(where, "//") && (name == "redis" || name == "rediss" || name == "unix"):
		c.Store, c.StoreFile, c.StoreURL = "redis", "", s
		return nil
	case name == "memory" && !given:
	case name == "sqlite" && (!given || where != ""):
		file, err := storeFile(where)
		if err != nil {
			return err
		}
		where = file
	default:
		return errAllowed
	}
	c.Store, c.StoreFile, c.StoreURL = name, where, ""
	return nil
}

// storeFile returns the file for sqlite:NAME. NAME is "" for sqlite alone, and ~ at its
// beginning is the home folder.
func storeFile(name string) (string, error) {
	rest, inHome := strings.CutPrefix(name, "~")
	switch {
	case name == "":
		if home, err := os.UserHomeDir(); !filepath.IsAbs(os.Getenv("XDG_STATE_HOME")) && (err != nil || !filepath.IsAbs(home)) {
			return "", errors.New("the file lies in your home folder, and HOME does not name one: set HOME, or name the file with sqlite:FILE")
		}
		return filepath.Join(xdg.StateHome, "sessionscope", "sessions.db"), nil
	case name == ":memory:" || strings.HasPrefix(name, "file:"):
		return "", errors.New("sqlite:FILE takes the name of a file; records that end with the program are --store memory")
	case inHome && rest != "" && !os.IsPathSeparator(rest[0]):
		return "", errors.New("~ is your own home folder only, as in sqlite:~/sessions.db: name the whole path, or begin with ./ for a file of that name")
	case inHome:
		home, err := os.UserHomeDir()
		if err != nil || !filepath.IsAbs(home) {
			return "", errors.New("~ is your home folder, and HOME does not name one: set HOME, or name the whole path")
		}
		return filepath.Join(home, rest), nil
	}
	return name, nil
}
