package session

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// minDistinct is the least number of different bytes in a secret. 32 random bytes have
// more; in a secret with 16 or fewer somebody typed them.
const minDistinct = 17

// maxSecretFile is the largest size of a file of secrets. A larger file is taken for
// something else.
const maxSecretFile = 64 << 10

// ReadSecrets reads signing secrets from a file: one a line, newest first, each of at least
// 32 random bytes in base64 or hex. Empty lines and lines that begin with # do not count.
// The file has at most 64 KiB, and nobody but its owner may read it, which is not checked
// on Windows. The error says what is wrong and never shows a secret.
func ReadSecrets(path string) ([][]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return nil, fmt.Errorf("%s is a folder: name a file in it", path)
	case !mode.IsRegular(): // a pipe would keep the program waiting, and could be read only once
		return nil, fmt.Errorf("%s is a %s: secrets are read from a plain file, and read again at SIGHUP", path, kindOf(mode))
	case mode.Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return nil, fmt.Errorf("%s can be read by others (mode %04o): chmod 600 it", path, mode.Perm())
	case info.Size() > maxSecretFile:
		return nil, fmt.Errorf("%s has %d bytes, and secrets have at most %d: it is another file", path, info.Size(), maxSecretFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if mark := markOf(text); mark != "" {
		return nil, fmt.Errorf("%s begins with %s: save it as plain text, in ASCII", path, mark)
	}
	var secrets [][]byte
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		secret, err := parseSecret(string(line))
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, number, err)
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%s holds no secret: it needs at least one line of %d random bytes in base64 or hex", path, MinSecretBytes)
	}
	return secrets, nil
}

// kindOf names the kind of a file that is neither plain nor a folder.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

// markOf names the byte order mark with which a text begins, and which no editor shows. It
// returns "" if there is none.
func markOf(text []byte) string {
	switch {
	case bytes.HasPrefix(text, []byte("\xef\xbb\xbf")):
		return "a byte order mark (BOM), of UTF-8"
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return "a byte order mark (BOM), of UTF-16"
	}
	return ""
}

// NewSecret returns a random secret.
func NewSecret() []byte {
	secret := make([]byte, MinSecretBytes)
	rand.Read(secret) // it never fails
	return secret
}

// MakeSecret writes a random secret to a new file that only its owner can read,
// in the form that ReadSecrets reads. A file that is there already stays as it is.
func MakeSecret(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// If the program is killed here, half a secret lies under another name.
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(NewSecret()))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func parseSecret(line string) ([]byte, error) {
	secret, err := hex.DecodeString(line)
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if err == nil {
			break
		}
		secret, err = encoding.DecodeString(line)
	}
	if err != nil {
		return nil, errors.New("it is neither base64 nor hex")
	}
	if len(secret) < MinSecretBytes {
		return nil, fmt.Errorf("it has %d bytes, at least %d are needed", len(secret), MinSecretBytes)
	}
	distinct := make(map[byte]bool)
	for _, b := range secret {
		distinct[b] = true
	}
	if len(distinct) < minDistinct {
		return nil, fmt.Errorf("it is weak: only %d of its %d bytes differ. Take random ones, such as openssl rand -base64 32 prints", len(distinct), len(secret))
	}
	return secret, nil
}
