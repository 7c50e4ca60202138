// Package classtest is the suite that every classroom.Documents passes. Begin with
// TestDocuments; with Failing for documents that fail on demand.
package classtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// TestDocuments tests the documents that open returns, which are empty. reopen closes them
// as a crash or an end of the program would and opens them again. It is nil if they do not
// outlive their program.
func TestDocuments(t *testing.T, open func(t *testing.T) (documents classroom.Documents, reopen func() classroom.Documents)) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"put, replace, delete", lifeCycle},
		{"every byte comes back", everyByte},
		{"limits, all or nothing", limits},
		{"in the order of names", order},
		{"nobody shares bytes", ownBytes},
		{"a loop can end early", early},
		{"canceled", canceled},
		{"parallel", parallel},
		{"random operations against a map", random},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := &suite{T: t, want: make(map[string]string)}
			s.documents, s.reopen = open(t)
			test.run(t, s)
			s.check()
			if s.reopen != nil {
				s.documents = s.reopen()
				s.check()
			}
		})
	}
}

// suite is one test with what must be in the documents.
type suite struct {
	*testing.T
	documents classroom.Documents
	reopen    func() classroom.Documents
	want      map[string]string
}

// put puts pairs of name and data, which must succeed.
func (s *suite) put(pairs ...string) {
	s.Helper()
	var docs []classroom.Document
	for pair := range slices.Chunk(pairs, 2) {
		docs = append(docs, classroom.Document{Name: pair[0], Data: []byte(pair[1])})
		s.want[pair[0]] = pair[1]
	}
	if err := s.documents.Put(s.Context(), docs...); err != nil {
		s.Fatal(err)
	}
}

// remove deletes names, which must succeed.
func (s *suite) remove(names ...string) {
	s.Helper()
	for _, name := range names {
		delete(s.want, name)
	}
	if err := s.documents.Delete(s.Context(), names...); err != nil {
		s.Fatal(err)
	}
}

// names returns the names of all documents, as they come.
func (s *suite) names() (names []string) {
	s.Helper()
	for doc, err := range s.documents.All(s.Context()) {
		if err != nil {
			s.Fatal(err)
		}
		names = append(names, doc.Name)
	}
	return names
}

// check compares everything that is there with what must be there.
func (s *suite) check() {
	s.Helper()
	got := make(map[string]string)
	for doc, err := range s.documents.All(s.Context()) {
		if err != nil {
			s.Fatal(err)
		}
		if _, twice := got[doc.Name]; twice {
			s.Errorf("document %q came twice", doc.Name)
		}
		got[doc.Name] = string(doc.Data)
	}
	if diff := cmp.Diff(s.want, got, cmpopts.EquateEmpty()); diff != "" {
		s.Fatalf("what is there (-want +got):\n%s", diff)
	}
}

func lifeCycle(t *testing.T, s *suite) {
	s.check()
	s.put()
	s.remove()
	s.put("a", "1")
	s.put("a", "2", "b", "3", "c", "")
	s.check()
	s.put("b", "4", "d", "5", "b", "6") // the later of two with one name
	s.check()
	s.remove("a", "nobody", "d", "a")
	s.check()
	s.remove("a")
	s.put("a", "again")
}

func everyByte(t *testing.T, s *suite) {
	every := make([]byte, 0, 256)
	for b := range 256 {
		every = append(every, byte(b))
	}
	s.put("all bytes", string(every), "largest", strings.Repeat("\x00\xff", classroom.MaxDocument/2))
	s.put("'; drop table documents; --", "quoted", "größe/日本/%_*?", "not ASCII", "\t\n", "white", "A", "large", "a", "small")
	s.put(strings.Repeat("n", classroom.MaxDocumentName), "the longest name", "trailing ", "1", "trailing", "2")
}

func limits(t *testing.T, s *suite) {
	s.put("there", "before")
	for _, bad := range []classroom.Document{
		{Name: ""},
		{Name: strings.Repeat("n", classroom.MaxDocumentName+1)},
		{Name: "no\x00name"},
		{Name: "no\xffname"},
		{Name: "large", Data: make([]byte, classroom.MaxDocument+1)},
	} {
		good := []classroom.Document{{Name: "there", Data: []byte("after")}, {Name: "new"}}
		for at := range len(good) + 1 {
			err := s.documents.Put(s.Context(), slices.Insert(slices.Clone(good), at, bad)...)
			if want := bad.Check(); err == nil || want == nil || !strings.Contains(err.Error(), want.Error()) {
				t.Fatalf("Put of %.20q, %d bytes: error %v, want %v", bad.Name, len(bad.Data), err, want)
			}
			s.check()
		}
	}
}

func order(t *testing.T, s *suite) {
	for _, n := range rand.Perm(40) {
		s.put(fmt.Sprint("seat/", n), "", fmt.Sprint("Seat-", n), "")
	}
	s.put("é", "", "z", "", "Z", "", "～", "", "😀", "", "a b", "", "a", "", "a/b", "", "a.b", "")
	s.put("seat/7", "replaced")
	if names := s.names(); !slices.IsSorted(names) {
		t.Errorf("the names come as %q", names)
	}
}

func ownBytes(t *testing.T, s *suite) {
	data := []byte("kept")
	if err := s.documents.Put(s.Context(), classroom.Document{Name: "a", Data: data}); err != nil {
		t.Fatal(err)
	}
	s.want["a"] = "kept"
	copy(data, "lost")
	s.check()
	for doc := range s.documents.All(s.Context()) {
		copy(doc.Data, "lost")
	}
}

func early(t *testing.T, s *suite) {
	s.put("a", "1", "b", "2", "c", "3")
	for range 20 { // no connection and no lock stays behind
		for range s.documents.All(s.Context()) {
			break
		}
	}
	all := s.documents.All(s.Context())
	s.put("d", "4")
	n := 0
	for range 2 { // a sequence can be used twice
		for range all {
			n++
		}
	}
	if n != 8 {
		t.Errorf("two loops had %d documents, want 8", n)
	}
}

func canceled(t *testing.T, s *suite) {
	s.put("a", "1")
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if err := s.documents.Put(ctx, classroom.Document{Name: "b"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: %v", err)
	}
	if err := s.documents.Delete(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Delete: %v", err)
	}
	n := 0
	for _, err := range s.documents.All(ctx) {
		if n++; !errors.Is(err, context.Canceled) {
			t.Errorf("All: %v", err)
		}
	}
	if n != 1 {
		t.Errorf("All yielded %d times, want one error", n)
	}
}

// parallel lets writers put two documents each, always with the same number. Who sees two
// numbers saw half of a Put.
func parallel(t *testing.T, s *suite) {
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for n := range 25 {
				data := []byte(fmt.Sprint(w, " ", n))
				mine := classroom.Document{Name: fmt.Sprint("mine/", w), Data: data}
				if err := s.documents.Put(s.Context(), classroom.Document{Name: "left", Data: data}, mine, classroom.Document{Name: "right", Data: data}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 25 {
		seen := make(map[string]string)
		for doc, err := range s.documents.All(s.Context()) {
			if err != nil {
				t.Error(err)
			}
			seen[doc.Name] = string(doc.Data)
		}
		if seen["left"] != seen["right"] {
			t.Errorf("half of a Put was seen: %q, %q", seen["left"], seen["right"])
		}
	}
	writers.Wait()
	for w := range 4 {
		s.want[fmt.Sprint("mine/", w)] = fmt.Sprint(w, " 24")
	}
	s.remove("left", "right")
}

// random does what the class does, in random order, and opens the documents again now and then.
func random(t *testing.T, s *suite) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 150 {
		name := func() string { return fmt.Sprint("seat/", r.IntN(12)) }
		switch r.IntN(10) {
		case 0, 1:
			s.remove(name(), name())
		case 2:
			s.check()
		case 3:
			if s.reopen != nil && r.IntN(4) == 0 {
				s.documents = s.reopen()
			}
		default:
			s.put(name(), fmt.Sprint(r.Uint64()), name(), strings.Repeat("x", r.IntN(2000)))
		}
	}
}
