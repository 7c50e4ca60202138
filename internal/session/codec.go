package session

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/securecookie"
)

// MinSecretBytes is how many bytes a signing secret has at least.
const MinSecretBytes = 32

// purpose is what the signature is bound to. Not the cookie's name, which
// differs by port: a secret serves one purpose, and each has its own key.
const purpose = "session"

// codec signs envelopes with the newest key and verifies them with all.
type codec struct {
	keys     []*securecookie.SecureCookie
	maxValue int // bytes of a cookie's value
	maxRaw   int // bytes of an envelope that fit into them
	known    known
}

func newCodec(name string, secrets [][]byte) (*codec, error) {
	if len(secrets) == 0 {
		return nil, errors.New("session: no signing secret")
	}
	c := &codec{maxValue: MaxCookieBytes - len(name)}
	c.known.young, c.known.old = make(map[string]*Cookie), make(map[string]*Cookie)
	for i, secret := range secrets {
		if len(secret) < MinSecretBytes {
			return nil, fmt.Errorf("session: signing secret %d has %d bytes, at least %d are needed", i+1, len(secret), MinSecretBytes)
		}
		key, err := hkdf.Key(sha256.New, secret, nil, "sessionscope cookie v1: "+purpose, 32)
		if err != nil {
			return nil, fmt.Errorf("session: signing secret %d: %w", i+1, err)
		}
		// MaxAge(0) switches securecookie's own clock off: the envelope's
		// deadline decides, on the engine's clock.
		c.keys = append(c.keys, securecookie.New(key, nil).
			SetSerializer(securecookie.NopEncoder{}).MaxAge(0).MaxLength(c.maxValue))
	}
	for signedBytes(c.maxRaw+1) <= c.maxValue {
		c.maxRaw++
	}
	return c, nil
}

// signedBytes is the length of the cookie value that n bytes of envelope become:
// base64(time "|" base64(envelope) "|" signature).
func signedBytes(n int) int {
	const timestamp, mac = 10, sha256.Size
	return base64.URLEncoding.EncodedLen(timestamp + 1 + base64.URLEncoding.EncodedLen(n) + 1 + mac)
}

func (c *codec) sign(v *envelope) (*Cookie, error) {
	value, err := c.keys[0].Encode(purpose, v.append(make([]byte, 0, 256)))
	if err != nil {
		return nil, fmt.Errorf("sign cookie: %w", err)
	}
	cookie := &Cookie{Value: value, Key: 1, Keys: len(c.keys), envelope: v, key: KeyOf(v.id)}
	c.known.put(cookie)
	return cookie, nil
}

var (
	errGarbled = errors.New("the cookie is not one of ours")
	errForged  = errors.New("the signature does not fit")
)

// verify returns the cookie that value is, or errGarbled, errForged or
// errEnvelope. It says whether it knew: the same bytes verify again under the
// same keys, so that they are not computed twice.
func (c *codec) verify(value string) (cookie *Cookie, knew bool, err error) {
	if cookie := c.known.get(value); cookie != nil {
		return cookie, true, nil
	}
	// securecookie would also take a value whose last letter has other padding
	// bits, and "change one letter" must mean any letter. Line ends are skipped by
	// Go's base64 even when it is strict.
	if _, ok := Peel(value); !ok {
		return nil, false, errGarbled
	}
	cookie = &Cookie{Value: strings.Clone(value), Keys: len(c.keys)} // not a part of the whole header
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

// maxKnown bounds a generation of known cookies, in bytes of their values.
const maxKnown = 256 << 10

// known are the cookies that were signed or verified lately. When the young
// generation is full it becomes the old one, and that is forgotten.
type known struct {
	mu         sync.RWMutex
	young, old map[string]*Cookie
	bytes      int // of the young
}

func (k *known) get(value string) *Cookie {
	k.mu.RLock()
	cookie, ok := k.young[value]
	if !ok {
		cookie = k.old[value]
	}
	k.mu.RUnlock()
	if !ok && cookie != nil {
		k.put(cookie)
	}
	return cookie
}

func (k *known) put(cookie *Cookie) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.bytes > maxKnown {
		k.young, k.old, k.bytes = k.old, k.young, 0
		clear(k.young)
	}
	k.young[cookie.Value] = cookie
	k.bytes += len(cookie.Value)
}

// Cookie is a session cookie that verified. It does not change any more.
type Cookie struct {
	Value    string // as it stands in the header
	Key      int    // which key verifies it, counted from 1, the newest
	Keys     int    // of how many
	envelope *envelope
	key      Key // of the record
}

// SignedAt returns when the cookie was signed, to the second.
func (c *Cookie) SignedAt() time.Time {
	l, _ := Peel(c.Value)
	return l.SignedAt()
}

// RecordKey returns the key under which a store keeps the session that c names.
func (c *Cookie) RecordKey() Key { return c.key }

// Envelope is what a cookie says, for people.
type Envelope struct {
	Bytes     int
	Placement Placement
	ID        string // the session ID itself: for the page of the browser that sent it, nowhere else
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
