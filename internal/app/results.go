package app

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

const (
	resultLife = time.Minute
	maxResults = 200
)

// result is what a POST without JavaScript leaves for the page that follows it.
type result struct {
	sentence views.Sentence
	composer views.Composer
	wire     views.Wire
	moment   views.Moment
	events   []session.Event
	sent     *http.Cookie // nil if none was
	op       string
	source   string // the cookie whose copy's exchange wire is, "" for none
	curl     string
	cookie   string // that curl carries
	id       *identity
	jar      []views.JarCookie
	visit    *visit // nil if the request belonged to none
}

// results keeps each result for one look, at most a minute, in memory only.
type results struct {
	mu   sync.Mutex
	kept []keptResult // oldest first
}

type keptResult struct {
	token string
	ends  time.Time
	result
}

// put keeps r under token. The oldest makes room.
func (rs *results) put(token string, r result) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if len(rs.kept) >= maxResults {
		rs.kept = slices.Delete(rs.kept, 0, 1)
	}
	rs.kept = append(rs.kept, keptResult{token, time.Now().Add(resultLife), r})
	time.AfterFunc(resultLife, rs.prune)
}

// prune drops what is over.
func (rs *results) prune() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	now := time.Now()
	rs.kept = slices.DeleteFunc(rs.kept, func(k keptResult) bool { return !now.Before(k.ends) })
}

// take returns the result of that token, once.
func (rs *results) take(token string) (result, bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	i := slices.IndexFunc(rs.kept, func(k keptResult) bool { return k.token == token })
	if i < 0 {
		return result{}, false
	}
	k := rs.kept[i]
	rs.kept = slices.Delete(rs.kept, i, i+1)
	return k.result, time.Now().Before(k.ends)
}
