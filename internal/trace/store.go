package trace

import (
	"context"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Keeps asks the store what lies under k, without a cookie. The zero key asks nothing.
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
		st.Fields = append(st.Fields, Stored{f.Name, Cut(f.Value, maxText)})
	}
}

// Leaves asks the store what became of the session of k, which the browser had before.
func (st *Store) Leaves(ctx context.Context, e *session.Engine, k session.Key) {
	if peeked, err := e.Peek(ctx, k); err == nil {
		st.Left = Left{ID: k.Name().String(), State: peeked.State, Version: peeked.Stored.Version}
	}
}
