package app

import (
	"net/http"
	"testing"
)

var lifeCases = []experimentCase{
	{slug: "born-on-first-write", happened: 3, says: []string{"from 0 to 1 record"}, witness: func(t *testing.T, all []seen) {
		if len(all) != 5 {
			t.Fatalf("%d requests", len(all))
		}
		for i, s := range all {
			if born := s.setCookie != ""; born != (i >= 3) {
				t.Errorf("request %d, %s %s: a Set-Cookie: %v", i+1, s.method, s.path, born)
			}
		}
	}},
}

var lifeControls = []control{
	{slug: "born-on-first-write", happened: 1, handler: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // a cookie for everybody
			http.SetCookie(w, &http.Cookie{Name: "sessionscope", Value: "visitor"})
			h.ServeHTTP(w, r)
		})
	}},
}

func TestLife(t *testing.T)         { runCases(t, lifeCases) }
func TestLifeControls(t *testing.T) { runControls(t, lifeControls) }
