package app

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/rehearsal"
)

// wire is a connection of one of the program's own browsers that goes straight to the router. Its two
// ends are this machine's address in the network.
type wire struct{ app *App }

// RoundTrip implements http.RoundTripper. The body of the answer is read while it is written.
func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	asked := httptest.NewRequest(r.Method, r.URL.RequestURI(), r.Body)
	asked.Host, asked.Header, asked.RemoteAddr = r.URL.Host, r.Header.Clone(), "192.168.77.1:40000"
	at := context.WithValue(context.Background(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.IPv4(192, 168, 77, 1), Port: 8080}))
	ctx, end := context.WithCancel(r.Context())
	body, out := io.Pipe()
	context.AfterFunc(r.Context(), func() { body.CloseWithError(r.Context().Err()) })
	begun := make(chan struct{})
	answer := &piped{header: http.Header{}, out: out, begun: begun}
	go func() {
		defer end()
		w.app.ServeHTTP(answer, asked.WithContext(&merged{ctx, at}))
		answer.WriteHeader(http.StatusOK)
		out.Close()
	}()
	select {
	case <-begun:
	case <-ctx.Done():
		select {
		case <-begun: // the answer has ended
		default:
			return nil, ctx.Err()
		}
	}
	return &http.Response{StatusCode: answer.status, Header: answer.header, Body: body, Request: r}, nil
}

// piped is a ResponseWriter whose body goes through a pipe.
type piped struct {
	header http.Header
	status int
	out    *io.PipeWriter
	begun  chan struct{} // closed once there is a status
}

func (p *piped) Header() http.Header { return p.header }
func (p *piped) WriteHeader(status int) {
	if p.status == 0 {
		p.status = status
		close(p.begun)
	}
}
func (p *piped) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	return p.out.Write(b)
}
func (p *piped) FlushError() error                  { p.WriteHeader(http.StatusOK); return nil }
func (p *piped) SetWriteDeadline(_ time.Time) error { return nil }

// rehearse runs a test in a class whose clock is the test's, with connections for the program's own
// browsers.
func rehearse(t *testing.T, seats int, test func(t *testing.T, w *classWorld)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := openClassWorld(t, func(c *Config) { c.Sessions.Now, c.Class.Seats = time.Now, seats })
		w.class.rehearsal.transport = func() http.RoundTripper { return wire{w.app} }
		w.teacher.form = formJSON
		defer w.app.Close()
		test(t, w)
	})
}

// A teacher would press, and nobody would come; or more than six, or without a label; they would not do
// anything; or something of them would be left.
func TestRehearsal(t *testing.T) {
	rehearse(t, 30, func(t *testing.T, w *classWorld) {
		w.teacher.post("/classroom/rehearse").want(200, `"browsers":6`)
		w.teacher.post("/classroom/rehearse").want(200, `"browsers":6`)
		time.Sleep(30 * time.Second)
		board := w.teacher.get("/classroom").want(200)
		if n := strings.Count(board.body, `"rehearsal":true`); n != rehearsal.Browsers || strings.Count(board.body, `"nickname"`) != n {
			t.Errorf("of the program's own are %d: %s", n, board.body)
		}
		time.Sleep(time.Minute)
		tiles, _, _, _ := w.class.board.Since(0)
		var inCookie, onServer int
		for _, tile := range tiles {
			if tile.Flash == 0 { // what it pressed is its own choice: it may have no session now
				t.Errorf("%s has pressed nothing: %+v", tile.Nickname, tile)
			}
			inCookie, onServer = inCookie+tile.InCookie, onServer+tile.OnServer
		}
		if inCookie == 0 || onServer == 0 {
			t.Errorf("%d values live in cookies, %d on the server", inCookie, onServer)
		}
		w.teacher.form = formPage
		w.teacher.get("/classroom").want(200, "6 of them rehearse, ", `<small class="own">rehearsal</small>`, "<small>6 here</small>", "Let them leave").wantNo("learner has joined")
		phone := w.phone()
		phone.join()
		w.teacher.get("/classroom").want(200, "7 seats", "6 of them rehearse, ", "A learner has joined:")
		w.teacher.form = formJSON
		w.teacher.post("/classroom/rehearse", "stop", "1").want(200, `"removed":6`)
		synctest.Wait()
		if left := w.class.roster.Seats(); len(left) != 1 || left[0].Rehearsal {
			t.Errorf("left are %v", left)
		}
		w.teacher.post("/classroom/rehearse", "stop", "1").want(200, `"removed":0`)
		if stats, err := w.class.shared.Stats(t.Context()); err != nil || stats.Live+stats.Expired != 0 {
			t.Errorf("records are left: %+v, %v", stats, err)
		}
	})
}

// A rehearsal would answer nothing, or nobody would say that answers are the program's own; or they would
// go on while the class is paused.
func TestRehearsalAnswers(t *testing.T) {
	rehearse(t, 30, func(t *testing.T, w *classWorld) {
		w.teacher.post("/classroom/rehearse").want(200)
		time.Sleep(30 * time.Second)
		e := w.app.shelf.Sections()[0].Experiments[0]
		if err := w.class.ask(t.Context(), e.Slug, nil, 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		if n := w.class.together.Present().Answered; n != rehearsal.Browsers-1 {
			t.Errorf("%d of the program's own browsers have answered", n)
		}
		if n, _ := w.class.answersOfOneDevice(); n != 0 { // a teacher who rehearses is not warned of a crowd of seats
			t.Errorf("%d answers of the program's own browsers are held against a device", n)
		}
		if err := w.class.together.Pause(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		tiles, _, _, _ := w.class.board.Since(0)
		time.Sleep(2 * time.Minute)
		for i, tile := range tiles {
			if now, _ := w.class.board.Tile(tile.ID); now.Flash > tiles[i].Flash+1 { // that were refused
				t.Errorf("%s has pressed %d times in a pause", tile.Nickname, now.Flash-tiles[i].Flash)
			}
		}
		if err := w.class.together.CloseQuestion(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		q := w.class.together.Present().Question
		if q.Rehearsed != rehearsal.Browsers-1 || q.Answers() != q.Rehearsed {
			t.Errorf("%d of %d answers are the program's own", q.Rehearsed, q.Answers())
		}
		if words := answeredWords(q); !strings.Contains(words, "5 of them are of the program's own browsers, in a rehearsal") {
			t.Errorf("the answers are called %q", words)
		}
	})
}

// The table would say of a learner's requests that the program's own browsers sent them, which joined later.
func TestWhoRehearsesAfterAnActIsNotCountedInIt(t *testing.T) {
	t.Parallel()
	w := openBoard(t)
	w.sit(w.phone())
	if _, err := w.class.survey.Begin(t.Context(), classroom.ActFlush, 1, w.class.stakes()); err != nil {
		t.Fatal(err)
	}
	w.class.survey.Done(t.Context(), false)
	w.class.roster.Offer("a small browser")
	if _, err := w.class.roster.Rehearse(t.Context(), "a small browser", netip.MustParseAddr("192.168.77.1")); err != nil {
		t.Fatal(err)
	}
	if v := w.class.survivorsView(); v == nil || v.Sent != "no request of the 1 phone yet" {
		t.Errorf("the board says %+v", v)
	}
}

// What the program's own browsers sent after an act would look like what learners sent.
func TestRehearsalHearsOfAnAct(t *testing.T) {
	rehearse(t, 30, func(t *testing.T, w *classWorld) {
		w.teacher.post("/classroom/rehearse").want(200)
		time.Sleep(30 * time.Second)
		w.teacher.post("/classroom/everyone", "act", "flush", "sure", "1").want(200, `"awake":6`)
		time.Sleep(3 * time.Second)
		v := w.class.survivorsView()
		if v == nil || !strings.HasSuffix(v.Sent, "6 of them are of the program's own browsers, in a rehearsal") {
			t.Fatalf("the board says %+v", v)
		}
		for _, row := range v.Rows {
			if row.Unheard != "0" {
				t.Errorf("of %+v some were not heard from", row)
			}
		}
	})
}

// A phone could say that it is one of the program's own browsers, or a browser that was told to leave could
// still take a seat.
func TestOnlyTheProgramRehearses(t *testing.T) {
	rehearse(t, 30, func(t *testing.T, w *classWorld) {
		w.teacher.post("/classroom/rehearse").want(200)
		time.Sleep(30 * time.Second)
		w.class.rehearsal.mu.Lock()
		tokens := make([]string, 0, rehearsal.Browsers)
		for token := range w.class.rehearsal.tokens {
			tokens = append(tokens, token)
		}
		w.class.rehearsal.mu.Unlock()
		phone := w.phone()
		phone.form = formJSON
		for _, name := range []string{"rehearsal", "own", "token"} {
			phone.post("/join", name, "1", "visitor", strings.Repeat("x", 26)).want(200)
		}
		for _, s := range w.class.roster.Seats()[rehearsal.Browsers:] {
			if s.Rehearsal {
				t.Errorf("a phone has a seat of the program's own")
			}
		}
		w.teacher.post("/classroom/rehearse", "stop", "1").want(200)
		before := w.class.roster.Count()
		for _, token := range tokens {
			phone.post("/join", "visitor", token).want(422)
		}
		if n := w.class.roster.Count(); n != before {
			t.Errorf("%d seats were taken after all have left", n-before)
		}
	})
}

// In a full class the program's own browsers would take the places of learners, or nobody would say why
// they do not come.
func TestRehearsalInAFullClass(t *testing.T) {
	rehearse(t, 4, func(t *testing.T, w *classWorld) {
		w.phone().join()
		w.teacher.post("/classroom/rehearse").want(200, `"browsers":3`)
		time.Sleep(30 * time.Second)
		for range 3 {
			w.phone().join()
		}
		if own := w.class.roster.Rehearsing(); len(own) != 0 {
			t.Errorf("%d of the program's own browsers stand in the way", len(own))
		}
		time.Sleep(5 * time.Minute)
		if n := w.class.rehearsers(); n != 0 || w.class.roster.Count() != 4 {
			t.Errorf("%d are there or come, of %d seats", n, w.class.roster.Count())
		}
		w.teacher.post("/classroom/rehearse").want(429, "a rehearsal takes none from a learner")
	})
}

// After a crash there would be seats on the board whose browsers are gone.
func TestNoRehearsalAfterARestart(t *testing.T) {
	rehearse(t, 30, func(t *testing.T, w *classWorld) {
		w.phone().join()
		w.teacher.post("/classroom/rehearse").want(200)
		time.Sleep(30 * time.Second)
		again := classWorldBefore(t, func(c *Config) {
			opens := c.Class.Open
			c.Class.Open = func(ctx context.Context) (ClassParts, error) {
				parts, err := opens(ctx)
				parts.Documents = w.documents
				return parts, err
			}
		})
		if err := again.app.OpenClass(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer again.app.Close()
		if seats := again.app.openClass().roster.Seats(); len(seats) != 1 || seats[0].Rehearsal {
			t.Errorf("after the restart there are %v", seats)
		}
	})
}
