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
	// CodeBurst is how many codes one device can try at once, at all seats together: who goes from
	// seat to seat must not find one.
	CodeBurst = 20
	// CodeEvery is how long a device then waits for one more try.
	CodeEvery = 10 * time.Second
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

// deviceRate limits how often a device does something: a token bucket for each. It is on the clock of
// the class, which may go back: x/time/rate would then refuse until the clock is where it was.
type deviceRate struct {
	burst, perSecond float64
	buckets          map[netip.Addr]bucket
	swept            time.Time
}

func newDeviceRate(burst, perSecond float64) deviceRate {
	return deviceRate{burst: burst, perSecond: perSecond, buckets: make(map[netip.Addr]bucket)}
}

type bucket struct {
	tokens float64
	at     time.Time
}

// filled returns a bucket as it is at now.
func (r *deviceRate) filled(b bucket, now time.Time) bucket {
	passed := max(now.Sub(b.at), 0).Seconds() // a clock that goes back fills nothing
	return bucket{min(b.tokens+passed*r.perSecond, r.burst), now}
}

// take takes a token of the device's bucket. If there is none it returns a *RateError.
func (r *deviceRate) take(device netip.Addr, now time.Time) error {
	b, known := r.buckets[device]
	if !known && len(r.buckets) >= maxDevices {
		r.sweep(now)
		if len(r.buckets) >= maxDevices {
			device = netip.Addr{}
			b, known = r.buckets[device]
		}
	}
	if !known {
		b = bucket{r.burst, now}
	}
	b = r.filled(b, now)
	missing := 1 - b.tokens
	if missing <= 0 {
		b.tokens--
	}
	r.buckets[device] = b
	if missing <= 0 {
		return nil
	}
	return &RateError{Device: true, After: time.Duration(missing / r.perSecond * float64(time.Second))}
}

// sweep forgets the devices that have their whole burst again, at most once in a second: it
// looks at all of them.
func (r *deviceRate) sweep(now time.Time) {
	if passed := now.Sub(r.swept); passed >= 0 && passed < time.Second {
		return
	}
	r.swept = now
	for device, b := range r.buckets {
		if r.filled(b, now).tokens >= r.burst {
			delete(r.buckets, device)
		}
	}
}
