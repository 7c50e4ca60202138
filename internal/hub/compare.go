package hub

import (
	"context"
	"time"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// Compare compares x, the exchange of number n on the side of kin, with the exchanges before
// it: its heads with the last exchange of the same sender, and what browser and server keep
// with the last moment that shows what they kept. n is 0 for an exchange that is no moment yet. Compare
// waits until ctx ends for the answer of the sender's last exchange to leave.
func (v *Visit) Compare(ctx context.Context, x *trace.Exchange, n int, kin string) (b trace.Beside) {
	state, known := v.lastState(n, kin)
	sent, ok := v.lastWhere(n, func(e Entry) bool { return e.Kin == kin && e.Gist.By == x.By && !e.Gist.Nothing })
	var before trace.Exchange
	if ok {
		before = finished(ctx, sent)
	}
	switch {
	case !known:
		b = x.Against(nil)
	case ok && sent.Moment == state.Moment:
		b = x.Against(&before)
	default:
		kept := state.exchange()
		b = x.Against(&kept)
	}
	if ok && !x.Nothing {
		b.N, b.Same = sent.N, x.CompareHeads(&before)
	}
	return b
}

// leaveTime is how long after an exchange ExchangeOf waits for the last byte of its answer. The
// last byte never leaves when the client went away.
const leaveTime = time.Second

// finished returns the exchange of e with its answer as it left, or unfinished when the answer
// has not left before ctx ends.
func finished(ctx context.Context, e Entry) trace.Exchange {
	answer := e.answer() // asked first: pack may run between these lines, and then the exchange has the answer
	x := e.exchange()
	if answer == nil || x.Nothing {
		return x
	}
	ctx, cancel := context.WithTimeout(ctx, e.Gist.At.Add(leaveTime).Sub(e.Seat.Engine.Now()))
	defer cancel()
	if left, ok := answer.Wait(ctx); ok {
		x.Finish(left, e.Seat)
	}
	return x
}

// ExchangeOf returns the exchange of an entry of v as it ended, and how it compares with the
// exchanges before it. It waits at most a second for answers to leave. v took its first moments
// over because its request carried the cookie of their session: the exchanges of these moments
// are returned without what they tell of other sessions.
func (v *Visit) ExchangeOf(ctx context.Context, e Entry) (trace.Exchange, trace.Beside) {
	ctx, cancel := context.WithTimeout(ctx, leaveTime)
	defer cancel()
	x := finished(ctx, e)
	if e.N <= v.takenUntil {
		x.Only(v.takenOf)
	}
	return x, v.Compare(ctx, &x, e.N, e.Kin)
}
