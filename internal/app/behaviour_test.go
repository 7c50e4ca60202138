package app

import (
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/stores"
)

// promises are the engine's numbered promises, checked over the real router by browsers that
// keep cookies. Those with records set are not checked with placement cookie, which has no
// records.
var promises = []struct {
	name    string
	records bool
	check   func(*world)
}{
	{"1 reading never creates", false, readingNeverCreates},
	{"2 a client never chooses an ID", false, idIsNotChosen},
	{"3 born on the first write", false, bornOnFirstWrite},
	{"4 no change is no write", false, noChangeNoWrite},
	{"5 clear keeps the session", false, clearKeeps},
	{"5 flush kills every cookie of before", false, flushKills},
	{"5 flush acts when called", false, flushActs},
	{"6 cycle moves the data and kills the ID", false, cycleMoves},
	{"6 a move takes nothing along", false, moveTakesNothing},
	{"7 two clocks", false, twoClocks},
	{"7 rolling", true, rolling},
	{"7 an expiry of its own", false, ownExpiry},
	{"8 expired reads as absent", false, expiredIsAbsent},
	{"8 expired is not cleared", true, expiredIsNotCleared},
	{"9 parallel sets of different keys survive", true, parallelSets},
	{"9 parallel increments are all counted", true, parallelIncrements},
	{"9 an ended session is not revived", false, nothingRevived},
	{"9 a stale cookie is said to be stale", true, staleIsSaid},
	{"10 settle, commit, render", false, settleCommit},
	{"11 limits change nothing", false, limits},
	{"11 a full store refuses no logout", true, fullStore},
	{"12 corrupt reads as absent", true, corrupt},
	{"12 an outage is no logout", false, outage},
	{"13 the ID stays in the cookie", false, idStaysInCookie},
	{"14 secrets rotate", false, secretsRotate},
}

// Each of the engine's promises holds with each placement over each store.
func TestBehaviour(t *testing.T) {
	for _, store := range stores.All {
		for _, placement := range session.Placements() {
			t.Run(placement+" × "+store.Name, func(t *testing.T) {
				t.Parallel()
				for _, promise := range promises {
					if promise.records && placement == "cookie" {
						continue
					}
					t.Run(promise.name, func(t *testing.T) {
						promise.check(&world{T: t, store: store, placement: placement})
					})
				}
			})
		}
	}
}
