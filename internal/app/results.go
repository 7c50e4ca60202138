package app

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/views"
)

const (
	resultLife = time.Minute
	maxResults = 1000
)

// result is what a POST without JavaScript leaves for the page that follows it.
type result struct {
	sentence views.Sentence
	composer views.Composer
	wire     views.Wire
	changed  []string // keys
}

// results keeps each result for one look, at most a minute, in memory only.
type results struct {
	mu    sync.Mutex
	kept  map[string]result
	order []token // oldest first
}

type token struct {
	name string
	ends time.Time
}

func newResults() *results { return &results{kept: make(map[string]result)} }

// put keeps what the function returns for the token that it is given.
func (rs *results) put(make func(token string) result) string {
	t := token{rand.Text(), time.Now().Add(resultLife)}
	r := make(t.name)
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for len(rs.order) > 0 && (len(rs.order) >= maxResults || time.Now().After(rs.order[0].ends)) {
		delete(rs.kept, rs.order[0].name)
		rs.order = rs.order[1:]
	}
	rs.order = append(rs.order, t)
	rs.kept[t.name] = r
	return t.name
}

// take returns the result of that token, once.
func (rs *results) take(name string) (result, bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for i, t := range rs.order {
		if t.name == name {
			rs.order = append(rs.order[:i], rs.order[i+1:]...)
			r := rs.kept[name]
			delete(rs.kept, name)
			return r, !time.Now().After(t.ends)
		}
	}
	return result{}, false
}
