package redis

import (
	"context"
	"errors"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessionscope/sessionscope/internal/session"
)

// tellWritten tells the index of a session that was written. If the index has no entry
// of it, either the entry was lost, or the session has been deleted since the write:
// then the entry is taken out again.
func (st *Store) tellWritten(ctx context.Context, k session.Key, expires time.Time, version uint64, bytes int64) {
	if st.tellIndex(ctx, k, putScript, member(k), expires.UnixMilli(), version, bytes) != "ADDED" {
		return
	}
	if marker, err := st.client.HGet(ctx, st.key(k), "marker").Result(); marker == "1" || errors.Is(err, goredis.Nil) {
		st.tellIndex(ctx, k, dropScript, member(k))
	}
}

// tellIndex tells the index of a change that was made to a session. If that fails, the
// change stands and a figure is off until the session's next write, or the sweep after
// its expiry. It may take what is left of ctx's time, and goes on when the client has
// left: cancelling ctx does not end it.
func (st *Store) tellIndex(ctx context.Context, k session.Key, s script, args ...any) any {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	answer, err := st.evalIndex(ctx, s, args...)
	if err != nil {
		st.cfg.Log.Warn("the index of sessions in Redis missed a change: the store's figures are off for a while; the session itself is right", "session", k.Name(), "error", err)
	}
	return answer
}

// evalIndex runs a script of the index. These do no harm when they run twice.
func (st *Store) evalIndex(ctx context.Context, s script, args ...any) (answer any, err error) {
	err = again(func() (err error) {
		answer, err = st.eval(ctx, s, st.index, args...)
		return err
	})
	return answer, err
}
