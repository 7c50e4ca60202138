package classroom

import (
	"context"
	"errors"
	"iter"
	"math"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// part is the session.Backend of one seat.
type part struct {
	*index
	limits PartLimits
}

// Create implements session.Backend. A full part first clears its own expired sessions.
func (p *part) Create(ctx context.Context, k session.Key, r session.Record) error {
	claim := room{1, int64(len(r.Data))}
	switch {
	case r.Marker:
		claim = room{}
	case r.Version > 0:
		p.take(claim)
	default:
		if err := p.claim(ctx, claim); err != nil {
			return err
		}
	}
	return p.write(ctx, k, claim, func(b session.Backend, stored session.Key) error {
		if p.isDropped() {
			return errDropped
		}
		return b.Create(ctx, stored, r)
	}, func(e *entry) { e.keep(r) })
}

// claim takes room for a write that comes now, until the write ends. The errors are
// *PartFullError, the store's, and that of ctx.
func (p *part) claim(ctx context.Context, claim room) error {
	if err := p.settle(ctx); err != nil {
		return err
	}
	err := p.tryClaim(claim)
	if err == nil {
		return nil
	}
	if _, err := p.DeleteExpired(ctx, p.now(), math.MaxInt); err != nil {
		return err
	}
	return p.tryClaim(claim)
}

func (p *part) tryClaim(claim room) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.full(claim); err != nil {
		return err
	}
	p.claimed.sessions += claim.sessions
	p.claimed.bytes += claim.bytes
	return nil
}

// take is claim for a write that always has room.
func (p *part) take(claim room) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claimed.sessions += claim.sessions
	p.claimed.bytes += claim.bytes
}

// full returns a *PartFullError if there is no room for so much more. The caller has mu.
func (p *part) full(more room) error {
	have, l := p.taken(), p.limits
	switch {
	case l.Sessions > 0 && more.sessions > 0 && have.sessions+more.sessions > l.Sessions:
		return &PartFullError{LimitSessions, int64(l.Sessions)}
	case l.Bytes > 0 && more.bytes > 0 && have.bytes+more.bytes > l.Bytes:
		return &PartFullError{LimitBytes, l.Bytes}
	}
	return nil
}

// Load implements session.Backend.
func (p *part) Load(ctx context.Context, k session.Key) (session.Record, error) {
	v, err := p.gate.enter(ctx)
	if err != nil {
		return session.Record{}, err
	}
	defer v.leave()
	r, err := v.Load(ctx, p.stored(k))
	p.read(k, r, err)
	return r, err
}

// Save implements session.Backend. A full part first clears its own expired sessions.
func (p *part) Save(ctx context.Context, k session.Key, r session.Record) (version uint64, err error) {
	claim, err := p.growth(ctx, k, r)
	if err != nil {
		return 0, err
	}
	err = p.write(ctx, k, claim, func(b session.Backend, stored session.Key) error {
		version, err = b.Save(ctx, stored, r)
		return err
	}, func(e *entry) { e.keep(r) })
	return version, err
}

// growth claims room for what a Save of r adds to the record of k. When there is none, a
// Save that the store would refuse in any case has that error.
func (p *part) growth(ctx context.Context, k session.Key, r session.Record) (claim room, err error) {
	if r.Marker || p.limits.Bytes == 0 {
		return room{}, nil
	}
	if err := p.settle(ctx); err != nil {
		return room{}, err
	}
	old, there := p.size(k)
	if claim.bytes = int64(len(r.Data)) - old; !there || claim.bytes <= 0 {
		return room{}, nil
	}
	err = p.claim(ctx, claim)
	if err == nil || !errors.As(err, new(*PartFullError)) {
		return claim, err
	}
	switch now, e := p.Load(ctx, k); {
	case e != nil:
		err = e
	case now.Marker:
		err = session.ErrNotFound
	case now.Version != r.Version:
		err = session.ErrConflict
	}
	return claim, err
}

// size returns how many bytes of data the session of k has.
func (p *part) size(k session.Key) (bytes int64, there bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.entries[prefix(k[:prefixBytes])]
	if e == nil {
		return 0, false
	}
	return e.bytes, e.there
}

// Touch implements session.Backend.
func (p *part) Touch(ctx context.Context, k session.Key, version uint64, expires time.Time) error {
	return p.write(ctx, k, room{}, func(b session.Backend, stored session.Key) error {
		return b.Touch(ctx, stored, version, expires)
	}, func(e *entry) { e.expires = expires.UnixMilli() })
}

// Delete implements session.Backend.
func (p *part) Delete(ctx context.Context, k session.Key) error {
	return p.write(ctx, k, room{}, func(b session.Backend, stored session.Key) error { return b.Delete(ctx, stored) }, (*entry).forget)
}

// DeleteExpired implements session.Backend. It removes sessions of this part only. Expired
// markers stay until Sweep.
func (p *part) DeleteExpired(ctx context.Context, now time.Time, limit int) (removed int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := p.settle(ctx); err != nil {
		return 0, err
	}
	for _, k := range p.keys(func(e *entry) bool { return e.dead(now) }) {
		if removed >= limit {
			break
		}
		done, err := p.clear(ctx, k, now)
		if err != nil {
			return removed, err
		}
		if done {
			removed++
		}
	}
	return removed, nil
}

// Forgotten implements session.Backend. Its answer is that of the whole store, which is
// later than that of one part, or the same.
func (p *part) Forgotten(ctx context.Context) (time.Time, error) {
	v, err := p.gate.enter(ctx)
	if err != nil {
		return time.Time{}, err
	}
	defer v.leave()
	return v.Forgotten(ctx)
}

// Peek implements session.Backend. The fields show the record as the store keeps it, under
// the store's key.
func (p *part) Peek(ctx context.Context, k session.Key) (session.Stored, error) {
	v, err := p.gate.enter(ctx)
	if err != nil {
		return session.Stored{}, err
	}
	defer v.leave()
	return v.Peek(ctx, p.stored(k))
}

// All implements session.Backend. After a restart, a session that no request has brought
// since comes with the store's key, which ends in the part's tag. It leads to the same record.
func (p *part) All(ctx context.Context) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) {
		if err := p.settle(ctx); err != nil {
			yield(session.Entry{}, err)
			return
		}
		for _, k := range p.keys(func(e *entry) bool { return e.there }) {
			err := ctx.Err()
			var found session.Stored
			if err == nil {
				found, err = p.Peek(ctx, k)
			}
			switch {
			case errors.Is(err, session.ErrNotFound), err == nil && found.Marker: // gone since
				continue
			case err != nil:
				yield(session.Entry{}, err)
				return
			case !yield(session.Entry{Key: k, Record: found.Record}, nil):
				return
			}
		}
	}
}

// Stats implements session.Backend. It does not count markers. It asks the store only about
// writes whose outcome is not known.
func (p *part) Stats(ctx context.Context) (session.Stats, error) {
	if err := p.settle(ctx); err != nil {
		return session.Stats{}, err
	}
	return p.stats(p.now()), nil
}

// Ping implements session.Backend. Expired sessions of the part are room.
func (p *part) Ping(ctx context.Context) error {
	if err := p.ping(ctx); err != nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	err := p.full(room{1, 1})
	p.mu.Unlock()
	if err != nil && p.stats(p.now()).Expired > 0 {
		return nil
	}
	return err
}

// ping asks the store itself.
func (p *part) ping(ctx context.Context) error {
	v, err := p.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer v.leave()
	return v.Ping(ctx)
}
