package classroom_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/classroom/classtest"
)

// model is what a class must be, beside the class.
type model struct {
	*school
	rt      *rapid.T
	want    map[classroom.ID]classroom.Seat
	cookies map[classroom.ID]string // those that the model knows
	closed  bool
}

// TestModelOfAClass does what teachers and students do, in random order, while writes of the
// documents fail before or after they have happened. After every step it opens the class a
// second time. If it fails, something that was acknowledged is lost, or something that failed
// has happened.
func TestModelOfAClass(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{school: newSchool(rt, 5), rt: rt, want: make(map[classroom.ID]classroom.Seat), cookies: make(map[classroom.ID]string)}
		steps := []func() (classroom.ID, error){m.join, m.join, m.back, m.wrong, m.remove, m.use, m.progress, m.door, m.giveBack}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			m.now = m.now.Add(time.Duration(rapid.IntRange(1, 40).Draw(rt, "seconds")) * time.Second)
			fails := rapid.SampledFrom([]int{0, 0, 0, 1, 1, 2}).Draw(rt, "the write that fails")
			after := rapid.Bool().Draw(rt, "after it has happened")
			m.documents.Fail(fails, after)
			id, err := rapid.SampledFrom(steps).Draw(rt, "step")()
			m.documents.Fail(0, false)
			m.check(m.Class)
			if errors.Is(err, classtest.ErrFailing) && after {
				m.adopt(id)
				continue
			}
			m.check(m.second())
		}
	})
}

// second opens the class again, with a copy of the documents.
func (m *model) second() *classroom.Class {
	documents := classroom.NewMemoryDocuments()
	for doc, err := range m.documents.All(context.Background()) {
		want(m.rt, err, nil)
		want(m.rt, documents.Put(context.Background(), doc), nil)
	}
	class, err := classroom.Open(context.Background(), classroom.Config{Documents: documents, Seats: m.seats, Now: func() time.Time { return m.now }})
	if err != nil {
		m.rt.Fatal(err)
	}
	return class
}

// check compares a class with the model.
func (m *model) check(class *classroom.Class) {
	m.rt.Helper()
	got := make(map[classroom.ID]classroom.Seat)
	names := make(map[string]bool)
	for _, seat := range class.Seats() {
		got[seat.ID] = seat
		if at, ok := class.AtPlace(seat.Place()); !ok || at.ID != seat.ID || names[seat.Name] {
			m.rt.Fatalf("at %s: %v", seat.Place(), at)
		}
		names[seat.Name] = true
	}
	if diff := cmp.Diff(m.want, got, seatOptions); diff != "" {
		m.rt.Fatalf("seats (-want +got):\n%s", diff)
	}
	for id, cookie := range m.cookies {
		if seat, ok := class.Remembered(cookie); !ok || seat.ID != id {
			m.rt.Fatalf("the cookie of %s finds %v", id, seat)
		}
	}
	if class.DoorClosed() != m.closed {
		m.rt.Fatalf("closed: %v", class.DoorClosed())
	}
}

// adopt crashes after a step on the seat of an ID has failed, and may have happened all the
// same. Everything else must be as it was.
func (m *model) adopt(id classroom.ID) {
	m.rt.Helper()
	m.crash()
	delete(m.cookies, id)
	changed := 0
	for _, seat := range m.Seats() {
		if diff := cmp.Diff(m.want[seat.ID], seat, seatOptions); diff != "" && seat.ID != id {
			changed++
		}
		m.want[seat.ID] = seat
	}
	for known := range m.want {
		if _, there := m.Seat(known); !there {
			delete(m.want, known)
			delete(m.cookies, known)
			if known != id {
				changed++
			}
		}
	}
	if changed > 0 && id != "" || changed > 2 { // a Join that fails can bring one and remove one
		m.rt.Fatalf("%d other seats have changed", changed)
	}
	m.closed = m.DoorClosed()
	m.check(m.Class)
}

// some returns one of the seats, or the zero Seat if there is none.
func (m *model) some() classroom.Seat {
	ids := slices.Sorted(maps.Keys(m.want))
	if len(ids) == 0 {
		return classroom.Seat{}
	}
	slices.SortFunc(ids, func(a, b classroom.ID) int { return m.want[a].Joined.Compare(m.want[b].Joined) })
	return m.want[ids[rapid.IntRange(0, len(ids)-1).Draw(m.rt, "seat")]]
}

// update notes a seat as a step returned it.
func (m *model) update(joined classroom.Joined) {
	m.want[joined.ID], m.cookies[joined.ID] = joined.Seat, joined.Cookie
}

func (m *model) join() (classroom.ID, error) {
	visitor := fmt.Sprint("visitor ", rapid.IntRange(1, 9).Draw(m.rt, "visitor"))
	offered, _ := m.Offer(visitor)
	var oldest classroom.Seat // of those that may give way
	for _, seat := range m.want {
		if !seat.Used && m.now.Sub(seat.Joined) >= time.Minute && (oldest.ID == "" || seat.Joined.Before(oldest.Joined)) {
			oldest = seat
		}
	}
	joined, err := m.Join(context.Background(), visitor, phone)
	full := new(classroom.FullError)
	switch _, again := m.want[joined.ID]; {
	case errors.As(err, &full):
		if len(m.want) < m.seats || oldest.ID != "" {
			m.rt.Fatalf("full with %d seats, of which %v may give way", len(m.want), oldest)
		}
	case errors.Is(err, classroom.ErrDoor):
		if !m.closed {
			m.rt.Fatal("an open door was closed")
		}
	case err != nil:
		want(m.rt, err, classtest.ErrFailing)
	case again:
		if m.cookies[joined.ID] != joined.Cookie && m.cookies[joined.ID] != "" {
			m.rt.Fatalf("the same seat with another cookie: %v", joined)
		}
	default:
		if joined.Nickname != offered || m.closed {
			m.rt.Fatalf("joined as %q, offered %q, closed %v", joined.Nickname, offered, m.closed)
		}
		if len(m.want) >= m.seats {
			delete(m.want, oldest.ID)
			delete(m.cookies, oldest.ID)
		}
		m.update(joined)
	}
	return "", err
}

func (m *model) back() (classroom.ID, error) {
	seat := m.some()
	joined, err := m.Back(context.Background(), phone, seat.Nickname, seat.Code)
	if err == nil {
		seat.Suffix, seat.Code = joined.Suffix, joined.Code
		if diff := cmp.Diff(seat, joined.Seat, seatOptions); diff != "" {
			m.rt.Fatalf("moved (-want +got):\n%s", diff)
		}
		m.update(joined)
	}
	return seat.ID, err
}

func (m *model) wrong() (classroom.ID, error) {
	seat := m.some()
	_, err := m.Back(context.Background(), phone, seat.Nickname, "wrong")
	if wrong := new(classroom.WrongCodeError); errors.As(err, &wrong) && wrong.Left == 0 {
		now, _ := m.Seat(seat.ID)
		if now.Code == seat.Code {
			m.rt.Fatal("the code was not renewed")
		}
		seat.Code = now.Code
		m.want[seat.ID] = seat
	}
	return seat.ID, err
}

func (m *model) remove() (classroom.ID, error) {
	seat := m.some()
	err := m.Remove(context.Background(), seat.ID)
	if err == nil {
		delete(m.want, seat.ID)
		delete(m.cookies, seat.ID)
	}
	return seat.ID, err
}

// use is the one step that happens in memory although the documents fail.
func (m *model) use() (classroom.ID, error) {
	seat := m.some()
	if seat.ID == "" || seat.Used {
		return "", nil
	}
	m.documents.Fail(0, false)
	m.Use(seat.ID)
	seat.Used = true
	m.want[seat.ID] = seat
	return seat.ID, nil
}

func (m *model) progress() (classroom.ID, error) {
	seat := m.some()
	seat.Progress = []byte(rapid.String().Draw(m.rt, "progress"))
	err := m.SetProgress(context.Background(), seat.ID, seat.Progress)
	if err == nil {
		m.want[seat.ID] = seat
	}
	return seat.ID, err
}

func (m *model) door() (classroom.ID, error) {
	closed := rapid.SampledFrom([]bool{false, false, true}).Draw(m.rt, "closed")
	err := m.SetDoor(context.Background(), closed)
	if err == nil {
		m.closed = closed
	}
	return "", err
}

func (m *model) giveBack() (classroom.ID, error) {
	seat := m.some()
	code, _, err := m.GiveBack(context.Background(), seat.ID)
	if err != nil {
		return seat.ID, err
	}
	joined, err := m.Back(context.Background(), phone, "", code)
	if err == nil {
		m.update(joined)
	}
	return seat.ID, err
}
