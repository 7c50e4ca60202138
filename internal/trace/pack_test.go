package trace

import (
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/tap"
)

// newSeats returns the sides of a lab with a store of its own.
func newSeats(t testing.TB) *seat.Seats {
	t.Helper()
	seats, err := seat.New(session.Config{Backend: memory.New(memory.Config{}), Secrets: [][]byte{session.NewSecret()}, CookieName: "sessionscope"}, 32)
	if err != nil {
		t.Fatal(err)
	}
	return seats
}

// noise is a text that does not become smaller than three quarters.
func noise(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[rand.IntN(len(letters))]
	}
	return string(b)
}

// names are compared by what they are.
var names = cmp.Comparer(func(a, b session.Name) bool { return a == b })

// fill gives every field of v a value that is not zero, and its lists two elements. It
// returns the paths of fields that it cannot reach.
func fill(v reflect.Value, path string, n *int) (unreachable []string) {
	*n++
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Date(2026, 1, 2, 3, 4, *n%60, 5_000_000, time.UTC)
		return nil
	case *session.Name:
		*x = session.KeyOf(fmt.Sprint(*n)).Name()
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("<%d> & é", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint64, reflect.Uint8:
		v.SetUint(uint64(*n%200 + 1))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			unreachable = append(unreachable, fill(v.Index(i), fmt.Sprintf("%s[%d]", path, i), n)...)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		unreachable = fill(v.Elem(), path, n)
	case reflect.Struct:
		for i := range v.NumField() {
			field := path + "." + v.Type().Field(i).Name
			if !v.Type().Field(i).IsExported() {
				unreachable = append(unreachable, field)
				continue
			}
			unreachable = append(unreachable, fill(v.Field(i), field, n)...)
		}
	default:
		unreachable = []string{path + ", a " + v.Kind().String()}
	}
	return unreachable
}

// Every field of an exchange comes back after packing. A field that JSON cannot carry would be
// missing in every past moment.
func TestEveryFieldComesBack(t *testing.T) {
	t.Parallel()
	var x Exchange
	n := 0
	if lost := fill(reflect.ValueOf(&x).Elem(), "Exchange", &n); lost != nil {
		t.Fatalf("fields that a packed exchange cannot keep: %q", lost)
	}
	if n < 200 {
		t.Fatalf("the control: only %d values were filled in", n)
	}
	packed := x.Pack()
	x.Store.Figures.Plot = nil // many exchanges share it: it is not packed
	if got := packed.Unpack(); !cmp.Equal(x, got, names) {
		t.Errorf("after unpacking:\n%s", cmp.Diff(x, got, names))
	}
	// The control: what is not exported, and what is no data, is found.
	var odd struct {
		Seen   string
		hidden int
		Func   func()
	}
	_ = odd.hidden
	if lost := fill(reflect.ValueOf(&odd).Elem(), "odd", &n); len(lost) != 2 {
		t.Errorf("the control: unreachable are %q", lost)
	}
}

// A gathered exchange is the same after packing. One that differed would be shown as changed by the
// next press.
func TestPackedIsTheSame(t *testing.T) {
	t.Parallel()
	seats := newSeats(t)
	r := httptest.NewRequest("POST", "/set?a=<b>&x=1", nil)
	r.Header.Set("Cookie", `sessionscope="quoted"; other=1; sessionscope-readable=é; bare`)
	x := Exchange{At: seats.Root.Engine.Now().UTC(), Status: 200}
	x.Came(r, tap.Head{}, seats.Root, "key=a&value=%F0%9F%98%80&page=SECRET")
	x.Leaving(200, http.Header{"Set-Cookie": {"sessionscope=v; Path=/"}, "Location": {"/?x=ONCE"}}, seats.Root)
	x.Said([]byte(`{"op":"set"}` + "\n"))
	x.Keeps(r, seats.Root, session.Info{}, Kept{})
	x.Store.Keeps(t.Context(), seats.Root.Engine, session.KeyOf("nobody"))
	if got := x.Pack().Unpack(); !cmp.Equal(x, got, names) {
		t.Errorf("after unpacking:\n%s", cmp.Diff(x, got, names))
	}
	// So is one of letters that are no text: of what is unpacked, nothing is another than now.
	r.Header.Set("Cookie", "sessionscope=a\xff\xfeb; sessionscope-readable=\xff; n\xff=1")
	r.Header.Set("X-Latin", "caf\xe9")
	r.RequestURI = "/\xff"
	x.Came(r, tap.Head{}, seats.Root, "key=\xff&page=\xff")
	x.Keeps(r, seats.Root, session.Info{}, Kept{})
	x.Did.Key = Cut("\xff", 9).Start
	got := x.Pack().Unpack()
	if !cmp.Equal(x, got, names) {
		t.Errorf("after unpacking:\n%s", cmp.Diff(x, got, names))
	}
	if same := x.CompareHeads(&got); same != len(x.Request.Fields)+len(x.Answer.Fields) || len(Changes(&got, &x)) != 0 {
		t.Errorf("the same request again: %d lines are the same, changed %+v", same, Changes(&got, &x))
	}
	if got := Packed(nil).Unpack(); !cmp.Equal(got, Exchange{}, names) {
		t.Errorf("nothing unpacked is %+v", got)
	}
}

// text is the JSON that a packed exchange is made of.
func text(t testing.TB, p Packed) string {
	t.Helper()
	b, err := io.ReadAll(flate.NewReaderDict(strings.NewReader(string(p)), usual))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// gistBytes is what a gist takes in memory, about.
func gistBytes(g Gist) int {
	n := int(reflect.TypeFor[Gist]().Size()) + len(g.By) + len(g.Page) + len(g.Session) + len(g.Op) + len(g.Key)
	for _, act := range g.Acts {
		n += int(reflect.TypeFor[Act]().Size()) + len(act.Key) + len(act.Lives) + len(act.Reason)
	}
	return n
}

// However long what a stranger sends is, a visit keeps a bounded part of it. Heads are at most as long
// as a server takes.
func TestExchangesAreBounded(t *testing.T) {
	t.Parallel()
	const (
		head      = 32 << 10 // bytes of a request's head
		maxPacked = 64 << 10
		maxGist   = 16 << 10
	)
	seats := newSeats(t)
	manyKeys := func(x *Exchange) {
		for i := range session.MaxKeys {
			key := noise(session.MaxKeyBytes-4) + fmt.Sprint(i)
			x.Events = append(x.Events, session.Event{Kind: session.Set, Key: key}, session.Event{Kind: session.Placed, Key: key, Lives: "cookie"})
		}
		x.Events = append(x.Events, session.Event{Kind: session.Signed}, session.Event{Kind: session.Saved})
	}
	values := func() (s Session) {
		for i := range session.MaxKeys {
			v, _ := session.Text(noise(session.MaxSessionBytes / session.MaxKeys))
			s.Values = append(s.Values, ValueOf(noise(session.MaxKeyBytes-4)+fmt.Sprint(i), v))
		}
		return s
	}
	for name, fillIn := range map[string]func(r *http.Request, x *Exchange) (body string){
		"a header": func(r *http.Request, _ *Exchange) string { r.Header.Set("X-Long", noise(head)); return "" },
		"a cookie": func(r *http.Request, _ *Exchange) string {
			r.Header.Set("Cookie", "sessionscope="+noise(head))
			return ""
		},
		"another cookie": func(r *http.Request, _ *Exchange) string { r.Header.Set("Cookie", "a="+noise(head)); return "" },
		"cookies": func(r *http.Request, _ *Exchange) string {
			r.Header.Set("Cookie", strings.Repeat("name=value; ", head/12))
			return ""
		},
		"semicolons": func(r *http.Request, _ *Exchange) string {
			r.Header.Set("Cookie", strings.Repeat(";", head))
			return ""
		},
		"readable cookies": func(r *http.Request, _ *Exchange) string {
			r.Header.Set("Cookie", strings.Repeat("sessionscope-readable=1; ", head/25))
			return ""
		},
		"a cookie's name": func(r *http.Request, _ *Exchange) string { r.Header.Set("Cookie", noise(head)+"=1"); return "" },
		"a host":          func(r *http.Request, _ *Exchange) string { r.Host = noise(head); return "" },
		"a target":        func(r *http.Request, _ *Exchange) string { r.RequestURI = "/" + noise(head); return "" },
		"a body":          func(*http.Request, *Exchange) string { return "value=" + noise(256<<10) },
		"a secret in it":  func(*http.Request, *Exchange) string { return "page=" + noise(256<<10) },
		"fields":          func(*http.Request, *Exchange) string { return strings.Repeat("x=1&", 64<<10) },
		"an answer":       func(_ *http.Request, x *Exchange) string { x.Said([]byte(noise(256 << 10))); return "" },
		"events":          func(_ *http.Request, x *Exchange) string { manyKeys(x); return "" },
		"sessions":        func(_ *http.Request, x *Exchange) string { x.Did.Was, x.Store.Record = values(), values(); return "" },
		"keys": func(_ *http.Request, x *Exchange) string {
			x.Did.Keys = KeysOf(strings.Fields(strings.Repeat("key ", 256)))
			return ""
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("POST", "/set", nil)
			var x Exchange
			body := fillIn(r, &x)
			x.Came(r, tap.Head{}, seats.Root, body)
			x.Keeps(r, seats.Root, session.Info{}, Kept{})
			max := maxPacked
			if name == "sessions" {
				max *= 5
			}
			if n := len(x.Pack()); n > max {
				t.Errorf("packed it has %d bytes, at most %d", n, max)
			}
			pieces := 0
			for _, f := range x.Request.Fields {
				pieces += len(f.Pieces)
			}
			if pieces > 700 {
				t.Errorf("its request is in %d pieces", pieces)
			}
			if n := gistBytes(x.Gist()); n > maxGist {
				t.Errorf("its gist has %d bytes, at most %d", n, maxGist)
			}
			if n := len(x.Cookie.Jar); n > maxJar {
				t.Errorf("%d cookies are kept, at most %d", n, maxJar)
			}
		})
	}
	// The keys of a gist are as long as keys are, whatever was asked for.
	if g := (&Exchange{Did: Did{Key: noise(head)}}).Gist(); len(g.Key) != session.MaxKeyBytes {
		t.Errorf("a gist's key has %d bytes", len(g.Key))
	}
	// Those that tell of single keys make room for what happened to all.
	var x Exchange
	manyKeys(&x)
	g := x.Gist()
	if n := len(g.Acts); n != maxActs+2 || g.Acts[n-2].Kind != session.Signed || g.Acts[n-1].Kind != session.Saved {
		t.Errorf("%d acts, the last %+v", n, g.Acts[n-1])
	}
	// Nor do others become ever more.
	x.Events = nil
	for range 1000 {
		x.Add(session.Event{Kind: session.Read})
	}
	if n := len(x.Gist().Acts); n != 2*maxActs {
		t.Errorf("%d acts of a thousand reads", n)
	}
}

// A long value is known by its sum and its beginning. The beginning is cut between letters: half a
// letter would be shown as another one.
func TestLongTextsAreCutBetweenLetters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		n     int
		start string
	}{
		{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"aéé", 3, "aé"}, {"aéé", 4, "aé"}, {"éé", 1, ""}, {"a😀", 4, "a"}, {"a😀", 5, "a😀"}, {"a\xff\xff", 9, "a��"},
	} {
		if got := Cut(c.text, c.n); got.Start != c.start || got.Bytes != len(c.text) {
			t.Errorf("Cut(%q, %d) = %+v", c.text, c.n, got)
		}
	}
	long, _ := session.Text(strings.Repeat("x", 5000))
	other, _ := session.Text(strings.Repeat("x", 4999) + "y")
	a, b := ValueOf("k", long), ValueOf("k", other)
	if a.Text != b.Text || len(a.Text.Start) != maxValue || a.Text.Bytes != 5002 || a.Sum == b.Sum || a.Sum != ValueOf("other", long).Sum {
		t.Errorf("two values that begin alike: %+v and %+v", a, b)
	}
}
