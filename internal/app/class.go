package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/network"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
)

// ClassConfig is what a class is opened with.
type ClassConfig struct {
	// Seats is how many learners a class has room for.
	Seats int
	// LogRequests asks for one line a request of the class, as Config.LogRequests does.
	LogRequests bool
	// Names are more names that the Host of a request may carry, as in Config.Hosts, if the request
	// came from the network. One of this machine may not carry them: any device of the network can
	// say that it has such a name, and its pages would be taken for this server's (DNS rebinding).
	Names Hosts
	// Home says that the lab itself is for this machine only: what comes from the network came for
	// a class.
	Home bool
	// Open opens the class's own store and begins to listen on the network.
	Open func(context.Context) (ClassParts, error)
}

// ClassParts is what a class stands on. All of it is the class's own.
type ClassParts struct {
	Backend   session.Backend
	Documents classroom.Documents
	Secrets   [][]byte // sign the seats' cookies, each seat with its own derived from them
	Durable   bool     // the documents outlive the program
	File      string   // the database of the class; "" if there is none
	Prefix    string   // with which the keys of its sessions begin in Redis; "" for another store
	Network   Network
	// Reopen closes the store and opens it again, as a server that is restarted does. Forget makes a
	// store without the sessions and markers that there were. Each returns the store that takes the
	// place of the one before, which nobody uses meanwhile; nil, with an error, is none.
	Reopen, Forget func(context.Context) (session.Backend, error)
	Close          func() error // stops listening and closes the store
}

// Network is where a class listens.
type Network interface {
	Addresses() []network.Address // the best first
	Knocks() []network.Knock
}

// class is a class that is open. Its seats have an application of their own, with its own store,
// secrets, visits and limits: what is done to the class leaves the teacher's own lab alone.
type class struct {
	end      context.CancelFunc
	running  sync.WaitGroup // what works beside the requests until end is called
	app      *App           // the teacher's, which opened it
	lab      *App           // the seats'
	parts    ClassParts
	roster   *classroom.Class
	board    *classroom.Board
	together *classroom.Together
	browsers *classroom.Browsers
	run      classRun
	shared   *classroom.Shared
	survey   *classroom.Survey
	opened   time.Time
	teachers teachers
	doctor   *doctor
	news     boardNews
	probes   probes
	said     boardSaid
	codes    sync.Map // the QR codes of addresses, as [2]string

	rehearsal rehearsing
	planning  sync.Mutex // held by what moves the class through a lesson plan

	streams   classStreams
	documents *classroom.Sealable   // the same as of parts
	finishing sync.Mutex            // one finish after another
	ending    atomic.Bool           // set before the roster is wiped, or the program takes the class along: the pages of the seats say then that the class has ended
	over      atomic.Pointer[wiped] // what its end has removed; nil before

	acting  atomic.Bool // something is being done for everyone
	known   sync.Map    // session.Known by the ID of a seat: the session that its last request left
	sitting sync.Mutex  // guards seats, and that each has the secrets of the present generation
	seats   map[classroom.ID]*seat.Seat
}

// errNoClass is the refusal of a class that cannot be opened.
var errNoClass = &problem{status: http.StatusNotFound, detail: "No class can be opened here: this program was started without a network for one."}

// now returns the time by the clock of the sessions.
func (cl *class) now() time.Time { return cl.app.seats.Root.Engine.Now() }

// openClass returns the class that is open, or nil.
func (a *App) openClass() *class { return a.class.Load() }

// classHere returns the class whose seats a serves, or that is open beside the lab; nil for none.
func (a *App) classHere() *class {
	if a.of != nil {
		return a.of
	}
	return a.openClass()
}

// OpenClass opens a class if none is open. One that has ended is closed for it. The error says which part could not be opened.
func (a *App) OpenClass(ctx context.Context) (err error) {
	a.classOpening.Lock()
	defer a.classOpening.Unlock()
	if old := a.openClass(); old != nil && old.over.Load() != nil && !a.ended() {
		a.class.Store(nil)
		if err := old.close(); err != nil {
			a.cfg.Log.Error("the class that has ended was not closed in order", "error", err)
		}
	}
	switch {
	case a.openClass() != nil:
		return nil
	case a.cfg.Class == nil, a.ended():
		return errNoClass
	}
	parts, err := a.cfg.Class.Open(ctx)
	if err != nil {
		return fmt.Errorf("open the class: %w", err)
	}
	documents := classroom.NewSealable(parts.Documents)
	parts.Documents = documents
	cl := &class{app: a, parts: parts, documents: documents, opened: a.seats.Root.Engine.Now(), seats: make(map[classroom.ID]*seat.Seat)}
	if err := cl.open(ctx); err != nil {
		return errors.Join(fmt.Errorf("open the class: %w", err), parts.Close())
	}
	ctx, cl.end = context.WithCancel(context.WithoutCancel(ctx))
	cl.running.Go(func() { cl.lab.hub.Run(ctx) })
	cl.running.Go(func() { cl.sweep(ctx) })
	a.class.Store(cl)
	return nil
}

// ended tells whether the app is closed.
func (a *App) ended() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

// sweepSeats is how often the expired records of all seats are cleared.
const sweepSeats = 10 * time.Minute

// sweep clears what has expired at the seats, until ctx ends.
func (cl *class) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepSeats)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := cl.shared.Sweep(ctx); err != nil && ctx.Err() == nil {
				cl.app.cfg.Log.Error("clearing expired sessions of the class failed", "error", err)
			}
		}
	}
}

// open makes what the class consists of, with what its documents hold.
func (cl *class) open(ctx context.Context) (err error) {
	a := cl.app
	now := a.seats.Root.Engine.Now
	cl.board = classroom.NewBoard(now)
	cl.doctor = newDoctor(cl.parts.Network.Addresses)
	cl.news.open(cl)
	if cl.shared, err = classroom.Share(ctx, cl.parts.Backend, now); err != nil {
		return err
	}
	if cl.roster, err = classroom.Open(ctx, classroom.Config{
		Documents: cl.parts.Documents, Seats: a.cfg.Class.Seats, Now: now, Log: a.cfg.Log, Changed: cl.rosterChanged,
	}); err != nil {
		return err
	}
	if err := cl.tidy(ctx); err != nil {
		return err
	}
	if err := cl.openTogether(ctx); err != nil {
		return err
	}
	if err := cl.openSurvey(ctx); err != nil {
		return err
	}
	if err := cl.makeLab(); err != nil {
		return err
	}
	for _, s := range cl.roster.Seats() {
		if err := cl.sit(s); err != nil {
			return err
		}
		cl.board.Restored(s.ID, s.Nickname)
		p, _ := cl.lab.progressOf(session.Value(s.Progress), len(s.Progress) > 0)
		cl.board.SetDone(s.ID, len(p.Done))
	}
	if err := cl.roster.Remove(ctx, cl.roster.Rehearsing()...); err != nil { // those browsers went with the program
		return err
	}
	cl.noteAnswers()
	cl.together.Start()
	return cl.goOnActing(ctx)
}

// makeLab makes the application that serves the seats.
func (cl *class) makeLab() (err error) {
	cfg := cl.app.cfg
	cfg.Seats, cfg.LogRequests, cfg.Class, cfg.Quit = cfg.Class.Seats, cfg.Class.LogRequests, nil, nil
	cfg.Sessions = cl.sessions(classroom.ID(""))
	cl.lab, err = assembleLab(cfg, cl.app.assets, cl)
	return err
}

// partLimits are what the sessions of one seat may take.
var partLimits = classroom.PartLimits{Sessions: 16, Bytes: 1 << 20}

// seatIDs is how many IDs of placement cookie one seat gets within a lifetime: each may leave a marker
// of some 300 bytes.
const seatIDs = 2000

// sessions returns the configuration of a seat's engine. Its secrets are derived for the seat, and
// its records are kept apart: a cookie of one seat opens nothing at another.
func (cl *class) sessions(id classroom.ID) session.Config {
	cfg := cl.app.cfg.Sessions
	cfg.Backend = cl.shared.Part(tagOf(id), partLimits)
	cfg.KnownBytes = 16 << 10
	cfg.IDRoom = session.NewIDRoom(seatIDs, cfg.Lifetime)
	cfg.Secrets = cl.secretsOf(id)
	return cfg
}

// secretsOf returns what signs the cookies of a seat. Each restart with a new secret begins another
// generation of them.
func (cl *class) secretsOf(id classroom.ID) [][]byte {
	text := "sessionscope class seat v1: " + string(id)
	if g := cl.survey.Generation(); g > 0 {
		text += " " + strconv.Itoa(g)
	}
	secrets := make([][]byte, len(cl.parts.Secrets))
	for i, secret := range cl.parts.Secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(text))
		secrets[i] = mac.Sum(nil)
	}
	return secrets
}

// tagOf returns the tag of a seat's records: the bytes of its ID.
func tagOf(id classroom.ID) (tag [8]byte) {
	b, _ := hex.DecodeString(string(id))
	copy(tag[:], b)
	return tag
}

// sit gives a seat of the roster its place in the lab of the class.
func (cl *class) sit(s classroom.Seat) error {
	cl.sitting.Lock()
	defer cl.sitting.Unlock()
	cl.known.Delete(s.ID)
	cfg := cl.sessions(s.ID)
	cfg.CookieName, cfg.CookiePath = cfg.CookieName+"~"+s.Name, "/s/"+s.Place()+"/"
	var sits *seat.Seat
	cfg.OnEvent = func(ctx context.Context, ev session.Event) { cl.lab.recordEventOf(ctx, sits, ev) }
	cfg.Watched, cfg.Log = cl.lab.showsEvents, cl.lab.cfg.Log
	engine, err := session.New(cfg)
	if err != nil {
		return err
	}
	cl.leave(cl.seats[s.ID])
	sits = cl.lab.seats.Join(s.Place(), string(s.ID), engine)
	cl.lab.uses.Store(sits, newSeatUse())
	cl.seats[s.ID] = sits
	return nil
}

// seatOfID returns the seat of that ID, nil if it has gone.
func (cl *class) seatOfID(id classroom.ID) *seat.Seat {
	cl.sitting.Lock()
	defer cl.sitting.Unlock()
	return cl.seats[id]
}

// leave ends what a seat had at its old place. old may be nil.
func (cl *class) leave(old *seat.Seat) {
	if old == nil {
		return
	}
	cl.lab.seats.Leave(old)
	cl.lab.hub.Leave(old)
	cl.lab.figures.Delete(old)
	cl.lab.uses.Delete(old)
}

// rosterChanged is told of each change of the roster. A seat that came, moved or got another code is
// served at its place, and one that went is not served any more.
func (cl *class) rosterChanged(change classroom.Change) {
	s := change.Seat
	switch change.Kind {
	case classroom.Came, classroom.Moved:
		if err := cl.sit(s); err != nil {
			cl.app.cfg.Log.Error("a seat of the class cannot be used", "error", err)
			return
		}
		if change.Kind == classroom.Moved {
			cl.streams.tell(s.ID, wordMoved)
			cl.board.Moved(s.ID)
			return
		}
		if s.Rehearsal {
			cl.board.Rehearses(s.ID, s.Nickname)
		} else {
			cl.board.Joined(s.ID, s.Nickname)
		}
	case classroom.Recoded:
		cl.streams.look(s.ID)
	case classroom.Went:
		cl.sitting.Lock()
		cl.leave(cl.seats[s.ID])
		delete(cl.seats, s.ID)
		cl.sitting.Unlock()
		cl.known.Delete(s.ID)
		cl.lab.experiments.End(seatLearner(string(s.ID)))
		word := wordGone
		if cl.ending.Load() {
			word = wordEnded
		}
		cl.streams.tell(s.ID, word)
		cl.board.Removed(s.ID)
		cl.together.Left(s.ID)
		cl.browsers.Left(s.ID)
		cl.probes.forget(s.ID)
		cl.survey.Left(s.ID)
		if cl.ending.Load() {
			return // the sessions of all seats are removed together
		}
		if err := cl.shared.Drop(context.Background(), tagOf(s.ID)); err != nil {
			cl.app.cfg.Log.Error("the sessions of a seat that went were not removed", "error", err)
		}
	}
}

// close ends the class's lab and closes what it stands on. The pages of the seats hear that a class has ended
// which ends with the program; one in a file goes on at the next start.
func (cl *class) close() error {
	if !cl.parts.Durable {
		cl.ending.Store(true)
	}
	cl.end()
	cl.rehearsal.close()
	cl.board.Close()
	cl.together.Close()
	cl.lab.Close()
	cl.running.Wait()
	return cl.parts.Close()
}
