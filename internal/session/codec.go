package session

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
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
}

func newCodec(name string, secrets [][]byte) (*codec, error) {
	if len(secrets) == 0 {
		return nil, errors.New("session: no signing secret")
	}
	c := &codec{maxValue: MaxCookieBytes - len(name)}
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
	raw := v.append(nil)
	value, err := c.keys[0].Encode(purpose, raw)
	if err != nil {
		return nil, fmt.Errorf("sign cookie: %w", err)
	}
	cookie := &Cookie{Value: value, Key: 1, Keys: len(c.keys), envelope: v}
	return cookie, cookie.peel()
}

var (
	errGarbled = errors.New("the cookie is not one of ours")
	errForged  = errors.New("the signature does not fit")
)

// verify returns the cookie that value is, or errGarbled, errForged or errEnvelope.
func (c *codec) verify(value string) (*Cookie, error) {
	cookie := &Cookie{Value: value, Keys: len(c.keys)}
	if err := cookie.peel(); err != nil {
		return nil, errGarbled
	}
	for i, key := range c.keys {
		var raw []byte
		if key.Decode(purpose, value, &raw) != nil {
			continue
		}
		v, err := parseEnvelope(raw)
		if err != nil {
			return nil, errEnvelope
		}
		cookie.Key, cookie.envelope = i+1, v
		return cookie, nil
	}
	return nil, errForged
}

// Cookie is a session cookie with its layers peeled off.
type Cookie struct {
	Value     string // as it stands in the header
	Time      string // the first part under the outer base64: seconds since 1970
	Payload   string // the second: the envelope, in base64
	Signature []byte // the third: HMAC-SHA256
	Key       int    // which key verifies it, counted from 1, the newest
	Keys      int    // of how many
	envelope  *envelope
}

// peel takes the outer base64 off, strictly: securecookie would also take a
// value whose last letter has other padding bits, and "change one letter" must
// mean any letter.
func (c *Cookie) peel() error {
	b, err := base64.URLEncoding.Strict().DecodeString(c.Value)
	if err != nil {
		return err
	}
	parts := bytes.SplitN(b, []byte("|"), 3)
	if len(parts) != 3 {
		return errGarbled
	}
	c.Time, c.Payload, c.Signature = string(parts[0]), string(parts[1]), parts[2]
	return nil
}

// SignedAt returns when the cookie was signed, to the second.
func (c *Cookie) SignedAt() time.Time {
	seconds, _ := strconv.ParseInt(c.Time, 10, 64) // verified: digits
	return time.Unix(seconds, 0).UTC()
}

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
func (c *Cookie) Envelope() Envelope {
	v := c.envelope
	e := Envelope{
		Bytes: len(v.append(nil)), Placement: v.placement, ID: v.id, Version: v.version,
		Created: v.created, Deadline: v.deadline, Expiry: v.expiry,
	}
	if len(v.values) > 0 {
		e.Keys, e.Values = slices.Sorted(maps.Keys(v.values)), string(appendObject(nil, v.values))
	}
	return e
}
