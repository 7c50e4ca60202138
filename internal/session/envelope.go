package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// envelope is what a cookie carries, in every placement. Its bytes are
//
//	format (1) · flags (1) · ID (26) · version · created · deadline [· own expiry] · values
//
// with unsigned varints for the numbers, times in milliseconds since 1970, and
// the values as one canonical JSON object, or nothing when there are none.
type envelope struct {
	placement Placement
	id        string
	version   uint64 // the session's version when the cookie was signed; 0 with OnServer, where no cookie is stale
	created   time.Time
	deadline  time.Time // the cookie opens nothing from this time on, whatever its Max-Age says
	expiry    Expiry    // the session's own expiry; with Hybrid and OnServer the expiry in the record counts
	values    entries   // the values that live in the cookie
}

const (
	envelopeFormat = 1
	idBytes        = 26 // the length of crypto/rand.Text: 130 random bits in base32

	// maxMilli is the year 9000, in milliseconds since 1970. With the longest lifetime
	// added it is still before the year 10000, which has no form in JSON.
	maxMilli = 221_845_392_000_000

	flagPlacement    = 0b11
	flagBrowserClose = 1 << 2
	flagAfter        = 1 << 3
	flagAt           = 1 << 4
)

var errEnvelope = errors.New("the cookie's payload is not an envelope of this format")

// head appends the bytes of v that come before the values.
func (v *envelope) head(dst []byte) []byte {
	flags := byte(v.placement)
	switch {
	case v.expiry.BrowserClose:
		flags |= flagBrowserClose
	case !v.expiry.At.IsZero():
		flags |= flagAt
	case v.expiry.After != 0:
		flags |= flagAfter
	}
	dst = append(dst, envelopeFormat, flags)
	dst = append(dst, v.id...)
	dst = binary.AppendUvarint(dst, v.version)
	dst = binary.AppendUvarint(dst, uint64(v.created.UnixMilli()))
	dst = binary.AppendUvarint(dst, uint64(v.deadline.UnixMilli()))
	if flags&flagAfter != 0 {
		dst = binary.AppendUvarint(dst, uint64(v.expiry.After.Milliseconds()))
	}
	return dst
}

func (v *envelope) append(dst []byte) []byte {
	dst = v.head(dst)
	if len(v.values) > 0 {
		dst = v.values.appendTo(dst)
	}
	return dst
}

// parseEnvelope parses the bytes of an envelope. It accepts only bytes that append writes.
func parseEnvelope(b []byte) (*envelope, error) {
	if len(b) < 2+idBytes || b[0] != envelopeFormat {
		return nil, errEnvelope
	}
	flags, rest := b[1], b[2+idBytes:]
	v := &envelope{placement: Placement(flags & flagPlacement), id: string(b[2 : 2+idBytes])}
	if v.placement == 0 {
		return nil, errEnvelope
	}
	number := func() (n uint64) {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > maxMilli { // larger than any time or version of this program
			rest = nil
			return 0
		}
		rest = rest[size:]
		return n
	}
	v.version = number()
	v.created = time.UnixMilli(int64(number())).UTC()
	v.deadline = time.UnixMilli(int64(number())).UTC()
	switch flags &^ flagPlacement {
	case 0:
	case flagBrowserClose:
		v.expiry.BrowserClose = true
	case flagAt:
		v.expiry.At = v.deadline
	case flagAfter:
		v.expiry.After = time.Duration(min(number(), 1<<40)) * time.Millisecond
	default:
		return nil, errEnvelope
	}
	if len(rest) > 0 {
		text, err := string(rest), error(nil)
		if checkJSON(text) != nil {
			return nil, errEnvelope
		}
		if v.values, err = parseEntries(text, false); err != nil || len(v.values) == 0 {
			return nil, errEnvelope
		}
	}
	if !bytes.Equal(v.append(nil), b) {
		return nil, errEnvelope
	}
	return v, nil
}

// contents is what the Data of a record says: the half of a session that the server holds.
type contents struct {
	placement Placement
	expiry    Expiry
	floor     uint64 // the values in a cookie of an older version count no more
	changed   uint64 // hybrid: the version at which the values in the cookie changed last
	write     string // the mark of the write that made this record
	values    entries
}

// newWriteMark returns random letters for one write. By its mark a request whose answer
// from the store was lost recognizes its own write: another request may have written the
// same values over the same version.
func newWriteMark() string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	var mark [10]byte // 50 random bits
	for i, n := 0, rand.Uint64(); i < len(mark); i, n = i+1, n>>5 {
		mark[i] = letters[n&31]
	}
	return string(mark[:])
}

// append appends c as the JSON that a student reads in the store, for example
//
//	{"placement":"hybrid","expiry":"5m0s","values":{"cart":[1,2]},"cookie":1,"write":"q3xkzt7mva"}
func (c *contents) append(dst []byte) []byte {
	dst = append(dst, `{"placement":"`...)
	dst = append(dst, c.placement.String()...)
	dst = append(dst, '"')
	if x := c.expiry.String(); x != "" {
		dst = fmt.Appendf(dst, `,"expiry":%q`, x)
	}
	dst = append(dst, `,"values":`...)
	dst = c.values.appendTo(dst)
	if c.floor > 0 {
		dst = fmt.Appendf(dst, `,"cookie_values_since":%d`, c.floor)
	}
	if c.changed > 0 {
		dst = append(dst, `,"cookie":`...)
		dst = strconv.AppendUint(dst, c.changed, 10)
	}
	dst = append(dst, `,"write":"`...)
	dst = append(dst, c.write...)
	return append(dst, `"}`...)
}

// parseContents reads the Data of a session's record. The error says that it is corrupt.
func parseContents(data string) (c contents, err error) {
	err = checkJSON(data)
	if err == nil {
		err = c.parse(data)
	}
	if err == nil && c.placement != Hybrid && c.placement != OnServer {
		err = errors.New("there is no placement that keeps a record")
	}
	if err != nil {
		return c, fmt.Errorf("corrupt record: %w", err)
	}
	return c, nil
}

func (c *contents) parse(data string) error {
	for name, value := range members(data) {
		var s string
		var err error
		switch name {
		case `"placement"`:
			if s, err = text(value); err == nil {
				c.placement, err = ParsePlacement(s)
			}
		case `"expiry"`:
			if s, err = text(value); err == nil {
				c.expiry, err = parseExpiry(s)
			}
		case `"cookie_values_since"`:
			c.floor, err = strconv.ParseUint(value, 10, 64)
		case `"cookie"`:
			c.changed, err = strconv.ParseUint(value, 10, 64)
		case `"values"`:
			if value[0] != '{' || c.values != nil {
				return errors.New("the values are not one object")
			}
			c.values, err = parseEntries(value, true)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A marker says how its ID ended.
const (
	diedFlushed = "flushed"
	diedCycled  = "cycled"
)

// markerData returns the Data of a marker as a student reads it in the store, for example
//
//	{"cycled":"2026-11-23T09:00:00Z","to":"9f2c41e0"}
func markerData(how string, when time.Time, to Key) string {
	b := fmt.Appendf(nil, `{%q:%q`, how, when.UTC().Format(time.RFC3339Nano))
	if to != (Key{}) {
		b = fmt.Appendf(b, `,"to":%q`, to.Name())
	}
	return string(append(b, '}'))
}

// cycledAt returns when a marker's ID was replaced by a new one, or the zero time for an ID
// that was flushed.
func cycledAt(marker string) (when time.Time) {
	if checkJSON(marker) != nil {
		return when // a corrupt marker marks a dead ID all the same
	}
	for name, value := range members(marker) {
		if s, err := text(value); name == `"`+diedCycled+`"` && err == nil {
			when, _ = time.Parse(time.RFC3339Nano, s)
		}
	}
	return when
}
