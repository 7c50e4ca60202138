package shelf_test

import (
	"context"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
)

var storesThroughARestart = proof{
	slug: "stores-through-a-restart",
	cases: []testCase{
		{chosen: "placement=cookie&store=memory", happened: "all-there", says: []string{"0 records before the restart and 0 after", "a logout was forgotten"}, witness: afterRestart(true, true, true)},
		{chosen: "placement=cookie&store=redis", happened: "all-there", says: []string{"came back from the browser"}, witness: afterRestart(true, true, false)},
		{chosen: "placement=cookie&store=sqlite", happened: "all-there", says: []string{"came back from the browser"}, witness: afterRestart(true, true, false)},
		{chosen: "placement=hybrid&store=memory", happened: "all-gone", says: []string{"1 record before the restart and 0 after", "Not even the short value"}, witness: afterRestart(false, false, false)},
		{chosen: "placement=hybrid&store=redis", happened: "all-there", says: []string{"The store Redis", "1 record before the restart and 1 after"}, witness: afterRestart(true, true, false)},
		{chosen: "placement=hybrid&store=sqlite", happened: "all-there", says: []string{"The store SQLite", "1 record before the restart and 1 after"}, witness: afterRestart(true, true, false)},
		{chosen: "placement=server&store=memory", happened: "all-gone", says: []string{"1 record before the restart and 0 after"}, witness: afterRestart(false, false, false)},
		{chosen: "placement=server&store=redis", happened: "all-there", says: []string{"1 record before the restart and 1 after"}, witness: afterRestart(true, true, false)},
		{chosen: "placement=server&store=sqlite", happened: "all-there", says: []string{"1 record before the restart and 1 after"}, witness: afterRestart(true, true, false)},
	},
	controls: []control{
		{chosen: "placement=hybrid&store=sqlite", happened: "all-gone", store: forgetful},
		{chosen: "placement=hybrid&store=sqlite", happened: "half-there", store: func(b session.Backend) session.Backend {
			if st, err := b.Stats(context.Background()); err != nil || st.Live == 0 { // the first start
				return b
			}
			return halved{b}
		}},
	},
}

func TestStoresThroughARestart(t *testing.T) { storesThroughARestart.run(t) }

// afterRestart is the witness of "Memory, SQLite, Redis": what the reads after the
// restart found, and whether a cookie that was logged out opens something.
func afterRestart(name, text, revived bool) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		found := make(map[string][]bool) // by client and key, in order
		for _, s := range all {
			if strings.HasPrefix(s.path, "/get") {
				key, _ := s.answer["key"].(string)
				if s.cookie == "" {
					t.Errorf("%s of %s carried no cookie", s.path, s.client)
				}
				found[s.client+" "+key] = append(found[s.client+" "+key], s.answer["found"] == true)
			}
		}
		want := map[string][]bool{"Rahim's browser name": {true, name}, "Rahim's browser text": {text}, "Lamia's browser user": {false, revived}}
		for k, w := range want {
			if got := found[k]; len(got) != len(w) || got[0] != w[0] || got[len(w)-1] != w[len(w)-1] {
				t.Errorf("%s: %v, want %v", k, got, w)
			}
		}
		first, last := all[0], all[len(all)-1]
		idOf := func(s seen) any { m, _ := s.answer["session"].(map[string]any); return m["id"] }
		if same := idOf(first) == idOf(last); same != name {
			t.Errorf("the session's ID was %v, and is %v", idOf(first), idOf(last))
		}
	}
}

// halved is a store whose records have lost their values.
type halved struct{ session.Backend }

func (h halved) Load(ctx context.Context, k session.Key) (session.Record, error) {
	r, err := h.Backend.Load(ctx, k)
	if err == nil && !r.Marker {
		r.Data = `{"placement":"hybrid","values":{}}`
	}
	return r, err
}
