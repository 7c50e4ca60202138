package trace

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"encoding/json"
	"io"
)

// Packed is an exchange made small: JSON, deflated (RFC 1951). It lacks Store.Figures.Plot,
// which many exchanges share: whoever keeps a Packed keeps the plot beside it.
type Packed []byte

// usual is the JSON of a typical press of Set. It is the preset dictionary of all packed
// exchanges: what an exchange has in common with it takes next to no room. A press of Set takes
// 600 bytes with the dictionary, and 2,300 without it. Any text works, and a change of it spoils nothing,
// since packed exchanges live in memory only.
//
//go:embed usual.json
var usual []byte

// Pack makes x small.
func (x *Exchange) Pack() Packed {
	p := packers.Take()
	defer packers.Give(p)
	p.out.Reset()
	p.w.Reset(&p.out)
	if err := p.json.Encode(x); err != nil {
		panic(err) // it never fails: an exchange has strings, numbers and times only
	}
	p.w.Close()                       // it never fails: it writes into memory
	return bytes.Clone(p.out.Bytes()) // the buffer has more room than its bytes need
}

// Unpack returns the exchange that was packed; the zero Exchange if p is empty.
func (p Packed) Unpack() (x Exchange) {
	if len(p) == 0 {
		return x
	}
	u := unpackers.Take()
	defer unpackers.Give(u)
	_ = u.r.(flate.Resetter).Reset(bytes.NewReader(p), usual) // it never fails
	u.text.Reset()
	if _, err := u.text.ReadFrom(u.r); err != nil {
		panic(err) // it never fails: Pack wrote this stream
	}
	if err := json.Unmarshal(u.text.Bytes(), &x); err != nil {
		panic(err) // it never fails: Pack wrote this JSON
	}
	return x
}

// packer makes exchanges small, one after the other.
type packer struct {
	w    *flate.Writer
	json *json.Encoder // into w
	out  bytes.Buffer
}

// unpacker unpacks exchanges, one after the other.
type unpacker struct {
	r    io.ReadCloser
	text bytes.Buffer
}

// maxSpare is the most bytes that the buffer of a spare packer or unpacker has.
const maxSpare = 64 << 10

var (
	packers = NewSpares(func() *packer { // 700 kB
		w, _ := flate.NewWriterDict(nil, flate.DefaultCompression, usual) // a tenth smaller than at the fastest level that uses a dictionary, in 30 µs more
		return &packer{w: w, json: json.NewEncoder(w)}
	}, func(p *packer) bool { return p.out.Cap() <= maxSpare })
	unpackers = NewSpares(func() *unpacker {
		return &unpacker{r: flate.NewReaderDict(bytes.NewReader(nil), usual)}
	}, func(u *unpacker) bool { return u.text.Cap() <= maxSpare })
)

// Size is about how many bytes x takes unpacked, without the plot, which many share.
func (x *Exchange) Size() int {
	n := 4<<10 + 128*len(x.Cookie.Jar)
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
