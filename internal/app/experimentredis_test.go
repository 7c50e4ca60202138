package app

import (
	"os"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessionscope/sessionscope/internal/experiment/private"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// A Redis that answers and refuses a right is not called one that does not answer:
// the run says which right is missing. With the README's rights it runs.
func TestExperimentOverRedisWithFewRights(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	admin := goredis.NewClient(&goredis.Options{Addr: server.Addr})
	defer admin.Close()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, all, _ := strings.Cut(string(readme), "`ACL SETUSER sessionscope ")
	all, _, _ = strings.Cut(all, "`")
	for user, rights := range map[string]string{"few": strings.NewReplacer("~experiment:*", "", "~{experiment:*", "").Replace(all), "all": all} {
		command := []any{"ACL", "SETUSER", user}
		for _, word := range strings.Fields(strings.Replace(rights, ">PASSWORD", ">pw", 1)) {
			command = append(command, word)
		}
		if err := admin.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
		a := newApp(t, func(c *Config) { c.Stores = private.Stores("redis://" + user + ":pw@" + server.Addr) })
		got := newBrowser(t, a, formJSON).post("/experiments/stores-through-a-restart/run", "store", "redis", "placement", "hybrid")
		if user == "all" {
			got.want(200, `"state":"ended"`, "The store Redis").wantNo("error")
			continue
		}
		got.want(200, `"state":"failed"`, "NOPERM", "The Redis answers", "experiment:*").wantNo("does not answer", "Start the store")
	}
}

// A Redis that answers reads and refuses writes is not called one that does not answer.
func TestExperimentOverRedisThatTakesNoWrites(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--min-replicas-to-write", "1")
	a := newApp(t, func(c *Config) { c.Stores = private.Stores("redis://" + server.Addr) })
	b := newBrowser(t, a, formJSON)
	b.post("/experiments/stores-through-a-restart/run", "store", "redis", "placement", "hybrid").
		want(200, `"state":"failed"`, "This needs a store that takes writes, and the store can only be read now: too few of its replicas answer.").wantNo("does not answer", "Start the store")
}
