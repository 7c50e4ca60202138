package session

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Layers are the parts of a cookie's value under its outer base64. To peel a value needs
// no key and proves nothing: only a Cookie is verified.
type Layers struct {
	Time      string // of signing, in seconds since 1970
	Payload   string // the envelope in base64
	Signature []byte // HMAC-SHA256 over purpose, time and payload
}

// Peel takes the outer base64 off a cookie's value. It returns false for a value that does
// not have three layers.
func Peel(value string) (Layers, bool) {
	b, err := base64.URLEncoding.Strict().DecodeString(value)
	parts := bytes.SplitN(b, []byte("|"), 3)
	if err != nil || len(parts) != 3 || len(parts[1]) == 0 || strings.ContainsAny(value, "\r\n") {
		return Layers{}, false
	}
	return Layers{string(parts[0]), string(parts[1]), parts[2]}, true
}

// Value puts the outer base64 on again.
func (l Layers) Value() string {
	b := append([]byte(l.Time+"|"+l.Payload+"|"), l.Signature...)
	return base64.URLEncoding.EncodeToString(b)
}

// SignedAt returns the time of signing as the layers claim it, in whole seconds.
func (l Layers) SignedAt() time.Time {
	seconds, _ := strconv.ParseInt(l.Time, 10, 64)
	return time.Unix(seconds, 0).UTC()
}

// Envelope takes the inner base64 off. It returns false if there is no envelope under it.
func (l Layers) Envelope() (Envelope, bool) {
	v, err := l.envelope()
	if err != nil {
		return Envelope{}, false
	}
	return v.describe(), true
}

func (l Layers) envelope() (*envelope, error) {
	raw, err := base64.URLEncoding.Strict().DecodeString(l.Payload)
	if err != nil {
		return nil, errEnvelope
	}
	return parseEnvelope(raw)
}

// TamperParts are the parts of a cookie that Tamper changes.
var TamperParts = []string{"letter", "time", "id", "version", "created", "deadline", "values", "signature", "value"}

// Tamper returns a cookie's value with one part changed and the old signature: a signature
// that fits the change is never computed. part is one of TamperParts. to is its new
// content; if it is empty, Tamper makes a small change. For the part "letter", at is the
// letter's position, counted from 1. An impossible change is an *InputError.
func Tamper(value, part, to string, at int) (string, error) {
	switch part {
	case "value":
		if to == "" {
			to = value[:max(0, len(value)-1)]
		}
		return cookieOctets(to)
	case "letter":
		if at < 1 || at > len(value) {
			return "", &InputError{"at", fmt.Sprintf("The position is from 1 to %d, the letters of the value as it is sent.", len(value))}
		}
		if to == "" {
			to = "A"
			if value[at-1] == 'A' {
				to = "B"
			}
		}
		if len(to) != 1 {
			return "", &InputError{"to", "Write one letter: it replaces the letter at that position."}
		}
		return cookieOctets(value[:at-1] + to + value[at:])
	}
	l, ok := Peel(value)
	if !ok {
		return "", &InputError{"part", "This cookie has no layers to peel: change a letter, or the whole value."}
	}
	switch part {
	case "time":
		at := l.SignedAt().Add(time.Hour).Unix()
		if to != "" {
			var err error
			if at, err = strconv.ParseInt(to, 10, 64); err != nil {
				return "", &InputError{"to", "The time of signing is a number of seconds since 1970."}
			}
		}
		l.Time = strconv.FormatInt(at, 10)
		return cookieOctets(l.Value())
	case "signature":
		signature := bytes.Clone(l.Signature)
		if to != "" {
			var err error
			if signature, err = base64.URLEncoding.DecodeString(to); err != nil {
				return "", &InputError{"to", "The signature is base64 in the letters A to Z, a to z, 0 to 9, - and _."}
			}
		} else if len(signature) > 0 {
			signature[0] ^= 1
		}
		l.Signature = signature
		return cookieOctets(l.Value())
	}
	v, err := l.envelope()
	if err != nil {
		return "", &InputError{"part", "The payload of this cookie has no fields: change a letter, the time, the signature, or the whole value."}
	}
	if err := v.tamper(part, to); err != nil {
		return "", err
	}
	l.Payload = base64.URLEncoding.EncodeToString(v.append(nil))
	return cookieOctets(l.Value())
}

// tamper changes the field of v that part names, as Tamper does.
func (v *envelope) tamper(part, to string) error {
	moment := func(t *time.Time, later time.Duration) (err error) {
		if to == "" {
			*t = t.Add(later)
			return nil
		}
		if *t, err = time.Parse(time.RFC3339, to); err != nil || t.UnixMilli() < 0 {
			return &InputError{"to", "Write a time as 2030-12-31T23:59:59Z."}
		}
		return nil
	}
	switch part {
	case "id":
		if to == "" {
			to = v.id[:idBytes-1] + "A"
			if to == v.id {
				to = v.id[:idBytes-1] + "B"
			}
		}
		if len(to) != idBytes {
			return &InputError{"to", fmt.Sprintf("A session ID has %d letters.", idBytes)}
		}
		v.id = to
	case "version":
		n := v.version + 1
		if to != "" {
			var err error
			if n, err = strconv.ParseUint(to, 10, 53); err != nil {
				return &InputError{"to", "The version is a whole number, 0 or more."}
			}
		}
		v.version = n
	case "created":
		return moment(&v.created, -365*24*time.Hour)
	case "deadline":
		return moment(&v.deadline, 365*24*time.Hour)
	case "values":
		if to == "" {
			to = `{"user":"admin"}`
		}
		object, err := ParseJSON(to)
		if err != nil || object.Type() != TypeObject {
			return &InputError{"to", `The values are one JSON object, such as {"user":"admin"}.`}
		}
		if v.values, err = parseEntries(string(object), false); err != nil {
			return &InputError{"to", "The values do not parse."}
		}
	default:
		return &InputError{"part", "That part is unknown: allowed are " + strings.Join(TamperParts, ", ") + "."}
	}
	return nil
}

// cookieOctets returns value, or an *InputError if a Cookie header cannot carry it (RFC
// 6265, section 4.1.1).
func cookieOctets(value string) (string, error) {
	if len(value) > 2*MaxCookieBytes {
		return "", &InputError{"to", fmt.Sprintf("The copy would have %d letters: at most %d are sent.", len(value), 2*MaxCookieBytes)}
	}
	for i := range len(value) {
		if c := value[i]; c <= ' ' || c > '~' || strings.IndexByte("\",;\\", c) >= 0 {
			return "", &InputError{"to", "A cookie's value is of visible ASCII without spaces, quotes, commas, semicolons and backslashes."}
		}
	}
	return value, nil
}
