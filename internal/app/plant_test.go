package app

import (
	"strings"
	"testing"
)

// A readable cookie can be planted beside the session's, and taken away.
func TestPlant(t *testing.T) {
	_, b, v := openLab(t, formFragment)
	a := b.post("/plant", "page", v).want(200, "planted")
	if got := a.Header.Get("Set-Cookie"); got != cookieName+"-readable=scripts-can-read-this; Path=/; SameSite=Lax" {
		t.Errorf("planted %q", got)
	}
	b.get("/keys?page="+v).want(200, `data-kind="readable"`, "scripts-can-read-this", "Take the readable cookie away").wantNo("another program")
	a = b.post("/plant", "off", "1", "page", v).want(200, "taken away")
	if got := a.Header.Get("Set-Cookie"); !strings.Contains(got, "Max-Age=0") {
		t.Errorf("taken away by %q", got)
	}
	b.get("/keys?page="+v).want(200, "Plant a readable cookie").wantNo(`data-kind="readable"`)
}
