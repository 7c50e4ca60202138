package classroom

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrNoSeat tells that there is no such seat: an unknown ID, cookie, nickname or code.
	// A WrongCodeError is an ErrNoSeat too.
	ErrNoSeat = errors.New("there is no such seat")
	// ErrNoSpins tells that the visitor keeps the nickname that was offered.
	ErrNoSpins = errors.New("there is no other nickname for this visitor")
	// ErrDoor tells that the door is closed. The visitor now waits, see Class.Waiting.
	ErrDoor = errors.New("the door is closed")
)

// WrongCodeError tells that a nickname has a seat and that the code is another. Where it is
// said to others it sounds like ErrNoSeat, so that nobody learns by one try which nicknames
// are taken.
type WrongCodeError struct {
	Left int // how many more wrong codes before the seat gets a new one; 0: it has a new one now
}

func (e *WrongCodeError) Error() string {
	return fmt.Sprintf("that is not the code of the seat: %d more, and the code is replaced", e.Left)
}

// Is tells that a WrongCodeError is an ErrNoSeat.
func (e *WrongCodeError) Is(target error) bool { return target == ErrNoSeat }

// FullError tells that the class has no seat left.
type FullError struct {
	Seats int           // how many there are
	After time.Duration // a seat gives way after that time if it stays unused; 0 if all are in use
}

func (e *FullError) Error() string { return fmt.Sprintf("all %d seats are taken", e.Seats) }

// RateError tells that something was asked for too often: seats or codes by one device, or
// codes of one seat.
type RateError struct {
	Device bool          // by one device, at whatever seats; otherwise of one seat, by whomever
	After  time.Duration // until the next try can succeed
}

func (e *RateError) Error() string {
	return fmt.Sprintf("too many tries: the next is possible after %v", e.After)
}
