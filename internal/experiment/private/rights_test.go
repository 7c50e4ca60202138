package private

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// The README's line of least rights is enough for experiments over Redis; without
// their keys in it, the error names what is missing, before a run begins.
func TestLeastRightsOfExperiments(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(readme), "`ACL SETUSER sessionscope")
	line, _, _ = strings.Cut(line, "`")
	if !strings.Contains(line, "~ssc:s:*") {
		t.Fatalf("the README has no such line: %q", line)
	}
	server := redistest.Start(t)
	admin := goredis.NewClient(&goredis.Options{Addr: server.Addr})
	defer admin.Close()
	url := func(user string, without ...string) string {
		t.Helper()
		command := []any{"ACL", "SETUSER", user}
		for _, word := range strings.Fields(strings.Replace(line, ">PASSWORD", ">pw", 1)) {
			if !strings.HasPrefix(word, "~") || !strings.Contains(strings.Join(without, " "), word) {
				command = append(command, word)
			}
		}
		if err := admin.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
		return "redis://" + user + ":pw@" + server.Addr
	}
	cfg := experiment.StoreConfig{Name: "ABC", MaxSessions: 10, Now: time.Now}
	st, _, remove, err := Stores(url("full"))["redis"](t.Context(), cfg)
	if err != nil {
		t.Fatalf("with the README's rights: %v", err)
	}
	k := session.KeyOf("one")
	r := session.Record{Created: time.Now(), Expires: time.Now().Add(time.Hour), Data: "{}"}
	for what, call := range map[string]func(context.Context) error{
		"create": func(ctx context.Context) error { return st.Create(ctx, k, r) },
		"stats":  func(ctx context.Context) error { _, err := st.Stats(ctx); return err },
		"sweep":  func(ctx context.Context) error { _, err := st.DeleteExpired(ctx, time.Now(), 10); return err },
	} {
		if err := call(t.Context()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := remove(); err != nil {
		t.Errorf("remove: %v", err)
	}
	if n := admin.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys are left", n)
	}
	for user, without := range map[string][]string{"old": {"~experiment:*", "~{experiment:*"}, "noindex": {"~{experiment:*"}} {
		_, _, _, err := Stores(url(user, without...))["redis"](t.Context(), cfg)
		if err == nil || !strings.Contains(err.Error(), "NOPERM") || !strings.Contains(err.Error(), "key") {
			t.Errorf("without %v: %v; want the right that is missing", without, err)
		}
	}
}
