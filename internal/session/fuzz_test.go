package session

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func seedEnvelopes() []*envelope {
	created := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	id := "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return []*envelope{
		{placement: Hybrid, id: id, version: 1, created: created, deadline: created.Add(time.Hour), values: entries{{key: "n", Value: "7"}, {key: "name", Value: `"Rahim"`}}},
		{placement: OnServer, id: id, created: created, deadline: created.Add(time.Hour), expiry: Expiry{BrowserClose: true}},
		{placement: InCookie, id: id, version: 300, created: created, deadline: created.Add(time.Hour), expiry: Expiry{After: 5 * time.Second}},
		{placement: InCookie, id: id, version: 300, created: created, deadline: created.Add(time.Hour), expiry: Expiry{At: created.Add(time.Hour)}},
	}
}

// FuzzEnvelope: if it failed, bytes would parse to an envelope that is written as other
// bytes, or make the parser panic.
func FuzzEnvelope(f *testing.F) {
	for _, v := range seedEnvelopes() {
		f.Add(v.append(nil))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parseEnvelope(b)
		if err != nil {
			return
		}
		again, err := parseEnvelope(v.append(nil))
		if err != nil {
			t.Fatalf("written again it does not parse: %v", err)
		}
		if diff := cmp.Diff(v, again, cmp.AllowUnexported(envelope{}, entry{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

// If it failed, a cookie would not say what was signed, or a cookie that was cut off would
// still have values.
func TestEnvelopeRoundTrip(t *testing.T) {
	for _, v := range seedEnvelopes() {
		b := v.append(nil)
		got, err := parseEnvelope(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v, got, cmp.AllowUnexported(envelope{}, entry{})); diff != "" {
			t.Error(diff)
		}
		for n := range b { // cut short anywhere it is refused, or has only lost its values
			if cut, err := parseEnvelope(b[:n]); err == nil && len(cut.values) > 0 {
				t.Errorf("%d of %d bytes parse", n, len(b))
			}
		}
	}
}

// FuzzCookie: if it failed, a value that the key did not sign would verify.
func FuzzCookie(f *testing.F) {
	c, err := newCodec([][]byte{bytes.Repeat([]byte("k"), 32)}, 1, defaultKnownBytes)
	if err != nil {
		f.Fatal(err)
	}
	signed := map[string]bool{}
	for _, v := range seedEnvelopes() {
		cookie, err := c.sign(v, MaxCookieBytes)
		if err != nil {
			f.Fatal(err)
		}
		if _, _, err := c.verify(cookie.Value, MaxCookieBytes); err != nil {
			f.Fatal("the control:", err)
		}
		signed[cookie.Value] = true
		f.Add(cookie.Value)
		f.Add(cookie.Value[:len(cookie.Value)-1])
		f.Add(cookie.Value[:99] + "\r\n" + cookie.Value[99:]) // base64 skips line ends
		f.Add(cookie.Value + "\n")
	}
	f.Fuzz(func(t *testing.T, value string) {
		if cookie, _, err := c.verify(value, MaxCookieBytes); err == nil && !signed[value] {
			t.Fatalf("%q verifies: %+v", value, cookie)
		}
	})
}

// FuzzContents: if it failed, a record that is read and written would change its meaning.
func FuzzContents(f *testing.F) {
	for _, c := range []contents{
		{placement: Hybrid, values: entries{{key: "cart", Value: `[1,2]`, onServer: true}}},
		{placement: OnServer, expiry: Expiry{After: time.Minute}, floor: 3},
	} {
		f.Add(string(c.append(nil)))
	}
	f.Add(`{"placement":"server","values":{"a":1},"values":{}}`)
	f.Add(markerData(diedCycled, time.Now(), KeyOf("x")))
	f.Fuzz(func(t *testing.T, b string) {
		cycledAt(b)
		c, err := parseContents(b)
		if err != nil {
			return
		}
		again, err := parseContents(string(c.append(nil)))
		if err != nil {
			t.Fatalf("written again it does not parse: %v", err)
		}
		if diff := cmp.Diff(c, again, cmp.AllowUnexported(contents{}, entry{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}
