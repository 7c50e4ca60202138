package trace

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"io"
	"sync"
)

// Packed is an exchange made small: a visit keeps many of them, and so does a run.
type Packed []byte

// Pack makes x small.
func (x *Exchange) Pack() Packed {
	var b bytes.Buffer
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(&b)
	if err := json.NewEncoder(w).Encode(x); err != nil {
		panic(err) // strings, numbers and times: it cannot be
	}
	w.Close()                     // into memory: it cannot fail
	return bytes.Clone(b.Bytes()) // no more than it needs
}

// Size is about how many bytes x takes unpacked.
func (x *Exchange) Size() int {
	n := 4<<10 + 64*len(x.Store.Figures.Plot) + 128*len(x.Cookie.Jar)
	for _, fields := range [][]Field{x.Request.Fields, x.Answer.Fields} {
		for _, f := range fields {
			n += 64 + len(f.Name)
			for _, p := range f.Pieces {
				n += 48 + len(p.Text)
			}
		}
	}
	for _, values := range [][]Value{x.Session.Values, x.Store.Record.Values, x.Did.Was.Values} {
		for _, v := range values {
			n += 128 + len(v.Key) + len(v.Text.Start)
		}
	}
	for _, f := range x.Store.Fields {
		n += 64 + len(f.Name) + len(f.Value.Start)
	}
	for _, ev := range x.Events {
		n += 256 + len(ev.Key)
	}
	return n
}

// Unpack returns the exchange again; zero for none.
func (p Packed) Unpack() (x Exchange) {
	if len(p) == 0 {
		return x
	}
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	_ = r.(flate.Resetter).Reset(bytes.NewReader(p), nil) // it never fails
	if err := json.NewDecoder(r).Decode(&x); err != nil {
		panic(err) // it was packed here
	}
	return x
}

// deflaters and inflaters are reused: each takes half a megabyte to make.
var (
	deflaters = sync.Pool{New: func() any {
		w, _ := flate.NewWriter(nil, flate.BestSpeed)
		return w
	}}
	inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}
)
