package classroom

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// ID names a seat for the program: 16 random hex digits. It is never shown, and stays the
// same when the seat moves.
type ID string

// Seat is a seat as it was at one moment. It is a copy and never changes.
type Seat struct {
	ID       ID
	Nickname string     // for people: "Amber Fox"
	Name     string     // in the path and in the name of the cookie: "amber-fox"
	Suffix   string     // 12 letters that nobody guesses; only the seat's own pages have them
	Code     string     // 4 letters by which the owner comes back, see Class.Back
	Device   netip.Addr // that it was joined from, as Class.Join was told
	Joined   time.Time
	Progress []byte // see Class.SetProgress
	Used     bool   // it has opened a stream or sent a press, and never gives way
	// Rehearsal tells that one of the program's own browsers sits there, see Class.Rehearse.
	Rehearsal bool
}

// Place returns NAME-SUFFIX, which stands in the seat's paths.
func (s Seat) Place() string { return s.Name + "-" + s.Suffix }

// LogValue keeps a seat out of the log: its path and its code open it, and its nickname is a
// student's. It does so for a Joined too, whose cookie opens the seat.
func (s Seat) LogValue() slog.Value { return slog.StringValue("a seat") }

// compareJoined orders seats by the time of joining.
func compareJoined(a, b Seat) int {
	return cmp.Or(a.Joined.Compare(b.Joined), strings.Compare(string(a.ID), string(b.ID)))
}

// keptSuffixes is how many earlier suffixes a seat keeps, so that the pages there can say
// that the seat has moved.
const keptSuffixes = 8

// seat is a Seat with what only the class knows of it.
type seat struct {
	Seat
	cookie [sha256.Size]byte // the hash of the seat cookie
	before []string          // earlier suffixes, the latest last

	wrong   int       // wrong codes in a row since the code is what it is
	renewed int       // how often wrong codes have renewed the code since the owner was back
	pause   time.Time // until then no code is accepted

	given      [sha256.Size]byte // the hash of the latest code of GiveBack
	givenUntil time.Time         // the zero time if there is none
}

// copy returns the Seat, for others to keep.
func (s *seat) copy() Seat {
	out := s.Seat
	out.Progress = slices.Clone(s.Progress)
	return out
}

// found returns the Seat of s, which may be nil.
func (s *seat) found() (Seat, bool) {
	if s == nil {
		return Seat{}, false
	}
	return s.copy(), true
}

// The names of documents. Others may keep documents under other names.
const (
	seatPrefix     = "seat/"
	progressPrefix = "progress/"
	doorName       = "door"
)

// givenWay is the document of a seat that has given way. It is deleted soon.
const givenWay = "{}"

func (s *seat) documentName() string { return seatPrefix + string(s.ID) }
func (s *seat) progressName() string { return progressPrefix + string(s.ID) }

// names returns the names of all documents of the seat.
func (s *seat) names() []string {
	return []string{s.documentName(), s.progressName(), answerPrefix + string(s.ID), gavePrefix + string(s.ID), stakeName(s.ID)}
}

// seatDocument is a seat as its document holds it. The progress has a document of its own.
type seatDocument struct {
	Nickname   string     `json:"nickname"`
	Suffix     string     `json:"suffix"`
	Before     []string   `json:"before,omitempty"`
	Code       string     `json:"code"`
	Cookie     string     `json:"cookie"` // SHA-256, hex
	Device     netip.Addr `json:"device"`
	Joined     time.Time  `json:"joined"`
	Used       bool       `json:"used,omitempty"`
	Wrong      int        `json:"wrong,omitempty"`
	Renewed    int        `json:"renewed,omitempty"`
	Pause      time.Time  `json:"pause,omitzero"`
	Given      string     `json:"given,omitempty"` // SHA-256, hex
	GivenUntil time.Time  `json:"given_until,omitzero"`
	Rehearsal  bool       `json:"rehearsal,omitempty"`
}

// document returns the seat's document.
func (s *seat) document() Document {
	d := seatDocument{
		Nickname: s.Nickname, Suffix: s.Suffix, Before: s.before, Code: s.Code, Cookie: hex.EncodeToString(s.cookie[:]),
		Device: s.Device, Joined: s.Joined, Used: s.Used, Rehearsal: s.Rehearsal, Wrong: s.wrong, Renewed: s.renewed, Pause: s.pause,
	}
	if !s.givenUntil.IsZero() {
		d.Given, d.GivenUntil = hex.EncodeToString(s.given[:]), s.givenUntil
	}
	return jsonDocument(s.documentName(), d)
}

// readSeat reads the document of a seat. It returns nil for one that has given way.
func readSeat(doc Document) (*seat, error) {
	if string(doc.Data) == givenWay {
		return nil, nil
	}
	var d seatDocument
	dec := json.NewDecoder(bytes.NewReader(doc.Data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, err
	}
	s := &seat{
		Seat: Seat{
			ID: ID(strings.TrimPrefix(doc.Name, seatPrefix)), Nickname: d.Nickname, Name: nameOf(d.Nickname), Suffix: d.Suffix,
			Code: d.Code, Device: d.Device, Joined: d.Joined, Used: d.Used, Rehearsal: d.Rehearsal,
		},
		before: d.Before, wrong: d.Wrong, renewed: d.Renewed, pause: d.Pause, givenUntil: d.GivenUntil,
	}
	if s.Name == "" || s.Suffix == "" || s.Code == "" {
		return nil, errors.New("a seat without nickname, suffix or code")
	}
	var ok bool
	if s.cookie, ok = readHash(d.Cookie); !ok {
		return nil, errors.New("a seat without the hash of its cookie")
	}
	if s.given, ok = readHash(d.Given); !ok && d.Given != "" {
		return nil, errors.New("a seat with a hash that is none")
	}
	return s, nil
}

// readHash reads a SHA-256 in hex.
func readHash(text string) (hash [sha256.Size]byte, ok bool) {
	if len(text) != hex.EncodedLen(len(hash)) {
		return hash, false
	}
	_, err := hex.Decode(hash[:], []byte(text))
	return hash, err == nil
}

// load reads the documents into memory and deletes those that belong to no seat any more.
func (c *Class) load(ctx context.Context) error {
	var litter []string
	progress := make(map[ID][]byte)
	for doc, err := range c.documents.All(ctx) {
		if err != nil {
			return fmt.Errorf("classroom: read the class: %w", err)
		}
		if id, ok := strings.CutPrefix(doc.Name, progressPrefix); ok {
			progress[ID(id)] = doc.Data
		}
		if doc.Name == doorName {
			c.closed = string(doc.Data) == doorClosed
		}
		if !strings.HasPrefix(doc.Name, seatPrefix) {
			continue
		}
		s, err := readSeat(doc)
		switch {
		case err != nil:
			c.log.Error("classroom: a seat cannot be read and is left out", "document", doc.Name, "error", err)
			delete(progress, ID(strings.TrimPrefix(doc.Name, seatPrefix))) // is left too; its name came before
		case s == nil:
			litter = append(litter, doc.Name)
		default:
			litter = append(litter, c.admit(s)...)
		}
	}
	if len(c.seats) > MaxSeats {
		return fmt.Errorf("classroom: the documents hold %d seats: there can be %d", len(c.seats), MaxSeats)
	}
	for id, data := range progress {
		if s := c.seats[id]; s != nil {
			s.Progress = data
		} else {
			litter = append(litter, progressPrefix+string(id))
		}
	}
	if err := c.documents.Delete(ctx, litter...); err != nil {
		c.log.Error("classroom: documents of no seat were left", "error", err)
	}
	return nil
}

// admit takes a seat that was read. Two seats have one nickname if a Join failed although
// its document was written, and the nickname was given again: then the later one stays. It
// returns the names of the other's documents.
func (c *Class) admit(s *seat) (litter []string) {
	if other := c.seats[c.byName[s.Name]]; other != nil {
		if compareJoined(s.Seat, other.Seat) < 0 {
			return []string{s.documentName()}
		}
		c.forget(other)
		litter = []string{other.documentName()}
	}
	c.install(s)
	return litter
}

// The alphabets of what is made at random. Codes have no vowel, so that they spell no word,
// and of letters that look alike only one: no C beside G, no Q, no S beside Z, no F beside
// P, no I, O or U.
const (
	suffixLetters = "abcdefghijklmnopqrstuvwxyz"
	codeLetters   = "BDGHJKLMNPRTVWXYZ"
)

// The lengths of codes, in letters. A code of GiveBack opens a seat for whoever types it,
// and is long, because no wrong one is counted.
const (
	codeLength  = 4
	givenLength = 8
	// A suffix of twelve letters has 56 random bits.
	suffixLength = 12
)

// randomLetters returns n random letters of an alphabet of at most 256. No letter stands
// twice in a row: that is easier to read out and to type.
func randomLetters(alphabet string, n int) string {
	out := make([]byte, 0, n)
	for fair := 256 - 256%len(alphabet); len(out) < n; {
		var b [32]byte
		_, _ = rand.Read(b[:]) // never fails
		for _, x := range b {
			letter := alphabet[int(x)%len(alphabet)]
			if int(x) < fair && len(out) < n && (len(out) == 0 || out[len(out)-1] != letter) {
				out = append(out, letter)
			}
		}
	}
	return string(out)
}

// newID returns 16 random hex digits.
func newID() ID {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return ID(hex.EncodeToString(b[:]))
}

// newCookie returns the value of a new seat cookie, of 130 random bits, and its hash.
func newCookie() (value string, hash [sha256.Size]byte) {
	value = rand.Text()
	return value, sha256.Sum256([]byte(value))
}
