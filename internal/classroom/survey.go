package classroom

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Survey is what was done to every session of a class at once, and what the requests after it showed.
// It is safe for concurrent use.
//
// An act is begun in the Documents before it takes effect, and done there before a request can meet
// what it did: after a crash in the middle, Unfinished has what is left to do. Begin with OpenSurvey.
type Survey struct {
	cfg     SurveyConfig
	writing sync.RWMutex // held by a change of the act, for reading while it is written what a request showed
	number  atomic.Int64 // of the latest act that is done

	mu    sync.RWMutex // guards what follows, never held while the documents work
	kept  surveyDocument
	seats map[ID]stake // of the present act
	past  []PastAct
	owed  map[string]ID // names of documents that may hold something else; the ID is of a seat's stake
}

// SurveyConfig is what a Survey is made of.
type SurveyConfig struct {
	Documents Documents        // the same as the Class's
	There     func(ID) bool    // tells whether there is a seat of that ID
	Now       func() time.Time // the clock; nil is time.Now
	Log       *slog.Logger     // nil discards; no line names a seat
	Changed   func(shown bool) // is told after each change; shown after Begin, Done, Finish and Wiped; it may be nil
}

// ErrActing tells that an act is under way.
var ErrActing = errors.New("another act for everyone is under way")

// OpenSurvey returns what the documents hold.
func OpenSurvey(ctx context.Context, cfg SurveyConfig) (*Survey, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Changed == nil {
		cfg.Changed = func(bool) {}
	}
	s := &Survey{cfg: cfg, seats: make(map[ID]stake), owed: make(map[string]ID)}
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	done := s.kept.Acts
	if s.kept.Act != nil && !s.kept.Done {
		done--
	}
	s.number.Store(int64(done))
	return s, nil
}

// Generation returns how often the secrets of the class were replaced.
func (s *Survey) Generation() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.kept.Generation
}

// Number returns the number of the latest act that is done; 0 before the first. A request that takes it
// before it loads its session tells with Pressed which act it came after.
func (s *Survey) Number() int { return int(s.number.Load()) }

// Present returns the act that is shown, nil for none. busy tells that it is under way.
func (s *Survey) Present() (act *Act, busy bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.kept.Act, s.kept.Act != nil && !s.kept.Done
}

// Begin writes down that an act begins, and what each seat had before; with ActNewSecret also that other
// secrets sign from now on. The act before it is finished. The errors are ErrActing and the documents':
// then nothing has changed.
func (s *Survey) Begin(ctx context.Context, kind ActKind, awake int, stakes []Stake) (Act, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	was, past := s.ending()
	if was.Act != nil && !was.Done {
		return Act{}, ErrActing
	}
	next := was
	next.Acts++
	if kind == ActNewSecret {
		next.Generation++
	}
	next.Act, next.Done = &Act{N: next.Acts, Kind: kind, At: s.cfg.Now(), Seats: len(stakes), Awake: awake}, false
	seats, docs := make(map[ID]stake, len(stakes)), documentsOf(past)
	for _, one := range stakes {
		seats[one.Seat] = stake{known: one.Known}
		docs = append(docs, stakeOf(one.Seat, next.Acts, seats[one.Seat]))
	}
	if err := s.put(ctx, append(docs, next.document())...); err != nil {
		_ = s.put(ctx) // it may have been written all the same, and must not come back with the next start
		return Act{}, fmt.Errorf("classroom: keep that an act begins: %w", err)
	}
	s.mu.Lock()
	s.kept, s.seats, s.past = next, seats, append(s.past, past...)
	s.mu.Unlock()
	s.cfg.Changed(true)
	return *next.Act, nil
}

// Done writes down that the act is done. failed tells that it was not done for all. If that
// cannot be kept, the next write of the Survey keeps it; a start before that does the act again.
func (s *Survey) Done(ctx context.Context, failed bool) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.RLock()
	next := s.kept
	s.mu.RUnlock()
	if next.Act == nil || next.Done {
		return
	}
	act := *next.Act
	act.Failed, next.Act, next.Done = failed, &act, true
	if err := s.put(ctx, next.document()); err != nil {
		s.cfg.Log.Error("classroom: that an act for everyone is done was not kept", "error", err)
	}
	s.mu.Lock()
	s.kept = next
	s.mu.Unlock()
	s.number.Store(int64(next.Acts))
	s.cfg.Changed(true)
}

// Unfinished returns the act that was begun and not done before the program ended, with what the seats
// had; nil for none. The caller does it again, and calls Done.
func (s *Survey) Unfinished() (*Act, []Stake) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.kept.Act == nil || s.kept.Done {
		return nil, nil
	}
	var all []Stake
	for id, one := range s.seats {
		all = append(all, Stake{id, one.known})
	}
	return s.kept.Act, all
}

// Pressed notes what a request of a seat showed that took number n before it loaded its session. Only
// the first after the act counts; the result tells whether this was it. If that cannot be kept, the next
// write of the Survey keeps it.
func (s *Survey) Pressed(ctx context.Context, id ID, n int, showed Showed) bool {
	s.writing.RLock() // an act that begins meanwhile would find its document replaced
	defer s.writing.RUnlock()
	s.mu.Lock()
	one, there := s.seats[id]
	first := there && s.kept.Act != nil && s.kept.Done && s.kept.Acts == n && one.showed.What == ShowedNothing
	if first {
		one.showed = showed
		s.seats[id] = one
	}
	s.mu.Unlock()
	if !first {
		return false
	}
	if err := s.put(ctx, stakeOf(id, n, one)); err != nil {
		s.cfg.Log.Error("classroom: what a request after an act showed was not kept", "error", err)
	}
	s.cfg.Changed(false)
	return true
}

// Of returns the act that is shown to a seat, what the seat had before it, and what its first request
// after it showed. ok is false without an act that is done, and for a seat that came later.
func (s *Survey) Of(id ID) (act Act, had session.Known, showed Showed, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	one, there := s.seats[id]
	if !there || s.kept.Act == nil || !s.kept.Done {
		return Act{}, session.Known{}, Showed{}, false
	}
	return *s.kept.Act, one.known, one.showed, true
}

// Rows counts the seats of the present act: by where their values lived, those without a session last.
// Rows without a seat are left out.
func (s *Survey) Rows() []Row {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rows()
}

// Unheard returns the seats of the present act that were not heard since.
func (s *Survey) Unheard() (ids []ID) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for id, one := range s.seats {
		if one.showed.What == ShowedNothing {
			ids = append(ids, id)
		}
	}
	return ids
}

// Among returns how many of the seats ids the present act counts. Who has joined since then is none of them.
func (s *Survey) Among(ids []ID) (n int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range ids {
		if _, counted := s.seats[id]; counted {
			n++
		}
	}
	return n
}

// All returns the acts of the class in numbers, the oldest first, with the one that is shown.
func (s *Survey) All() []PastAct {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := slices.Clone(s.past)
	if s.kept.Act != nil && s.kept.Done {
		all = append(all, PastAct{*s.kept.Act, s.rows()})
	}
	return all
}

// DoneSince tells whether an act of that kind was done at that time or later.
func (s *Survey) DoneSince(kind ActKind, at time.Time) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	is := func(a Act) bool { return a.Kind == kind && !a.At.Before(at) }
	return s.kept.Act != nil && s.kept.Done && is(*s.kept.Act) || slices.ContainsFunc(s.past, func(a PastAct) bool { return is(a.Act) })
}

// Finish takes the act away from what is shown. An act that is under way stays. The error is the
// documents'.
func (s *Survey) Finish(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	next, past := s.ending()
	if next.Act == nil || !next.Done {
		return nil
	}
	next.Act = nil
	if err := s.put(ctx, append(documentsOf(past), next.document())...); err != nil {
		return fmt.Errorf("classroom: keep that an act is shown no more: %w", err)
	}
	s.mu.Lock()
	var names []string
	for id := range s.seats {
		names = append(names, stakeName(id))
	}
	s.kept, s.seats, s.past = next, make(map[ID]stake), append(s.past, past...)
	s.mu.Unlock()
	if err := s.cfg.Documents.Delete(ctx, names...); err != nil {
		s.cfg.Log.Error("classroom: what the seats had before an act was left until the next start", "error", err)
	}
	s.cfg.Changed(true)
	return nil
}

// ending returns the state, with the present act in numbers if it is done.
func (s *Survey) ending() (surveyDocument, []PastAct) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.kept.Act == nil || !s.kept.Done {
		return s.kept, nil
	}
	return s.kept, []PastAct{{*s.kept.Act, s.rows()}}
}

// Left forgets a seat that went. Its document went with the seat's.
func (s *Survey) Left(id ID) {
	s.mu.Lock()
	_, had := s.seats[id]
	delete(s.seats, id)
	s.mu.Unlock()
	if had {
		s.cfg.Changed(false)
	}
}

// Wiped forgets everything after Class.Wipe has removed the documents.
func (s *Survey) Wiped() {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	s.kept, s.seats, s.past, s.owed = surveyDocument{}, make(map[ID]stake), nil, make(map[string]ID)
	s.mu.Unlock()
	s.number.Store(0)
	s.cfg.Changed(true)
}
