package classroom

import (
	"net/netip"
	"time"
)

const (
	// JoinBurst is how many seats one device can join at once: a school is often one device.
	JoinBurst = 60
	// JoinRate is how many seats a device can join in a second after that.
	JoinRate = 10
	// UnusedLife is how long a seat that was never used keeps its place in a full class.
	UnusedLife = 60 * time.Second
	// WrongCodes is how many wrong codes give a seat a new code.
	WrongCodes = 5
	// GivenLife is how long a code of GiveBack is valid.
	GivenLife = 60 * time.Second
	// Spins is how many other nicknames a visitor can ask for.
	Spins = 3
	// OfferLife is how long a nickname is kept for a visitor who was not heard of.
	OfferLife = 30 * time.Minute
	// KnockLife is how long a visitor who was not heard of waits at the door.
	KnockLife = 10 * time.Minute
)

// After WrongCodes wrong codes the seat accepts no code for firstPause, and twice as long
// after each further renewal, to lastPause: 55 tries in the first hour, of 69,632 codes.
// The owner still has the seat cookie and GiveBack.
const (
	firstPause = 30 * time.Second
	lastPause  = 8 * time.Minute
)

// pauseAfter returns how long no code is accepted after that many renewals.
func pauseAfter(renewals int) time.Duration {
	return min(firstPause<<min(renewals-1, 10), lastPause)
}

// maxDevices bounds how many devices have a bucket of their own. Further devices share one.
const maxDevices = 4096

// joinRate limits how fast a device joins: a token bucket for each.
type joinRate struct {
	buckets map[netip.Addr]bucket
	swept   time.Time
}

type bucket struct {
	tokens float64
	at     time.Time
}

// filled returns the bucket as it is at now.
func (b bucket) filled(now time.Time) bucket {
	passed := max(now.Sub(b.at), 0).Seconds() // a clock that goes back fills nothing
	return bucket{min(b.tokens+passed*JoinRate, JoinBurst), now}
}

// take takes a token of the device's bucket. If there is none it returns after what time
// there is one.
func (r *joinRate) take(device netip.Addr, now time.Time) (after time.Duration, ok bool) {
	b, known := r.buckets[device]
	if !known && len(r.buckets) >= maxDevices {
		r.sweep(now)
		if len(r.buckets) >= maxDevices {
			device = netip.Addr{}
			b, known = r.buckets[device]
		}
	}
	if !known {
		b = bucket{JoinBurst, now}
	}
	b = b.filled(now)
	after = time.Duration((1 - b.tokens) / JoinRate * float64(time.Second))
	if ok = b.tokens >= 1; ok {
		after = 0
		b.tokens--
	}
	r.buckets[device] = b
	return after, ok
}

// sweep forgets the devices that have their whole burst again, at most once in a second: it
// looks at all of them.
func (r *joinRate) sweep(now time.Time) {
	if passed := now.Sub(r.swept); passed >= 0 && passed < time.Second {
		return
	}
	r.swept = now
	for device, b := range r.buckets {
		if b.filled(now).tokens >= JoinBurst {
			delete(r.buckets, device)
		}
	}
}
