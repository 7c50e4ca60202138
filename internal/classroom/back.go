package classroom

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Remembered returns the seat of a seat cookie, if there is one.
func (c *Class) Remembered(cookie string) (Seat, bool) {
	hash := sha256.Sum256([]byte(cookie))
	c.mu.RLock()
	s := c.seats[c.byCookie[hash]]
	c.mu.RUnlock()
	return s.found()
}

// Return is for a browser that comes back with its seat cookie. The seat does not move and
// the cookie stays. Without a seat it returns ErrNoSeat.
func (c *Class) Return(ctx context.Context, cookie string) (Joined, error) {
	if ctx.Err() != nil {
		return Joined{}, context.Cause(ctx)
	}
	s, ok := c.Remembered(cookie)
	if !ok {
		return Joined{}, ErrNoSeat
	}
	return Joined{s, cookie}, nil
}

// Back is for an owner who has lost the seat cookie: by nickname and code, or by a code of
// GiveBack, for which the nickname may be empty. Case, spaces and hyphens do not matter. The
// seat moves: it has a new suffix, a new code and a new seat cookie, and what was before
// opens nothing.
//
// A nickname that nobody has is an ErrNoSeat, and so is that of one of the program's own browsers. A wrong code is a *WrongCodeError, which is an
// ErrNoSeat too, and is counted with the seat: the fifth gives the seat a new code. Then the
// seat accepts no code for a time, and Back returns a *RateError even for the right one, so
// that a code of four letters cannot be searched. Tries are counted by device too, see
// CodeBurst. A code of GiveBack is always accepted and never counted: a school is often one
// device, and nobody there must keep out whom the teacher lets back in.
func (c *Class) Back(ctx context.Context, device netip.Addr, nickname, code string) (Joined, error) {
	end, err := c.begin(ctx)
	if err != nil {
		return Joined{}, err
	}
	defer end()
	now, code := c.now(), typedCode(code)
	if s := c.givenTo(nickname, code, now); s != nil {
		return c.move(ctx, s)
	}
	c.mu.Lock()
	err = c.codes.take(device, now)
	s := c.seats[c.byName[nameOf(nickname)]]
	c.mu.Unlock()
	switch {
	case err != nil:
		return Joined{}, err
	case s == nil || s.Rehearsal:
		return Joined{}, ErrNoSeat
	}
	if after := s.pause.Sub(now); after > 0 {
		return Joined{}, &RateError{After: min(after, lastPause)} // the clock may have gone back
	}
	if subtle.ConstantTimeCompare([]byte(code), []byte(s.Code)) == 1 {
		return c.move(ctx, s)
	}
	return Joined{}, c.refuse(ctx, s, now)
}

// typedCode returns a code as it was typed, without what does not matter.
func typedCode(code string) string {
	if len(code) > 4*givenLength {
		return ""
	}
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
}

// givenTo returns the seat that a code of GiveBack opens now, or nil.
func (c *Class) givenTo(nickname, code string, now time.Time) *seat {
	hash, name := sha256.Sum256([]byte(code)), nameOf(nickname)
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, s := range c.seats {
		if s.given == hash && now.Before(s.givenUntil) && (name == "" || name == s.Name) {
			return s
		}
	}
	return nil
}

// move gives the seat to who has typed its code. The caller has begun.
func (c *Class) move(ctx context.Context, s *seat) (Joined, error) {
	next := *s
	next.before = append(slices.Clip(s.before), s.Suffix)
	if len(next.before) > keptSuffixes {
		next.before = next.before[1:]
	}
	next.Suffix, next.Code = randomLetters(suffixLetters, suffixLength), randomLetters(codeLetters, codeLength)
	next.wrong, next.renewed, next.pause = 0, 0, time.Time{}
	next.given, next.givenUntil = [sha256.Size]byte{}, time.Time{}
	cookie, hash := newCookie()
	next.cookie = hash
	if err := c.keep(ctx, &next, nil); err != nil {
		return Joined{}, err
	}
	c.mu.Lock()
	c.visitors.unseat(s.ID) // its cookie is another
	c.mu.Unlock()
	c.changed(Change{Kind: Moved, Seat: next.copy()})
	return Joined{next.copy(), cookie}, nil
}

// refuse counts a wrong code. The caller has begun.
func (c *Class) refuse(ctx context.Context, s *seat, now time.Time) error {
	next := *s
	next.wrong++
	left := WrongCodes - next.wrong
	if left <= 0 {
		left, next.wrong = 0, 0
		next.renewed++
		next.pause = now.Add(pauseAfter(next.renewed))
		next.Code = randomLetters(codeLetters, codeLength)
	}
	if err := c.keep(ctx, &next, nil); err != nil {
		return err
	}
	if left == 0 {
		c.changed(Change{Kind: Recoded, Seat: next.copy()})
	}
	return &WrongCodeError{Left: left}
}

// GiveBack returns a code of eight letters that opens the seat once, until the given time,
// GivenLife from now. The teacher shows it to an owner who has lost tab, cookies and code.
// Only its hash is kept. An earlier one is void. For an ID of no seat, and for the seat of one of
// the program's own browsers, it returns ErrNoSeat.
func (c *Class) GiveBack(ctx context.Context, id ID) (code string, until time.Time, err error) {
	end, err := c.begin(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	defer end()
	s := c.at(id)
	if s == nil || s.Rehearsal {
		return "", time.Time{}, ErrNoSeat
	}
	code = randomLetters(codeLetters, givenLength)
	next := *s
	next.given, next.givenUntil = sha256.Sum256([]byte(code)), c.now().Add(GivenLife)
	if err := c.keep(ctx, &next, nil); err != nil {
		return "", time.Time{}, err
	}
	return code, next.givenUntil, nil
}
