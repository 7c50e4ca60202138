package session

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
)

// MinSecretBytes is the least number of bytes that a signing secret has.
const MinSecretBytes = 32

// purpose is what the signature is bound to, in place of the cookie's name, which differs
// by port and by seat. Each purpose of a secret has a key of its own.
const purpose = "session"

// codec signs envelopes with the newest key, verifies cookies with all keys, and remembers
// the cookies that verified. It depends on no cookie's name: all views of an engine share it.
type codec struct {
	keys    []*securecookie.SecureCookie
	changes uint64 // how often the secrets had been replaced when this codec was made
	known   known
}

// newCodec returns a codec that remembers cookies in at most knownBytes of memory.
func newCodec(secrets [][]byte, changes uint64, knownBytes int) (*codec, error) {
	if len(secrets) == 0 {
		return nil, errors.New("session: no signing secret")
	}
	c := &codec{changes: changes}
	c.known.max = knownBytes / 2
	c.known.young, c.known.old = make(map[string]*Cookie), make(map[string]*Cookie)
	for i, secret := range secrets {
		if len(secret) < MinSecretBytes {
			return nil, fmt.Errorf("session: signing secret %d has %d bytes, at least %d are needed", i+1, len(secret), MinSecretBytes)
		}
		key, err := hkdf.Key(sha256.New, secret, nil, "sessionscope cookie v1: "+purpose, 32)
		if err != nil {
			return nil, fmt.Errorf("session: signing secret %d: %w", i+1, err)
		}
		// MaxAge(0) switches securecookie's own clock off: the envelope's deadline
		// decides, on the engine's clock. MaxLength(0) switches its limit of the size
		// off: sign and verify have one, which depends on the length of the cookie's name.
		c.keys = append(c.keys, securecookie.New(key, nil).
			SetSerializer(securecookie.NopEncoder{}).MaxAge(0).MaxLength(0))
	}
	return c, nil
}

// budget returns how many bytes of envelope fit into a cookie value of maxValue bytes.
func budget(maxValue int) (bytes int) {
	for signedBytes(bytes+1) <= maxValue {
		bytes++
	}
	return bytes
}

// signedBytes is the length of the cookie value that n bytes of envelope become:
// base64(time "|" base64(envelope) "|" signature).
func signedBytes(n int) int {
	const timestamp, mac = 10, sha256.Size
	return base64.URLEncoding.EncodedLen(timestamp + 1 + base64.URLEncoding.EncodedLen(n) + 1 + mac)
}

// sign returns the cookie that carries v. Its value has at most maxValue bytes.
func (c *codec) sign(v *envelope, maxValue int) (*Cookie, error) {
	value, err := c.keys[0].Encode(purpose, v.append(make([]byte, 0, 256)))
	if err == nil && len(value) > maxValue {
		err = fmt.Errorf("its value has %d bytes, at most %d fit", len(value), maxValue)
	}
	if err != nil {
		return nil, fmt.Errorf("sign cookie: %w", err)
	}
	cookie := &Cookie{Value: value, Key: 1, Keys: len(c.keys), envelope: v, key: KeyOf(v.id), changes: c.changes}
	c.known.put(cookie)
	return cookie, nil
}

var (
	errEmpty   = errors.New("the cookie is empty")
	errGarbled = errors.New("the cookie carries no signature of this server")
	errForged  = errors.New("the signature does not fit")
)

// verify verifies a cookie's value, which may have maxValue bytes. The error is errEmpty,
// errGarbled, errForged or errEnvelope. knew tells that the same bytes had verified before under the
// same keys, and that nothing was computed again.
func (c *codec) verify(value string, maxValue int) (cookie *Cookie, knew bool, err error) {
	if value == "" {
		return nil, false, errEmpty
	}
	fits := len(value) <= maxValue // a value may be known from a view whose cookie has a shorter name
	if fits {
		if cookie := c.known.get(value); cookie != nil {
			return cookie, true, nil
		}
	}
	// Peel is stricter than securecookie, which accepts a last letter with other padding
	// bits, and line ends anywhere: a cookie with one letter changed must never verify.
	if _, ok := Peel(value); !ok {
		return nil, false, errGarbled
	}
	if !fits {
		return nil, false, errForged
	}
	cookie = &Cookie{Value: strings.Clone(value), Keys: len(c.keys), changes: c.changes} // not a part of the whole header
	for i, key := range c.keys {
		var raw []byte
		if key.Decode(purpose, value, &raw) != nil {
			continue
		}
		if cookie.envelope, err = parseEnvelope(raw); err != nil {
			return nil, false, errEnvelope
		}
		cookie.Key, cookie.key = i+1, KeyOf(cookie.envelope.id)
		c.known.put(cookie)
		return cookie, false, nil
	}
	return nil, false, errForged
}

// Cookie is a session cookie that was signed here or has verified. It never changes.
type Cookie struct {
	Value    string // as it stands in the header
	Key      int    // which key verifies it, counted from 1, the newest
	Keys     int    // how many keys there are
	envelope *envelope
	key      Key    // of the record
	changes  uint64 // as in the codec that signed or verified the cookie
}

// SignedAt returns when the cookie was signed, in whole seconds.
func (c *Cookie) SignedAt() time.Time {
	l, _ := Peel(c.Value)
	return l.SignedAt()
}

// RecordKey returns the key under which a store keeps c's session.
func (c *Cookie) RecordKey() Key { return c.key }

// Envelope is what a cookie carries, for people to look at.
type Envelope struct {
	Bytes     int
	Placement Placement
	ID        string // the session ID itself: only the page of the browser that sent the cookie may show it
	Version   uint64
	Created   time.Time
	Deadline  time.Time
	Expiry    Expiry
	Keys      []string // of the cookie-held values, sorted
	Values    string   // the values as one JSON object, or ""
}

// Envelope returns what is under the cookie's inner base64.
func (c *Cookie) Envelope() Envelope { return c.envelope.describe() }

func (v *envelope) describe() Envelope {
	e := Envelope{
		Bytes: len(v.append(nil)), Placement: v.placement, ID: v.id, Version: v.version,
		Created: v.created, Deadline: v.deadline, Expiry: v.expiry,
	}
	for _, entry := range v.values {
		e.Keys = append(e.Keys, entry.key)
	}
	if len(v.values) > 0 {
		e.Values = string(v.values.appendTo(nil))
	}
	return e
}
