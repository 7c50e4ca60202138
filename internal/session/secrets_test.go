package session_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If it failed, the program would start with a weak secret, one that others can read, or a
// file that is something else.
func TestReadSecrets(t *testing.T) {
	one, two := make([]byte, 32), make([]byte, 48)
	rand.Read(one)
	rand.Read(two)
	b64, raw, hx := base64.StdEncoding.EncodeToString(one), base64.RawURLEncoding.EncodeToString(two), hex.EncodeToString(one)
	for _, test := range []struct {
		name, text string
		mode       os.FileMode
		want       [][]byte
		wantErr    string
	}{
		{"base64", b64, 0o600, [][]byte{one}, ""},
		{"hex", hx + "\n", 0o400, [][]byte{one}, ""},
		{"newest first", "# new\r\n" + raw + "\r\n\n  " + b64 + "  \n", 0o600, [][]byte{two, one}, ""},
		{"empty", "", 0o600, nil, "holds no secret"},
		{"comments only", "# nothing\n\n", 0o600, nil, "holds no secret"},
		{"short", base64.StdEncoding.EncodeToString(one[:31]), 0o600, nil, "line 1: it has 31 bytes"},
		{"second is bad", b64 + "\nnot a secret!\n", 0o600, nil, "line 2: it is neither"},
		{"weak", hex.EncodeToString(bytes.Repeat([]byte("password"), 4)), 0o600, nil, "weak"},
		{"zeroes", strings.Repeat("00", 64), 0o600, nil, "weak"},
		{"a byte order mark", "\ufeff" + b64, 0o600, nil, "begins with a byte order mark (BOM), of UTF-8"},
		{"UTF-16", "\xff\xfe" + strings.Join(strings.Split(b64, ""), "\x00") + "\x00", 0o600, nil, "byte order mark (BOM), of UTF-16"},
		{"another file", strings.Repeat(b64+"\n", 1500), 0o600, nil, "has 67500 bytes, and secrets have at most 65536"},
		{"readable by the group", b64, 0o640, nil, "chmod 600"},
		{"readable by all", b64, 0o604, nil, "chmod 600"},
	} {
		path := filepath.Join(t.TempDir(), "secrets")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		got, err := session.ReadSecrets(path)
		if test.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), test.wantErr) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v, want %q", test.name, err, test.wantErr)
			} else if strings.Contains(err.Error(), b64) {
				t.Errorf("%s: the error shows the secret", test.name)
			}
			continue
		}
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", test.name, err, diff)
		}
	}
	if _, err := session.ReadSecrets(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there gives no error")
	}
}

// If it failed, a rotation of secrets would log people out, the loss of the old secret would
// not, or a bad set of secrets would take effect.
func TestSetSecrets(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.born(p)
		if err := e.SetSecrets([][]byte{freshSecret, freshSecret[:10]}); err == nil {
			t.Error("a short secret is taken")
		}
		if got := b.load().Info().Cookie; got.Key != 1 || got.Keys != 1 {
			t.Errorf("after a bad set: key %d of %d", got.Key, got.Keys)
		}
		must(t, e.SetSecrets([][]byte{freshSecret, secret}))
		old := b.cookie
		b.set("more", "x")
		must(t, e.SetSecrets([][]byte{freshSecret}))
		b.wantKeys("big", "more", "name")
		b.cookie = old
		if got := b.load().Info().Verdict; got != session.VerdictForged {
			t.Errorf("without its secret the old cookie is %q", got)
		}
	})
}

// A secret is taken away while requests are under way. If it failed, a request that had verified the old
// cookie would answer with one that the new secret signs: a cookie that must open nothing any more
// would open its session again.
func TestARequestUnderWaySignsWithTheSecretThatItVerifiedWith(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b, born := e.browser(t), e.browser(t)
		b.born(p)
		write, birth := b.load(), born.load()
		must(t, e.SetSecrets([][]byte{freshSecret}))
		for _, s := range []*session.Session{write, birth} {
			s.SetPlacement(p)
			s.CycleID()
			must(t, s.Set("late", "1"))
			must(t, s.Commit(t.Context()))
			late := e.browser(t)
			late.cookie = s.SetCookie().Value
			if got := late.load().Info().Verdict; got != session.VerdictForged {
				t.Errorf("the late cookie is %q", got)
			}
		}
		fresh := e.browser(t)
		fresh.born(p)
		fresh.wantKeys("big", "name")
	})
}

// If it failed, a secret that was made could not be read, or the second start would make
// another one and log everybody out.
func TestMakeSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	var first []byte
	for range 2 {
		if err := session.MakeSecret(file); err != nil {
			t.Fatal(err)
		}
		secrets, err := session.ReadSecrets(file)
		if err != nil || len(secrets) != 1 {
			t.Fatalf("%d secrets, %v", len(secrets), err)
		}
		if first == nil {
			first = secrets[0]
		} else if !bytes.Equal(first, secrets[0]) {
			t.Error("the second call made another secret")
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v lie there, %v; want the secret alone", entries, err)
	}
	other := filepath.Join(dir, "other")
	if err := session.MakeSecret(other); err != nil {
		t.Fatal(err)
	}
	if secrets, err := session.ReadSecrets(other); err != nil || bytes.Equal(first, secrets[0]) {
		t.Errorf("two files have the same secret, %v", err)
	}
	if err := session.MakeSecret(filepath.Join(dir, "no", "folder")); err == nil {
		t.Error("a secret in no folder")
	}
}
