package shelf_test

import (
	"bytes"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var crackAWeakSecret = proof{
	slug: "crack-a-weak-secret",
	cases: []testCase{
		{chosen: "secret=weak", happened: "at-home", says: []string{"Cracked", "a second", "user=admin"}, witness: cracked},
		{chosen: "secret=yours", happened: "at-home", says: []string{"The secret is Gorilla123!"}, witness: cracked},
		{chosen: "secret=strong", happened: "not-listed", says: []string{"Not cracked", "⁶", " years"}, witness: notCracked},
		{chosen: choosing("secret", "yours", "word", "p4ssw0rd2025"), happened: "at-home", says: []string{"p4ssw0rd2025"}, witness: cracked},
		{chosen: choosing("secret", "yours", "word", "Gorilla2011!"), happened: "at-home", says: []string{"Gorilla2011!"}, witness: cracked},
		{chosen: choosing("secret", "yours", "word", "Summer2024!"), happened: "at-home", says: []string{"Summer2024!"}, witness: cracked},
		{chosen: choosing("secret", "yours", "word", "two words, {and} a `mark`"), happened: "not-listed", says: []string{"does not make it strong"}, witness: notCracked},
		{chosen: choosing("secret", "yours", "word", ""), says: []string{"nothing to crack", "status 500"}, witness: func(t *testing.T, all []seen) {
			if len(all) != 1 || all[0].status != 500 || all[0].setCookie != "" {
				t.Errorf("a server without a secret did more than fail: %+v", all)
			}
		}},
	},
	controls: []control{
		{chosen: "secret=strong", happened: "by-sending", handler: believing},
		{chosen: "secret=weak", happened: experiment.None, handler: passing(func(issued []string, sent string) (string, int) { // a list of what was issued
			for _, c := range issued {
				if c == sent {
					return sent, 0
				}
			}
			return "", 0
		})},
	},
}

func TestCrackAWeakSecret(t *testing.T) { crackAWeakSecret.run(t) }

// Who knows that one cookie shows a right guess, and chose a secret that is not on the list,
// would be told that this was wrong.
func TestThePredictionIsAboutTheChosenSecret(t *testing.T) {
	t.Parallel()
	e := lookUp(t, crackAWeakSecret.slug)
	for chosen, says := range map[string]string{
		choosing("secret", "yours", "word", "Gorilla123!"):               "Yes, at home: one of the guesses on the list fits the cookie",
		choosing("secret", "yours", "word", "correct horse battery 71%"): "No: the list does not have this secret, so no guess fits the cookie",
		"secret=strong": "No: the list does not have this secret, so no guess fits the cookie",
	} {
		f := run(t, e.Slug, chosen, nil)
		if n := e.PredictionNumber(f.Outcome.Happened); n == 0 || e.Predictions[n-1].Text != says {
			t.Errorf("%s: prediction %d came true, want %q", chosen, n, says)
		}
	}
}

// forgedIn are the requests whose cookie no answer had set.
func forgedIn(all []seen) (out []seen) {
	issued := map[string]bool{"": true}
	for _, s := range all {
		if !issued[s.cookie] {
			out = append(out, s)
		}
		issued[s.sent()] = true
	}
	return out
}

func cracked(t *testing.T, all []seen) {
	forged := forgedIn(all)
	if len(all) != 3 || len(forged) != 1 || forged[0].status != 200 || forged[0].value() != "admin" || all[1].value() != "rahim" {
		t.Errorf("not one forged cookie that was believed: %+v", all)
	}
	if !bytes.Contains(payload(forged[0].cookie), []byte("admin")) || bytes.Contains(payload(all[0].sent()), []byte("admin")) {
		t.Error("admin does not stand in the forged cookie alone")
	}
}

func notCracked(t *testing.T, all []seen) {
	forged := forgedIn(all)
	if len(forged) == 0 {
		t.Error("nothing was tried at the server")
	}
	for _, s := range forged {
		if s.answer["found"] != false || !bytes.Contains(payload(s.cookie), []byte("admin")) {
			t.Errorf("a guess was answered with %s", s.body)
		}
	}
}
