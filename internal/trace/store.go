package trace

import (
	"context"
	"regexp"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Keeps asks the store, without a cookie, what it has under k. It does not ask for the zero key.
func (st *Store) Keeps(ctx context.Context, e *session.Engine, k session.Key) {
	st.Policy.Idle, st.Policy.Lifetime = e.Policy()
	if k == (session.Key{}) {
		return
	}
	st.ID = k.Name().String()
	peeked, err := e.Peek(ctx, k)
	if err != nil {
		st.Unknown = true
		return
	}
	st.State, st.Where = peeked.State, peeked.Stored.Where
	if peeked.State == session.StateLive {
		st.Record = SessionOf(peeked.Info)
	}
	for _, f := range peeked.Stored.Fields {
		if peeked.State == session.StateCycled {
			f.Value = laterID.ReplaceAllString(f.Value, `"to":"‹8 B, the ID after it›"`)
		}
		st.Fields = append(st.Fields, Stored{f.Name, Cut(f.Value, maxText)})
	}
}

// laterID matches the short name of the new ID in the record of a replaced ID. An exchange leaves
// that name out: whoever has only the dead cookie may see the record, and must not learn the name.
var laterID = regexp.MustCompile(`"to":"[0-9a-f]{8}"`)

// Leaves asks the store what became of the session of k, which the browser had before.
func (st *Store) Leaves(ctx context.Context, e *session.Engine, k session.Key) {
	if peeked, err := e.Peek(ctx, k); err == nil {
		st.Left = Left{ID: k.Name().String(), State: peeked.State, Version: peeked.Stored.Version}
	}
}
