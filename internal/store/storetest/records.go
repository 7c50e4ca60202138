package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If it fails, a record does not come back as it was created or saved, the version does
// not grow by one, or a deleted record stays.
func lifeCycle(t *testing.T, s *suite) {
	ctx := t.Context()
	s.wantLoad(1, session.ErrNotFound)
	want := s.record(time.Minute, `{"a":1}`)
	s.want(nil, s.backend.Create(ctx, key(1), want))
	want.Version = 1
	if diff := cmp.Diff(want, s.wantLoad(1, nil)); diff != "" {
		t.Fatalf("created (-want +got):\n%s", diff)
	}
	s.want(session.ErrExists, s.backend.Create(ctx, key(1), want))
	s.wantStats(1, 0, 7)

	want.Data, want.Expires = `{}`, want.Expires.Add(time.Hour)
	version, err := s.backend.Save(ctx, key(1), want)
	s.want(nil, err)
	if want.Version++; version != want.Version {
		t.Fatalf("version %d, want %d", version, want.Version)
	}
	if diff := cmp.Diff(want, s.wantLoad(1, nil)); diff != "" {
		t.Fatalf("saved (-want +got):\n%s", diff)
	}
	s.wantStats(1, 0, 2)

	s.want(nil, s.backend.Delete(ctx, key(1)))
	s.want(nil, s.backend.Delete(ctx, key(1)))
	s.wantLoad(1, session.ErrNotFound)
	s.wantStats(0, 0, 0)
	s.want(nil, s.backend.Ping(ctx))
}

// If it fails, a save with another version than the stored one overwrites the change of
// another request.
func compareAndSwap(t *testing.T, s *suite) {
	s.create(1, time.Minute, `1`)
	old := s.wantLoad(1, nil)
	_, err := s.backend.Save(t.Context(), key(1), old)
	s.want(nil, err)
	for _, version := range []uint64{0, old.Version, old.Version + 2} {
		old.Version = version
		_, err = s.backend.Save(t.Context(), key(1), old)
		s.want(session.ErrConflict, err)
	}
	if got := s.wantLoad(1, nil).Version; got != 2 {
		t.Fatalf("version %d after refused saves, want 2", got)
	}
}

// If it fails, a late save or touch brings a deleted or expired session back to life.
func noRevival(t *testing.T, s *suite) {
	ctx := t.Context()
	s.create(1, time.Minute, `1`)
	r := s.wantLoad(1, nil)
	s.want(nil, s.backend.Delete(ctx, key(1)))
	_, err := s.backend.Save(ctx, key(1), r)
	s.want(session.ErrNotFound, err)
	s.want(session.ErrNotFound, s.backend.Touch(ctx, key(1), r.Version, r.Expires.Add(time.Hour)))
	s.wantLoad(1, session.ErrNotFound)

	s.create(2, time.Minute, `2`)
	r = s.wantLoad(2, nil)
	s.clock.Move(time.Minute)
	_, err = s.backend.Save(ctx, key(2), r)
	s.want(session.ErrNotFound, err)
	s.want(session.ErrNotFound, s.backend.Touch(ctx, key(2), r.Version, r.Expires.Add(time.Hour)))
	s.wantStats(0, 1, 1)
}

// If it fails, some data come back changed: odd characters, or the largest session.
func everyByte(t *testing.T, s *suite) {
	odd := `{"quote\"":"back\\slash","null\u0000":"\u2028\u2029","` + "\u2028 \u00e9 \U0001F642 \u200f \ufeff" + `":"' -- ; %00 \n"}`
	head := `{"placement":"server","values":{"a":"`
	largest := head + strings.Repeat("\U0001F642", (session.MaxSessionBytes-len(head)-3)/4) + `"}}`
	for n, data := range []string{`{}`, odd, `"` + strings.Repeat(`\"`, 5000) + `"`, largest} {
		s.create(n, time.Hour, data)
		if r := s.wantLoad(n, nil); r.Data != data {
			t.Errorf("data %d of %d bytes came back as %d others: %.100q", n, len(data), len(r.Data), r.Data)
		}
		r := s.wantLoad(n, nil)
		r.Data = odd + data
		_, err := s.backend.Save(t.Context(), key(n), r)
		s.want(nil, err)
		if got := s.wantLoad(n, nil).Data; got != r.Data {
			t.Errorf("saved data %d came back as %d bytes: %.100q", n, len(got), got)
		}
	}
	s.wantStats(4, 0, int64(4*len(odd)+2+len(odd)+10002+len(largest)))
	for e, err := range s.backend.All(t.Context()) {
		s.want(nil, err)
		if !strings.HasPrefix(e.Data, odd) {
			t.Errorf("All yields %.100q", e.Data)
		}
	}
}

// If it fails, a time comes back in another zone than UTC or with less than milliseconds.
func times(t *testing.T, s *suite) {
	now := s.clock.Now()
	zone := time.FixedZone("far east", 14*3600)
	for n, expires := range []time.Time{
		now.Add(time.Millisecond), now.Add(999 * time.Millisecond), now.AddDate(10, 0, 0), now.Add(time.Hour).In(zone),
		time.Date(2038, 1, 19, 3, 14, 8, 1e6, time.UTC), // one second past 32 bits
	} {
		r := session.Record{Created: now.Add(-time.Hour + 7*time.Millisecond), Expires: expires, Data: `1`}
		s.want(nil, s.backend.Create(t.Context(), key(n), r))
		check := func(how string) {
			t.Helper()
			got := s.wantLoad(n, nil)
			if !got.Expires.Equal(r.Expires) || !got.Created.Equal(r.Created) {
				t.Errorf("%s: until %v since %v came back as until %v since %v", how, r.Expires, r.Created, got.Expires, got.Created)
			}
			if r.Expires.Location() == time.UTC && got.Expires.Location() != time.UTC || got.Created.Location() != time.UTC {
				t.Errorf("%s: times in UTC came back in %v and %v", how, got.Expires.Location(), got.Created.Location())
			}
		}
		check("create")
		r.Expires = r.Expires.Add(time.Millisecond)
		s.want(nil, s.backend.Touch(t.Context(), key(n), 1, r.Expires))
		check("touch")
		r.Version, r.Expires = 1, r.Expires.Add(time.Millisecond)
		_, err := s.backend.Save(t.Context(), key(n), r)
		s.want(nil, err)
		check("save")
	}
	s.wantLoad(0, nil)
	s.clock.Move(3 * time.Millisecond)
	s.wantLoad(0, session.ErrNotFound)
	s.wantLoad(1, nil)
}

// If it fails, All leaves out a session or goes on when its caller has stopped.
func all(t *testing.T, s *suite) {
	want := map[session.Key]string{}
	for n := range 5 {
		data := fmt.Sprint(n)
		s.create(n, time.Duration(n+1)*time.Minute, data)
		want[key(n)] = data
	}
	s.clock.Move(2 * time.Minute)
	got := map[session.Key]string{}
	for e, err := range s.backend.All(t.Context()) {
		s.want(nil, err)
		got[e.Key] = e.Data
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("all, expired included (-want +got):\n%s", diff)
	}
	for range s.backend.All(t.Context()) {
		break
	}
}

// If it fails, Peek does not show an expired record or a marker, or it changes something.
func peek(t *testing.T, s *suite) {
	wantPeek := func(n int, data string, marker bool) {
		t.Helper()
		got, err := s.backend.Peek(t.Context(), key(n))
		if err != nil || got.Data != data || got.Marker != marker || got.Version == 0 || got.Where == "" {
			t.Fatalf("peek: %+v, %v; want data %q, marker %t", got, err, data, marker)
		}
		stored := map[string]string{}
		for _, f := range got.Fields {
			stored[f.Name] = f.Value
		}
		if stored["data"] != data || stored["version"] != strconv.FormatUint(got.Version, 10) || stored["expires"] != strconv.FormatInt(got.Expires.UnixMilli(), 10) {
			t.Fatalf("peek: the fields are %v, the record is %+v", stored, got.Record)
		}
	}
	_, err := s.backend.Peek(t.Context(), key(1))
	s.want(session.ErrNotFound, err)
	s.create(1, 5*time.Second, `"one"`)
	wantPeek(1, `"one"`, false)
	s.clock.Move(time.Minute)
	s.wantLoad(1, session.ErrNotFound)
	wantPeek(1, `"one"`, false)
	s.wantStats(0, 1, 5)
	s.wantCleared(10, 1)
	_, err = s.backend.Peek(t.Context(), key(1))
	s.want(session.ErrNotFound, err)
	stone := s.record(time.Hour, `{"flushed":"now"}`)
	stone.Marker = true
	s.want(nil, s.backend.Create(t.Context(), key(2), stone))
	wantPeek(2, `{"flushed":"now"}`, true)
}

// If it fails, a sweep or a walk goes on after its context has ended.
func canceled(t *testing.T, s *suite) {
	s.create(1, time.Second, `1`)
	s.clock.Move(time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.backend.DeleteExpired(ctx, s.clock.Now(), 10); !errors.Is(err, context.Canceled) {
		t.Fatalf("DeleteExpired after cancel: %v", err)
	}
	var got error
	for _, err := range s.backend.All(ctx) {
		got = err
	}
	s.want(context.Canceled, got)
	s.wantStats(0, 1, 1)
}
