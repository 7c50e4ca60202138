package sqlite

import (
	"errors"
	"testing"

	"zombiezen.com/go/sqlite"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Another program holds the file, or it must not be written. If this fails, the store is said
// not to answer while it answers every read, or Ping does not say that writes are refused, or
// does not find out by itself that they go through again.
func TestRefusesWrites(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	ctx, k := t.Context(), session.KeyOf("first")
	if err := st.Create(ctx, k, NewRecord(`{}`)); err != nil {
		t.Fatal(err)
	}
	other, err := sqlite.OpenConn(st.file, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, test := range []struct{ why, refuse, allow string }{
		{"another program is writing to its file, and does not finish", `BEGIN IMMEDIATE`, `ROLLBACK`},
		{"its file must not be written", `PRAGMA query_only = ON`, `PRAGMA query_only = OFF`},
	} {
		conn := other
		if test.allow != `ROLLBACK` {
			conn = st.write
		}
		st.write.SetBusyTimeout(0)
		if err := exec(conn, test.refuse); err != nil {
			t.Fatal(err)
		}
		wantReadOnly := func(what string, err error) {
			t.Helper()
			if no := (*session.ReadOnlyError)(nil); !errors.As(err, &no) || no.Why != test.why || no.Full || session.Answered(err) {
				t.Errorf("%s: %v, want: %s", what, err, test.why)
			}
		}
		if err := st.Ping(ctx); err != nil {
			t.Errorf("before any write was refused: %v", err)
		}
		r, err := st.Load(ctx, k)
		if err != nil {
			t.Fatal(err)
		}
		wantReadOnly("create", st.Create(ctx, session.KeyOf("second"), NewRecord(`{}`)))
		_, err = st.Save(ctx, k, r)
		wantReadOnly("save", err)
		wantReadOnly("delete", st.Delete(ctx, k))
		wantReadOnly("ping", st.Ping(ctx))
		wantReadOnly("ping again", st.Ping(ctx))
		if _, err := st.Load(ctx, k); err != nil {
			t.Errorf("a read: %v", err)
		}
		if err := exec(conn, test.allow); err != nil {
			t.Fatal(err)
		}
		if err := st.Ping(ctx); err != nil {
			t.Errorf("when writes go through again: %v", err)
		}
		if again, err := st.Load(ctx, k); err != nil || again.Version != r.Version {
			t.Errorf("the probe changed a record: %+v, %v", again, err)
		}
	}
}

// A store that is full takes no new session, and Ping says so; what has expired is room.
func TestPingOfAFullStore(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	st.max = 1
	if err := st.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := st.Create(t.Context(), session.KeyOf("first"), NewRecord(`{}`)); err != nil {
		t.Fatal(err)
	}
	if err := st.Ping(t.Context()); !errors.Is(err, session.ErrFull) {
		t.Errorf("full: %v", err)
	}
	if err := st.Touch(t.Context(), session.KeyOf("first"), 1, st.now()); err != nil {
		t.Fatal(err)
	}
	if err := st.Ping(t.Context()); err != nil {
		t.Errorf("with an expired session: %v", err)
	}
}
