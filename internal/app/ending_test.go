package app

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// documentNames returns the names of the class's documents.
func (w *classWorld) documentNames() (names []string) {
	for doc := range w.documents.All(context.Background()) {
		names = append(names, doc.Name)
	}
	return names
}

// taught is a class of two seats that have done something: one question is over, one stands, and both seats
// have a session.
func taught(w *classWorld) (one, two *guest, at [2]string) {
	w.Helper()
	one, two = w.phone(), w.phone()
	at = [2]string{one.join(), two.join()}
	ctx := w.Context()
	ask := func(answers ...int) {
		w.Helper()
		if err := w.class.together.Ask(ctx, "two-tabs", nil, 2, 0); err != nil {
			w.Fatal(err)
		}
		for i, answer := range answers {
			if err := w.class.together.Answer(ctx, w.seatAt(at[i]).ID, w.class.together.Present().Question.N, answer); err != nil {
				w.Fatal(err)
			}
		}
	}
	ask(1, 2)
	if err := w.class.together.CloseQuestion(ctx, 0); err != nil {
		w.Fatal(err)
	}
	ask(2)
	for i, p := range []*guest{one, two} {
		p.post(at[i]+"/set", "key", "typed-key", "value", "typed-value", "placement", "server").want(303)
	}
	return one, two, at
}

// The end of a class asks first, offers the export, wipes all that there is, and says so to everybody: to
// open pages at once, and to phones that slept whenever they come. Another class begins without anything
// of the first.
func TestEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := openClassWorld(t, nil)
		one, two, at := taught(w)
		awake, lab := one.stream(at[0]+"/class/events?page=class"), two.stream(at[1]+"/class/events")
		synctest.Wait()
		w.teacher.get("/classroom").want(200, "End the class…", "/classroom/export.html", "/classroom/data")
		w.teacher.get("/classroom?ending=1").want(200, "2 seats", "2 records of sessions", "2 questions", "1 answer to the present question", "/classroom/export.csv", `name="sure" value="1"`, "in the memory of this program")
		w.teacher.post("/classroom/end").want(422)
		if n := w.class.roster.Count(); n != 2 {
			t.Fatalf("without sure there are %d seats", n)
		}
		if to := w.teacher.post("/classroom/end", "sure", "1").want(303).Header.Get("Location"); to != "/classroom" {
			t.Errorf("End leads to %s", to)
		}
		<-awake.done
		<-lab.done
		for stream, has := range map[*guestStream]string{awake: `hx-target="main" hx-swap="outerHTML"`, lab: `<div id="class-state" role="status"><p>This class has ended.`} {
			got := stream.told.String()
			for _, part := range []string{has, "Look for another class", `hx-target="#became" hx-swap="delete"`, "event: bye\ndata: ended\n\n"} {
				if !strings.Contains(got, part) {
					t.Errorf("an open page was not told %s: %q", part, got)
				}
			}
		}
		for _, path := range []string{"/classroom", "/"} {
			w.teacher.get(path).want(200, "the class at 192.168.77.1:8080 has ended: others on this network learn that there, until another class begins or the program ends").wantNo("a class is open at")
		}
		w.teacher.get("/classroom").want(200, "This class has ended", "Wiped: 2 seats, 2 records of sessions, 2 questions and 1 answer.", "Begin another class").wantNo("tally", "amber")
		w.teacher.get("/classroom/screen").want(200, "This class has ended.")
		if names := w.documentNames(); len(names) != 0 {
			t.Errorf("documents are left: %v", names)
		}
		for entry := range w.class.parts.Backend.All(t.Context()) {
			t.Errorf("a session is left: %+v", entry)
		}
		if stats, _ := w.class.parts.Backend.Stats(t.Context()); stats.Ended != 0 {
			t.Errorf("%d markers are left", stats.Ended)
		}
		two.findsTheEnd(at[1])
		for _, path := range []string{"/classroom/export.csv", "/classroom/export.html"} {
			w.teacher.get(path).want(409, "wiped")
		}
		w.teacher.post("/classroom/door", "close", "1").want(409)
		w.teacher.get("/").want(200, "Open a class").wantNo("The board")

		link := w.teacher.post("/classroom/begin").want(303).Header.Get("Location")
		w.teacher.get(link).want(303)
		w.teacher.get("/classroom").want(200, "nobody here").wantNo("This class has ended")
		if w.class == w.app.openClass() {
			t.Fatal("the class that ended is open")
		}
		one.get("/join").want(200, "Take a seat")
		one.get(at[0] + "/class").want(303)
		if now := w.app.openClass().together.Present(); now.Asked != 0 || len(w.app.openClass().together.Past()) != 0 {
			t.Errorf("the new class has been asked: %+v", now)
		}
		w.app.Close()
	})
}

// findsTheEnd checks that a phone which slept through the end of the class is told so at every address, and
// keeps no cookie of it.
func (v *guest) findsTheEnd(at string) {
	v.Helper()
	for _, path := range []string{"/class", "/", "/experiments", "/keys"} {
		v.get(at+path).want(404, "This class has ended", "Look for another class")
	}
	v.post(at+"/set", "key", "a", "value", "b").want(404, "This class has ended")
	if c := v.cookie(at+"/", cookieName+"~"+strings.TrimPrefix(at[:len(at)-13], "/s/")); c != "" {
		v.Errorf("the phone keeps the cookie %s", c)
	}
	v.form = formJSON
	v.get(at+"/keys").want(404, "This class has ended")
	v.get("/join").want(404, "This class has ended")
	v.form = formPage
	v.get("/join").want(404, "This class has ended")
	if c := v.cookie("/join", cookieName+"-seat"); c != "" {
		v.Errorf("the phone keeps its seat's cookie")
	}
	v.post("/join").want(404, "This class has ended")
}

// failingDocuments refuse to delete.
type failingDocuments struct {
	*classroom.MemoryDocuments
	fails bool
}

func (f *failingDocuments) Delete(ctx context.Context, names ...string) error {
	if f.fails && len(names) > 0 {
		return errors.New("the disk is gone")
	}
	return f.MemoryDocuments.Delete(ctx, names...)
}

// A class whose documents cannot be wiped goes on as if nobody had ended it.
func TestEndThatFails(t *testing.T) {
	t.Parallel()
	docs := &failingDocuments{MemoryDocuments: classroom.NewMemoryDocuments()}
	w := openClassWorld(t, func(c *Config) {
		open := c.Class.Open
		c.Class.Open = func(ctx context.Context) (ClassParts, error) {
			parts, err := open(ctx)
			parts.Documents = docs
			return parts, err
		}
	})
	one, _, at := taught(w)
	docs.fails = true
	w.teacher.post("/classroom/end", "sure", "1").want(503)
	docs.fails = false
	w.teacher.get("/classroom").want(200).wantNo("This class has ended")
	one.get(at[0]+"/keys").want(200, "typed-key")
	w.phone().join()
	w.teacher.form = formJSON
	got := w.teacher.post("/classroom/end", "sure", "1").want(200).json()
	if got["seats"] != 3.0 || got["sessions"] != 2.0 || got["left"] != false {
		t.Errorf("the end: %v", got)
	}
}

// Whatever is under way while the class is wiped leaves nothing: joins, answers, progress, presses.
func TestNothingIsKeptAfterTheEnd(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	one, _, at := taught(w)
	id, n := w.seatAt(at[0]).ID, w.class.together.Present().Question.N
	part := w.class.sessions(id).Backend
	if _, err := w.class.finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	w.class.roster.Offer("late")
	if _, err := w.class.roster.Join(ctx, "late", deviceOf(one.request("GET", "/", ""))); !errors.Is(err, classroom.ErrEnded) {
		t.Errorf("a join that was under way: %v", err)
	}
	_ = w.class.together.Answer(ctx, id, n, 1)
	_ = w.class.together.Ask(ctx, "two-tabs", nil, 2, 0)
	_ = w.class.roster.SetProgress(ctx, id, []byte("x"))
	_ = w.class.roster.SetDoor(ctx, true)
	_ = part
	if names := w.documentNames(); len(names) != 0 {
		t.Errorf("documents: %v", names)
	}
}

// After a crash in the middle of the end, the next start has no session without a seat.
func TestStartDropsWhatBelongsToNoSeat(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	_, _, at := taught(w)
	backend := w.class.parts.Backend
	if err := w.documents.Delete(t.Context(), "seat/"+string(w.seatAt(at[0]).ID)); err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		for range backend.All(context.Background()) {
			n++
		}
		return n
	}
	again := func() {
		a := newApp(t, func(c *Config) {
			c.Class = &ClassConfig{Seats: 30, Open: func(context.Context) (ClassParts, error) {
				return ClassParts{Durable: true, Backend: backend, Documents: w.documents, Network: w.net, Secrets: [][]byte{[]byte("a secret of the class, of at least 32 bytes, for tests")}, Close: func() error { return nil }}, nil
			}}
			c.Sessions.Now = w.clock.Now
		})
		if err := a.OpenClass(context.Background()); err != nil {
			t.Fatal(err)
		}
		a.Close()
	}
	again()
	if n := count(); n != 1 {
		t.Errorf("with one seat left: %d sessions", n)
	}
	if err := w.documents.Delete(t.Context(), w.documentNames()...); err != nil {
		t.Fatal(err)
	}
	again()
	if n := count(); n != 0 {
		t.Errorf("without a seat: %d sessions", n)
	}
}

// If this fails, phones of a class that ends with the program wait for a server that will not come back; or
// those of a class that goes on at the next start are told that it has ended.
func TestClassEndsWithTheProgram(t *testing.T) {
	t.Parallel()
	for durable, want := range map[bool]bool{false: true, true: false} {
		synctest.Test(t, func(t *testing.T) {
			w := openClassWorld(t, nil)
			w.class.parts.Durable = durable
			p := w.phone()
			s := p.stream(p.join() + "/class/events")
			synctest.Wait()
			w.app.Close()
			<-s.done
			if got := s.told.String(); strings.Contains(got, "This class has ended") != want || strings.HasSuffix(got, "event: bye\ndata: ended\n\n") != want {
				t.Errorf("with a class that goes on (%t) the page was told %q", durable, got)
			}
		})
	}
}

// A phone that is told the end while the program ends too hears the end first.
func TestEndIsToldBeforeTheProgramEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := openClassWorld(t, nil)
		p := w.phone()
		s := p.stream(p.join() + "/class/events")
		time.Sleep(time.Second)
		if said, err := w.app.EndClass(t.Context()); err != nil || !strings.Contains(said, "Wiped: 1 seat, ") {
			t.Errorf("%q, %v", said, err)
		}
		w.app.Close()
		<-s.done
		if got := s.told.String(); !strings.HasSuffix(got, "event: bye\ndata: ended\n\n") {
			t.Errorf("the page was told %q", got)
		}
	})
}
