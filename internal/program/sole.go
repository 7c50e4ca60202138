package program

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/adrg/xdg"

	"github.com/sessionscope/sessionscope/internal/lockfile"
)

// sole is the single instance of the program that double clicks of one user start: the first one starts
// it, and each further one opens its page. It holds a lock, and has written its address down. Both files
// are gone at its end. After a crash the lock is free, and the next double click takes it. The address is
// in a file of its own: on Windows nobody can read a file that is locked.
type sole struct {
	lock     *lockfile.Lock
	address  string // the path of the file with the address
	released sync.Once
}

const (
	// soleTime is how long a double click waits for the program that holds the lock: it may have
	// been started a moment ago, or end at this moment. One that hangs does not keep others waiting longer.
	soleTime = 4 * time.Second
	soleLook = 100 * time.Millisecond // how often it looks
	soleAsk  = time.Second            // how long one question to that program may take
)

// claim makes this program the sole one in the first of the folders that can be used, or returns the
// address of the one that is. It returns neither if there is no such folder, or if the one that holds
// the lock does not answer: then this program runs beside it. answers tells whether Sessionscope is at
// an address.
func claim(ctx context.Context, folders []string, answers func(ctx context.Context, address string) bool) (s *sole, there string) {
	ctx, cancel := context.WithTimeout(ctx, soleTime)
	defer cancel()
	for _, folder := range folders {
		s := &sole{address: filepath.Join(folder, "sessionscope.address")}
		for taken := true; taken; {
			lock, err := lockfile.Take(filepath.Join(folder, "sessionscope.lock"))
			if err == nil {
				s.lock = lock
				s.forget() // what a crash has left
				return s, ""
			}
			if taken = errors.Is(err, lockfile.ErrTaken); !taken {
				break
			}
			if there := readAddress(s.address); there != "" && answers(ctx, there) {
				return nil, there
			}
			select {
			case <-ctx.Done():
				return nil, ""
			case <-time.After(soleLook):
			}
		}
	}
	return nil, ""
}

// tell writes down where the program is. The line's end says that the address is whole.
func (s *sole) tell(address string) error {
	s.forget()
	f, err := os.OpenFile(s.address, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // EXCL follows no link
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, address+"\n")
	return errors.Join(err, f.Close())
}

// forget removes the address.
func (s *sole) forget() {
	if s != nil {
		os.Remove(s.address)
	}
}

// release lets the next double click start a program. From then on both files may be of that one.
func (s *sole) release() {
	if s != nil {
		s.released.Do(func() {
			s.forget()
			s.lock.Release() // an error leaves a file that the next program locks again
		})
	}
}

// addressLine is what the file with the address has: one whole line, of a server at this machine's IPv4
// loopback address, where a program that was started by a double click always is.
var addressLine = regexp.MustCompile(`^(http://127\.0\.0\.1:([1-9][0-9]{0,4}))\n$`)

// readAddress reads the address from the file, "" if it is not there, not whole, or anything else.
func readAddress(file string) string {
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 64 {
		return ""
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	parts := addressLine.FindSubmatch(text)
	if parts == nil {
		return ""
	}
	if port, err := strconv.Atoi(string(parts[2])); err != nil || port > 65535 {
		return ""
	}
	return string(parts[1])
}

// isSessionscope tells whether /healthz at the address answers as Sessionscope does. Another program may
// have the port by now. It is asked directly, whatever proxy is set, and leads nowhere.
func isSessionscope(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, soleAsk)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/healthz", nil)
	if err != nil {
		return false
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var health struct{ Status, Version, Store string }
	body := json.NewDecoder(io.LimitReader(resp.Body, 4<<10))
	body.DisallowUnknownFields()
	return strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") && body.Decode(&health) == nil &&
		health.Status != "" && health.Version != "" && health.Store != ""
}

// ownFolders returns folders of this user in which the program may keep a lock: all are there already,
// so that none is left behind. The first is emptied at logout or at the start of the machine.
func ownFolders() (own []string) {
	for _, folder := range []string{xdg.RuntimeDir, xdg.CacheHome, xdg.StateHome, xdg.DataHome, xdg.Home} {
		info, err := os.Stat(folder)
		if err == nil && info.IsDir() && filepath.IsAbs(folder) && belongs(info) {
			own = append(own, folder)
		}
	}
	return own
}
