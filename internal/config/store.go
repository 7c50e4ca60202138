package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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
	variable := homeVariable(runtime.GOOS)
	if name == "" {
		// Windows knows the folder without a variable.
		if home, err := os.UserHomeDir(); runtime.GOOS != "windows" && !filepath.IsAbs(os.Getenv("XDG_STATE_HOME")) && (err != nil || !filepath.IsAbs(home)) {
			return "", fmt.Errorf("the file lies in your home folder, and %s does not name one: set %[1]s, or name the file with sqlite:FILE", variable)
		}
		return filepath.Join(xdg.StateHome, "sessionscope", "sessions.db"), nil
	}
	rest, inHome, err := fileName(runtime.GOOS, name)
	if err != nil || !inHome {
		return rest, err
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return "", fmt.Errorf("~ is your home folder, and %s does not name one: set %[1]s, or name the whole path", variable)
	}
	return filepath.Join(home, rest), nil
}

// fileName takes the name of a file apart, as the system goos (runtime.GOOS) has them: rest is
// below the home folder if inHome is true, and otherwise the whole name.
func fileName(goos, name string) (rest string, inHome bool, err error) {
	rest, inHome = strings.CutPrefix(name, "~")
	switch {
	case name == ":memory:" || strings.HasPrefix(name, "file:"):
		return "", false, errors.New("sqlite:FILE takes the name of a file; records that end with the program are --store memory")
	case inHome && rest != "" && !isSeparator(goos, rest[0]):
		return "", false, errors.New("~ is your own home folder only, as in sqlite:~/sessions.db: name the whole path, or begin with ./ for a file of that name")
	case goos == "windows":
		return rest, inHome, windowsName(name)
	}
	return rest, inHome, nil
}

// homeVariable is the variable that names the home folder.
func homeVariable(goos string) string {
	if goos == "windows" {
		return "USERPROFILE"
	}
	return "HOME"
}

func isSeparator(goos string, c byte) bool { return c == '/' || goos == "windows" && c == '\\' }

// devices are the names that Windows has in every folder, with any ending: what is written to such a
// file is gone. See learn.microsoft.com/windows/win32/fileio/naming-a-file.
var devices = func() map[string]bool {
	all := map[string]bool{"CON": true, "PRN": true, "AUX": true, "NUL": true, "CONIN$": true, "CONOUT$": true}
	for _, n := range strings.Split("0 1 2 3 4 5 6 7 8 9 ¹ ² ³", " ") {
		all["COM"+n], all["LPT"+n] = true, true
	}
	return all
}()

// windowsName refuses names that Windows takes and that are no files of their own: a device, which keeps
// nothing, and an alternate data stream of another file, whose name follows a colon.
func windowsName(name string) error {
	name = strings.TrimPrefix(name, `\\?\`) // a name that Windows takes as it is
	if len(name) >= 2 && name[1] == ':' {   // a drive
		name = name[2:]
	}
	if i := strings.IndexByte(name, ':'); i >= 0 {
		return fmt.Errorf("%s would be a part of the file %s: a name has a colon after its drive only", name[i:], name[:i])
	}
	last := name[strings.LastIndexAny(name, `/\`)+1:]
	stem, _, _ := strings.Cut(last, ".")
	if devices[strings.ToUpper(strings.TrimRight(stem, " "))] {
		return fmt.Errorf("%s is a device on Windows, and no file: take another name", last)
	}
	return nil
}
