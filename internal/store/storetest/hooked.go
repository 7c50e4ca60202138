package storetest

import (
	"context"
	"iter"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Hooked is a backend that calls Hook at each operation, and may fail as Hook says.
type Hooked struct {
	session.Backend
	// Hook gets the name of the operation: "create", "load", "save", "touch", "delete",
	// "delete expired", "forgotten", "peek", "all", "stats" or "ping". If before is an
	// error, the operation is not done; if only after is one, it is done. The caller gets
	// that error. Hook is called concurrently.
	Hook func(ctx context.Context, op string) (before, after error)
}

func hooked[T any](b *Hooked, ctx context.Context, op string, do func() (T, error)) (result T, err error) {
	before, after := b.Hook(ctx, op)
	if before != nil {
		return result, before
	}
	done, err := do()
	if after != nil {
		return result, after
	}
	return done, err
}

func hookedErr(b *Hooked, ctx context.Context, op string, do func() error) error {
	_, err := hooked(b, ctx, op, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// Create implements session.Backend.
func (b *Hooked) Create(ctx context.Context, k session.Key, r session.Record) error {
	return hookedErr(b, ctx, "create", func() error { return b.Backend.Create(ctx, k, r) })
}

// Load implements session.Backend.
func (b *Hooked) Load(ctx context.Context, k session.Key) (session.Record, error) {
	return hooked(b, ctx, "load", func() (session.Record, error) { return b.Backend.Load(ctx, k) })
}

// Save implements session.Backend.
func (b *Hooked) Save(ctx context.Context, k session.Key, r session.Record) (uint64, error) {
	return hooked(b, ctx, "save", func() (uint64, error) { return b.Backend.Save(ctx, k, r) })
}

// Touch implements session.Backend.
func (b *Hooked) Touch(ctx context.Context, k session.Key, version uint64, expires time.Time) error {
	return hookedErr(b, ctx, "touch", func() error { return b.Backend.Touch(ctx, k, version, expires) })
}

// Delete implements session.Backend.
func (b *Hooked) Delete(ctx context.Context, k session.Key) error {
	return hookedErr(b, ctx, "delete", func() error { return b.Backend.Delete(ctx, k) })
}

// DeleteExpired implements session.Backend.
func (b *Hooked) DeleteExpired(ctx context.Context, now time.Time, limit int) (int, error) {
	return hooked(b, ctx, "delete expired", func() (int, error) { return b.Backend.DeleteExpired(ctx, now, limit) })
}

// Forgotten implements session.Backend.
func (b *Hooked) Forgotten(ctx context.Context) (time.Time, error) {
	return hooked(b, ctx, "forgotten", func() (time.Time, error) { return b.Backend.Forgotten(ctx) })
}

// Peek implements session.Backend.
func (b *Hooked) Peek(ctx context.Context, k session.Key) (session.Stored, error) {
	return hooked(b, ctx, "peek", func() (session.Stored, error) { return b.Backend.Peek(ctx, k) })
}

// All implements session.Backend.
func (b *Hooked) All(ctx context.Context) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) {
		before, after := b.Hook(ctx, "all")
		if before != nil {
			yield(session.Entry{}, before)
			return
		}
		for e, err := range b.Backend.All(ctx) {
			if !yield(e, err) {
				return
			}
		}
		if after != nil {
			yield(session.Entry{}, after)
		}
	}
}

// Stats implements session.Backend.
func (b *Hooked) Stats(ctx context.Context) (session.Stats, error) {
	return hooked(b, ctx, "stats", func() (session.Stats, error) { return b.Backend.Stats(ctx) })
}

// Ping implements session.Backend.
func (b *Hooked) Ping(ctx context.Context) error {
	return hookedErr(b, ctx, "ping", func() error { return b.Backend.Ping(ctx) })
}
