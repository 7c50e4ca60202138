package app

import (
	"slices"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

const (
	resultLife = time.Minute
)

// result is what a POST without JavaScript leaves for the page after it.
type result struct {
	packed     trace.Packed // its exchange, without the plot
	plot       []trace.Point
	n          int // that exchange's number in the visit, 0 for none
	beside     trace.Beside
	wire       trace.Packed // the exchange of the copied cookie that the press sent; nil mostly
	wireBeside trace.Beside // what that exchange is beside the one before it
	sentence   say.Sentence
	composer   views.Composer
	curl       string
	owner      string     // of the pins, if the answer told the browser who it is
	seat       *seat.Seat // on whose side of the lab the press was
	visit      *hub.Visit // nil if the request belonged to none
}

// results keeps each result for one look, at most a minute, in memory only.
type results struct {
	most      int // of them
	mostBytes int

	mu      sync.Mutex
	kept    []keptResult // oldest first
	bytes   int          // of all
	sweeper *time.Timer  // for the oldest; one for each would outlive what it is for
}

type keptResult struct {
	token string
	ends  time.Time
	bytes int
	result
}

// put keeps r under token. When there are too many results, whoever has most of them
// loses the oldest: strangers' presses push out nobody's result.
func (rs *results) put(token string, r result) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	n := r.size()
	for len(rs.kept) > 0 && (len(rs.kept) >= rs.most || rs.bytes+n > rs.mostBytes) {
		rs.drop(rs.giver(rs.bytes+n > rs.mostBytes))
	}
	rs.kept = append(rs.kept, keptResult{token, time.Now().Add(resultLife), n, r})
	rs.bytes += n
	switch {
	case rs.sweeper == nil:
		rs.sweeper = time.AfterFunc(resultLife, rs.prune)
	case len(rs.kept) == 1:
		rs.sweeper.Reset(resultLife)
	}
}

// giver returns the index of the result that makes room: the oldest of the visit that has most
// results, or most bytes of results. Results of no visit count together for each side of the lab, as
// one more visit: those of one seat of a class push out nothing of another seat. The caller holds the lock.
func (rs *results) giver(byBytes bool) (at int) {
	has := make(map[any]int)
	for _, k := range rs.kept {
		if byBytes {
			has[k.whose()] += k.bytes
		} else {
			has[k.whose()]++
		}
	}
	for i, k := range rs.kept { // the oldest first
		if has[k.whose()] > has[rs.kept[at].whose()] {
			at = i
		}
	}
	return at
}

// whose returns the visit, or for a result of no visit the side of the lab.
func (r *result) whose() any {
	if r.visit != nil {
		return r.visit
	}
	return r.seat
}

// drop forgets the result at index i. The caller holds the lock.
func (rs *results) drop(i int) {
	rs.bytes -= rs.kept[i].bytes
	rs.kept = slices.Delete(rs.kept, i, i+1)
}

// prune forgets the results whose minute is over, and runs again when the next one's is.
func (rs *results) prune() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.dropOver()
	if len(rs.kept) > 0 {
		rs.sweeper.Reset(time.Until(rs.kept[0].ends))
	}
}

// dropOver forgets the results whose minute is over. The caller holds the lock.
func (rs *results) dropOver() {
	for len(rs.kept) > 0 && !time.Now().Before(rs.kept[0].ends) {
		rs.drop(0)
	}
}

// size is about what r takes in memory, in bytes.
func (r *result) size() int {
	n := 4<<10 + len(r.packed) + len(r.wire) + len(r.curl) + 1<<10*(len(r.beside.Changes)+len(r.wireBeside.Changes))
	for _, text := range []string{r.composer.Key, r.composer.Value, r.composer.Seconds, r.composer.User} {
		n += len(text)
	}
	for _, p := range r.sentence.Parts {
		n += 48 + len(p.Text)
	}
	return n
}

// take returns the result of that token, once.
func (rs *results) take(token string) (result, bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.dropOver()
	i := slices.IndexFunc(rs.kept, func(k keptResult) bool { return k.token == token })
	if i < 0 {
		return result{}, false
	}
	k := rs.kept[i]
	rs.drop(i)
	return k.result, true
}
