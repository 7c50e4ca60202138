package storetest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sessionscope/sessionscope/internal/session"
)

// model is the contract of session.Backend with a plain map. Each of its methods does one
// operation on the backend and on the map, and wants them to agree.
type model struct {
	ctx     context.Context
	clock   *Clock
	backend session.Backend
	records map[session.Key]session.Record
}

func newModel(ctx context.Context, clock *Clock, backend session.Backend) *model {
	return &model{ctx, clock, backend, make(map[session.Key]session.Record)}
}

// compare runs random operations. If it fails, the backend breaks its contract for some
// order of operations that no other test has.
func (m *model) compare(rt *rapid.T) {
	rt.Repeat(map[string]func(*rapid.T){
		"create": m.create,
		"load":   m.load,
		"save":   m.save,
		"touch":  m.touch,
		"delete": m.delete,
		"clear":  m.clear,
		"time": func(rt *rapid.T) {
			m.clock.Move(time.Duration(rapid.IntRange(1, 3000).Draw(rt, "passes ms")) * time.Millisecond)
		},
		"": m.stats, // after each of the others
	})
}

func pick(rt *rapid.T) session.Key { return key(rapid.IntRange(0, 4).Draw(rt, "key")) }

func (m *model) draw(rt *rapid.T) session.Record {
	now := m.clock.Now()
	return session.Record{
		Version: rapid.Uint64Range(0, 3).Draw(rt, "version"), Created: now, Marker: rapid.IntRange(0, 3).Draw(rt, "marker") == 0,
		Expires: now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(rt, "lives ms")) * time.Millisecond),
		Data:    strings.Repeat("x", rapid.IntRange(0, 9).Draw(rt, "bytes")),
	}
}

func (m *model) dead(r session.Record) bool { return !m.clock.Now().Before(r.Expires) }

// live returns the record of k, or the error of a Load.
func (m *model) live(k session.Key) (session.Record, error) {
	if r, ok := m.records[k]; ok && !m.dead(r) {
		return r, nil
	}
	return session.Record{}, session.ErrNotFound
}

// writable returns the error of a Save or a Touch of this version of k.
func (m *model) writable(k session.Key, version uint64) error {
	switch old, err := m.live(k); {
	case err != nil || old.Marker:
		return session.ErrNotFound
	case old.Version != version:
		return session.ErrConflict
	}
	return nil
}

func wantErr(rt *rapid.T, want, got error) {
	if !errors.Is(got, want) {
		rt.Fatalf("error %v, want %v", got, want)
	}
}

func (m *model) create(rt *rapid.T) {
	k, r := pick(rt), m.draw(rt)
	err := m.backend.Create(m.ctx, k, r)
	if old, ok := m.records[k]; ok && !(old.Marker && m.dead(old)) {
		wantErr(rt, session.ErrExists, err)
		return
	}
	wantErr(rt, nil, err)
	r.Version++
	m.records[k] = r
}

func (m *model) load(rt *rapid.T) {
	k := pick(rt)
	got, err := m.backend.Load(m.ctx, k)
	r, want := m.live(k)
	wantErr(rt, want, err)
	if diff := cmp.Diff(r, got); diff != "" {
		rt.Fatalf("loaded (-want +got):\n%s", diff)
	}
}

func (m *model) save(rt *rapid.T) {
	k, r := pick(rt), m.draw(rt)
	if old, ok := m.records[k]; ok && rapid.Bool().Draw(rt, "the right version") {
		r.Version = old.Version
	}
	want := m.writable(k, r.Version)
	version, err := m.backend.Save(m.ctx, k, r)
	wantErr(rt, want, err)
	if want != nil {
		return
	}
	if r.Version++; version != r.Version {
		rt.Fatalf("version %d, want %d", version, r.Version)
	}
	m.records[k] = r
}

func (m *model) touch(rt *rapid.T) {
	k, r := pick(rt), m.draw(rt)
	want := m.writable(k, r.Version)
	wantErr(rt, want, m.backend.Touch(m.ctx, k, r.Version, r.Expires))
	if want == nil {
		old := m.records[k]
		old.Expires = r.Expires
		m.records[k] = old
	}
}

func (m *model) delete(rt *rapid.T) {
	k := pick(rt)
	wantErr(rt, nil, m.backend.Delete(m.ctx, k))
	if !m.records[k].Marker {
		delete(m.records, k)
	}
}

func (m *model) clear(rt *rapid.T) {
	removed, err := m.backend.DeleteExpired(m.ctx, m.clock.Now(), 100)
	wantErr(rt, nil, err)
	for k, r := range m.records {
		if m.dead(r) {
			delete(m.records, k)
			if !r.Marker {
				removed--
			}
		}
	}
	if removed != 0 {
		rt.Fatalf("%d more were removed than had expired", removed)
	}
}

func (m *model) stats(rt *rapid.T) {
	var want session.Stats
	for _, r := range m.records {
		switch {
		case r.Marker:
			continue
		case m.dead(r):
			want.Expired++
		default:
			want.Live++
		}
		want.Bytes += int64(len(r.Data))
	}
	got, err := m.backend.Stats(m.ctx)
	wantErr(rt, nil, err)
	got.Ended = 0 // a store need not count markers
	if diff := cmp.Diff(want, got); diff != "" {
		rt.Fatalf("stats (-want +got):\n%s", diff)
	}
}
