package redis

import (
	"context"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// DeleteExpired implements session.Backend. It removes no markers: Redis does. Sessions
// that Redis has removed itself are not in its count.
func (st *Store) DeleteExpired(ctx context.Context, now time.Time, limit int) (removed int, err error) {
	for more := true; more && removed < limit; {
		var n int
		n, more, err = st.sweep(ctx, now, min(limit-removed, batch))
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// sweep looks at the sessions that are dead at now according to the index, at most
// limit of them. It deletes those that really are dead and puts the index right. more
// tells whether the index may have others.
func (st *Store) sweep(ctx context.Context, now time.Time, limit int) (removed int, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	answer, err := st.evalIndex(ctx, dueScript, now.UnixMilli(), limit)
	due := list(answer)
	if err != nil || len(due) == 0 {
		return 0, false, err
	}
	pipe := st.client.Pipeline()
	var asked []*goredis.Cmd
	for i := 0; i < len(due); i += 2 {
		// The whole text of the script, not its hash: in a pipeline there is no chance to answer NOSCRIPT.
		asked = append(asked, pipe.Eval(ctx, expireScript.src, []string{st.hash + due[i].(string)}, now.UnixMilli()))
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	var swaps []any
	for i, cmd := range asked {
		answer, err := cmd.Result()
		if err != nil && !goredis.HasErrorPrefix(err, "WRONGTYPE") {
			return removed, true, readOnly(err)
		}
		if answer == "DELETED" {
			removed++
		}
		swaps = append(swaps, due[2*i], due[2*i+1])
		if alive := list(answer); len(alive) == 3 {
			swaps = append(swaps, alive...)
		} else {
			swaps = append(swaps, "", "", "") // take the entry out
		}
	}
	_, err = st.evalIndex(ctx, swapScript, swaps...)
	return removed, len(asked) == limit, err
}
