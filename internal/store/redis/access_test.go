package redis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

const password = "p4ss-w0rd"

// wantRefused wants Open to fail with one line that has this beginning and not the
// password.
func wantRefused(t *testing.T, url, begins string) {
	t.Helper()
	wantRefusedIn(t, patient, url, begins)
}

// wantRefusedIn is wantRefused with that call timeout.
func wantRefusedIn(t *testing.T, timeout time.Duration, url, begins string) {
	t.Helper()
	st, err := Open(t.Context(), Config{URL: url, timeout: timeout})
	if err == nil {
		st.Close()
		t.Errorf("%s opens", url)
		return
	}
	if text := err.Error(); !strings.HasPrefix(text, begins) || strings.ContainsAny(text, "\r\n") || strings.Contains(text, password) || strings.Contains(text, "ss-w0") {
		t.Errorf("%s: %s", url, text)
	}
}

// If this fails, a bad URL or a Redis that cannot be used starts the program, or the
// refusal shows the password, has several lines, or takes long.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	const no = "not the URL of a Redis: write redis://"
	for _, url := range []string{
		"redis://:" + password + "@127.0.0.1:x/0", "redis://:p4/ss-w0rd@127.0.0.1/0", "redis://u:p4?ss-w0rd@127.0.0.1/0", "redis://u:1/ss-w0rd@127.0.0.1/0",
		"http://:" + password + "@127.0.0.1", "redis://:%zz" + password + "@127.0.0.1", "redis://:" + password + "@127.0.0.1/zero", "unix://:" + password + "@?db=x",
	} {
		wantRefused(t, url, no)
	}
	for _, url := range []string{
		"", "127.0.0.1:6379", "redis://127.0.0.1/x", "redis://127.0.0.1/0/1", "redis://127.0.0.1?colour=red", "unix://",
		"redis://127.0.0.1?password=" + password, "redis://:" + password + ":6379/0",
	} {
		wantRefused(t, url, no)
	}
	// A negative database is refused and not taken for 0.
	for url, db := range map[string]string{
		"redis://:" + password + "@127.0.0.1:1/-1": "-1", "redis://127.0.0.1:1?db=-2": "-2", "unix:///nowhere/redis.sock?db=-1": "-1", "redis://127.0.0.1:1/99999999999": "99999999999",
	} {
		wantRefused(t, url, "not the URL of a Redis: its database is "+db+", and a database is a number from 0")
	}
	wantRefused(t, "redis://:"+password+"@127.0.0.1:1/0", "cannot use Redis at 127.0.0.1:1: connect: connection refused")
	wantRefused(t, "unix:///nowhere/redis.sock", "cannot use Redis at /nowhere/redis.sock: connect: ")
	server := redistest.Start(t)
	wantRefused(t, "redis://"+server.Addr+"/99", "cannot use Redis at "+server.Addr+": ")
	server.Pause()
	defer server.Continue()
	// Neither answers: a Redis that hangs, and one that waits for the rest of a command that is none.
	for _, url := range []string{server.URL(), "rediss://" + redistest.Start(t).Addr} {
		began := time.Now()
		wantRefusedIn(t, callTimeout, url, "cannot use Redis at ")
		if took := time.Since(began); took > atMost {
			t.Errorf("%s is refused after %v", url, took)
		}
	}
}

// If this fails, the store opens with a wrong password, or a password that changes while
// the program runs logs people out instead of being an outage.
func TestPassword(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", password)
	st := open(t, Config{URL: "redis://:" + password + "@" + server.Addr})
	create(t, st, 1, time.Hour, `1`)
	for _, url := range []string{"redis://" + server.Addr, "redis://:wrong-" + password + "@" + server.Addr, "redis://nobody:" + password + "@" + server.Addr} {
		wantRefused(t, url, "cannot use Redis at "+server.Addr+": ")
	}

	// The password changes while the program runs.
	redis(t, st, "CONFIG", "SET", "requirepass", "another")
	redis(t, st, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")
	for name, call := range calls(st, 1) {
		wantOutage(t, name, call(t.Context()))
	}
}

// The README gives this list of rights. If this fails, they are not enough.
func TestRights(t *testing.T) {
	t.Parallel()
	for _, server := range []*redistest.Server{redistest.Start(t), redistest.StartCluster(t, 1)[0]} {
		admin := goredis.NewClient(&goredis.Options{Addr: server.Addr})
		defer admin.Close()
		want(t, nil, admin.Do(t.Context(), "ACL", "SETUSER", "sessionscope", "on", ">"+password,
			"resetkeys", "~ssc:s:*", "~{ssc}:*", "resetchannels", "-@all", "+@connection", "+@hash", "+@sortedset", "+@scripting", "-@dangerous",
			"+del", "+exists", "+pexpire", "+info", "+cluster|slots").Err())
		st := open(t, Config{URL: "redis://sessionscope:" + password + "@" + server.Addr, MaxSessions: 2})
		create(t, st, 1, time.Hour, `1`)
		for name, call := range calls(st, 1) {
			if err := call(t.Context()); err != nil && !errors.Is(err, session.ErrExists) && !errors.Is(err, session.ErrNotFound) && !errors.Is(err, session.ErrConflict) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, beyond := range [][]any{{"SET", "other", "1"}, {"HSET", "other", "a", "1"}, {"FLUSHALL"}, {"KEYS", "*"}} { // the control: nothing else is allowed
			if err := st.client.Do(t.Context(), beyond...).Err(); !goredis.HasErrorPrefix(err, "NOPERM") {
				t.Errorf("%v: %v", beyond, err)
			}
		}
	}
}

// If this fails, unix:// opens another database than its db says, or does not come back
// after a restart.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	st := open(t, Config{URL: "unix://" + server.Socket + "?db=3"})
	create(t, st, 1, time.Hour, `1`)
	load(t, open(t, Config{URL: "redis://" + server.Addr + "/3"}), 1)
	server.Restart()
	wantBack(t, st)
}

// startTLS starts a server that speaks TLS only, and returns its URL.
func startTLS(t *testing.T) (*redistest.Server, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := redistest.StartTLS(t, certFile, keyFile)
	return server, "rediss://" + server.Addr + "/0?skip_verify=true"
}

// If this fails, the program talks to a Redis whose certificate nobody vouches for.
func TestTLS(t *testing.T) {
	t.Parallel()
	server, url := startTLS(t)
	st := open(t, Config{URL: url})
	create(t, st, 1, time.Hour, `1`)
	load(t, st, 1)
	// Without skip_verify the unknown authority is refused. So is plain text.
	wantRefused(t, "rediss://"+server.Addr, "cannot use Redis at "+server.Addr+": tls: ")
	wantRefused(t, "redis://"+server.Addr, "cannot use Redis at "+server.Addr+": ")
}
