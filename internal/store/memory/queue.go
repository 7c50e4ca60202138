package memory

import "math"

// The expiry queue of a shard is a list of items for each second in which one of them
// expires. An item is in one list at a time. A write moves the expiry back and leaves
// the item in its list; when the second of that list comes, advance puts the item into
// its new one. So clearing costs as much as there is to clear, and a write costs
// nothing here. The caller of every method below holds the shard's lock.

// secondOf returns the second whose list takes an item with this expiry, in Unix
// milliseconds. The last list is for a second in 2106 and for everything later.
func secondOf(ms int64) uint32 { return uint32(min(max(ms/1000, 0), math.MaxUint32)) }

// push puts it in front of the list that begins with head, and returns the new head.
func push(it *item, head *item) *item {
	it.prev, it.next = nil, head
	if head != nil {
		head.prev = it
	}
	return it
}

// queue puts it into the list of its expiry.
func (sh *shard) queue(it *item) {
	it.second = max(secondOf(it.expires), sh.due)
	sh.seconds[it.second] = push(it, sh.seconds[it.second])
}

// unqueue takes it out of its list.
func (sh *shard) unqueue(it *item) {
	if it.next != nil {
		it.next.prev = it.prev
	}
	switch {
	case it.prev != nil:
		it.prev.next = it.next
	case it.expired:
		sh.expired = it.next
	case it.next != nil:
		sh.seconds[it.second] = it.next
	default:
		delete(sh.seconds, it.second)
	}
	if it.expired {
		it.expired = false
		if !it.marker {
			sh.dead--
		}
	}
}

// move gives it another expiry. When that is later, the item stays in its list:
// advance finds it there.
func (sh *shard) move(it *item, expires int64) {
	it.expires = expires
	if it.expired || secondOf(expires) < it.second {
		sh.unqueue(it)
		sh.queue(it)
	}
}

// advance empties the lists up to now: dead items go to sh.expired, and those whose
// expiry was moved are queued again. The list of the present second has both.
func (sh *shard) advance(now int64) {
	first, until := sh.due, secondOf(now)
	sh.due = until
	if until < first { // the clock went backwards: items that were found dead may live again
		sh.requeueExpired()
		first = until
	}
	if int(until-first) > len(sh.seconds) { // after a long pause or a jump of the clock there are fewer lists than seconds
		for second := range sh.seconds {
			if second <= until {
				sh.settle(second, now)
			}
		}
		return
	}
	for second := int64(first); second <= int64(until); second++ {
		sh.settle(uint32(second), now)
	}
}

// settle empties the list of one second.
func (sh *shard) settle(second uint32, now int64) {
	it := sh.seconds[second]
	delete(sh.seconds, second)
	for it != nil {
		next := it.next
		if it.dead(now) {
			it.expired = true
			sh.expired = push(it, sh.expired)
			if !it.marker {
				sh.dead++
			}
		} else {
			sh.queue(it)
		}
		it = next
	}
}

// requeueExpired puts every item of sh.expired back into the list of its expiry.
func (sh *shard) requeueExpired() {
	it := sh.expired
	sh.expired, sh.dead = nil, 0
	for it != nil {
		next := it.next
		it.expired = false
		sh.queue(it)
		it = next
	}
}
