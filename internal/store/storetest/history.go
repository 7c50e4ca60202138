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

// call is one operation on one key, and outcome what came of it.
type call struct {
	op      string
	key     int
	version uint64
	expires int64 // in milliseconds
	data    string
	marker  bool
}

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

// sequential is the whole contract of one key whose record is alive, as a
// program with one client would see it.
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
		case got.kind == "unknown": // it may have happened, now or at any later time: it has no return
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

// Recorder notes what was called and what it returned. Its clock counts, so that
// no two moments are the same.
type Recorder struct {
	ticks atomic.Int64
	mu    sync.Mutex
	ops   []porcupine.Operation
}

// Do notes one operation of a client. An outcome that is not known has no end:
// the operation may have happened at any time since, or never.
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

// Check tells whether some order of the noted operations, each between its call
// and its return, is one that model allows.
func (h *Recorder) Check(model porcupine.Model) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(model, h.ops, 30*time.Second)
}

// Len returns how many operations were noted.
func (h *Recorder) Len() int { return len(h.ops) }

// linearizable runs clients that do random operations on a few keys of backend
// at the same time, and tells whether their answers fit one order of them.
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

// run calls backend. A state that is there has the key's version after it.
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

// Unreliable returns a hook under which one operation in n fails, before it was
// done or after.
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

// histories: whatever several clients do at the same time, one order explains it.
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
