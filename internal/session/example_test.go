package session_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// The engine in a program of one's own, in gorilla's idiom.
func ExampleStore() {
	engine, err := session.New(session.Config{
		Backend:    memory.New(memory.Config{MaxSessions: 10_000}),
		Secrets:    [][]byte{session.NewSecret()}, // or session.ReadSecrets(file)
		CookieName: "shop",
		Placement:  session.OnServer,
	})
	if err != nil {
		panic(err)
	}
	store := session.Store{Engine: engine}
	visit := func(w http.ResponseWriter, r *http.Request) {
		s, err := store.Get(r, "shop")
		if err != nil { // the store did not answer: no logout
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		cart, _ := s.Values["cart"].(string)
		s.Values["cart"] = cart + "apple "
		if err := s.Save(r, w); err != nil { // before the body
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		fmt.Fprint(w, s.Values["cart"])
	}

	first, second := httptest.NewRecorder(), httptest.NewRecorder()
	visit(first, httptest.NewRequest(http.MethodPost, "/", nil))
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	cookie, _, _ := strings.Cut(first.Header().Get("Set-Cookie"), ";")
	r.Header.Set("Cookie", cookie)
	visit(second, r)
	fmt.Println(first.Body, second.Body)
	// Output: apple  apple apple
}
