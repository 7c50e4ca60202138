package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Several clients call one backend at the same time. Their calls and the outcomes are a
// history. It is linearizable if one order of the calls, each between its begin and its
// end, explains every outcome. Package porcupine looks for that order.

// call is one operation on one key.
type call struct {
	op      string
	key     int
	version uint64
	expires int64 // in milliseconds
	data    string
	marker  bool
}

// outcome is what a call returned.
type outcome struct {
	kind string // "ok", a sentinel's name, or "unknown"
	state
}

// state is what is known of one key.
type state struct {
	there   bool
	version uint64
	expires int64
	data    string
	marker  bool
}

func kindOf(err error) string {
	for kind, known := range map[string]error{
		"ok": nil, "not found": session.ErrNotFound, "exists": session.ErrExists,
		"conflict": session.ErrConflict, "full": session.ErrFull,
	} {
		if errors.Is(err, known) {
			return kind
		}
	}
	return "unknown"
}

// sequential is the contract for one key whose record is alive, with one client: the kind
// of outcome that c has in state s, and the state after it.
func sequential(s state, c call) (kind string, next state) {
	written := state{true, c.version + 1, c.expires, c.data, c.marker}
	switch c.op {
	case "create":
		if s.there {
			return "exists", s
		}
		return "ok", written
	case "delete":
		if s.marker {
			return "ok", s
		}
		return "ok", state{}
	case "load":
		if !s.there {
			return "not found", s
		}
		return "ok", s
	}
	switch { // save and touch
	case !s.there || s.marker:
		return "not found", s
	case s.version != c.version:
		return "conflict", s
	case c.op == "touch":
		s.expires = c.expires
		return "ok", s
	}
	return "ok", written
}

// perKey is sequential as a model for porcupine, which may look at each key by itself.
var perKey = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := make(map[int][]porcupine.Operation)
		for _, o := range history {
			n := o.Input.(call).key
			parts[n] = append(parts[n], o)
		}
		var all [][]porcupine.Operation
		for _, part := range parts {
			all = append(all, part)
		}
		return all
	},
	Init: func() any { return state{} },
	Step: func(s, input, output any) (bool, any) {
		c, got := input.(call), output.(outcome)
		kind, next := sequential(s.(state), c)
		switch {
		case got.kind == "unknown": // it may have happened at any time since: Recorder.Do gives it no end
			return true, next
		case got.kind != kind:
			return false, s
		case c.op == "load" && kind == "ok" && got.state != next:
			return false, s
		case c.op == "save" && kind == "ok" && got.version != next.version:
			return false, s
		}
		return true, next
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v → %+v", input, output) },
}

// Recorder records a history. Its clock counts begins and ends, so that no two moments
// are the same.
type Recorder struct {
	ticks atomic.Int64
	mu    sync.Mutex
	ops   []porcupine.Operation
}

// Do runs and records one operation of a client. With an outcome that is not known the
// operation may have happened at any time since its begin, or never.
func (h *Recorder) Do(client int, input any, do func() (output any, known bool)) {
	begin := h.ticks.Add(1)
	output, known := do()
	end := h.ticks.Add(1)
	if !known {
		end = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: input, Call: begin, Output: output, Return: end})
}

// Check looks for an order of the operations that model allows. It gives up after 30 s.
func (h *Recorder) Check(model porcupine.Model) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(model, h.ops, 30*time.Second)
}

// Len returns how many operations were recorded.
func (h *Recorder) Len() int { return len(h.ops) }

// linearizable runs five clients that do random operations on three keys of backend at
// the same time, and tells whether the history is linearizable.
func linearizable(ctx context.Context, backend session.Backend, now time.Time, seed uint64) porcupine.CheckResult {
	const clients, times, keys = 5, 60, 3
	var h Recorder
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(client)))
			var seen [keys]uint64 // the version that this client saw last
			for n := range times {
				c := call{
					op: [...]string{"create", "load", "load", "save", "save", "save", "touch", "delete"}[random.IntN(8)], key: random.IntN(keys),
					expires: now.Add(time.Hour + time.Duration(client*times+n)*time.Second).UnixMilli(), data: fmt.Sprintf(`"%d.%d"`, client, n),
				}
				if c.op == "delete" && random.IntN(3) > 0 {
					c.op = "load"
				}
				c.marker = (c.op == "create" || c.op == "save") && random.IntN(100) == 0
				if c.op == "save" || c.op == "touch" {
					c.version = seen[c.key]
				}
				h.Do(client, c, func() (any, bool) {
					out := run(ctx, backend, c, now)
					if out.there {
						seen[c.key] = out.version
					}
					return out, out.kind != "unknown"
				})
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	return h.Check(perKey)
}

// run calls backend. If the key is known to have a record after it, the outcome is there
// and has the version of that record.
func run(ctx context.Context, backend session.Backend, c call, now time.Time) outcome {
	k, expires := key(c.key), time.UnixMilli(c.expires).UTC()
	r := session.Record{Version: c.version, Created: now, Expires: expires, Data: c.data, Marker: c.marker}
	var err error
	var out outcome
	switch c.op {
	case "create":
		if err = backend.Create(ctx, k, r); err == nil {
			out.there, out.version = true, c.version+1
		}
	case "load":
		var got session.Record
		if got, err = backend.Load(ctx, k); err == nil {
			out.state = state{true, got.Version, got.Expires.UnixMilli(), got.Data, got.Marker}
		}
	case "save":
		var version uint64
		if version, err = backend.Save(ctx, k, r); err == nil {
			out.there, out.version = true, version
		}
	case "touch":
		err = backend.Touch(ctx, k, c.version, expires)
	case "delete":
		err = backend.Delete(ctx, k)
	}
	out.kind = kindOf(err)
	return out
}

// Unreliable returns a hook with which one operation in n fails, half of them before they
// are done and half after.
func Unreliable(seed uint64, n int) func(context.Context, string) (before, after error) {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	return func(context.Context, string) (before, after error) {
		mu.Lock()
		defer mu.Unlock()
		switch random.IntN(2 * n) {
		case 0:
			return errUnreliable, nil
		case 1:
			return nil, errUnreliable
		}
		return nil, nil
	}
}

var errUnreliable = errors.New("this operation was made to fail")

// If it fails, requests at the same time see answers that no order of them explains, such
// as a lost update or a stale read.
func histories(t *testing.T, open func(t *testing.T, max int, now func() time.Time) session.Backend) {
	for seed := range uint64(8) {
		clock := NewClock()
		backend := open(t, 0, clock.Now)
		if seed%2 == 1 {
			backend = &Hooked{backend, Unreliable(seed, 40)}
		}
		if got := linearizable(t.Context(), backend, clock.Now(), seed); got != porcupine.Ok {
			t.Errorf("history %d: %v", seed, got)
		}
	}
}
