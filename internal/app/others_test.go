package app

import "testing"

// What another client did without a page is told by its name, and not as the opening of
// the lab: a look, a press that changed nothing, a press that was refused, a login.
func TestOthersAreToldWhatWasDone(t *testing.T) {
	t.Parallel()
	h, b, v := openLab(t, formFragment)
	b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
	client := newBrowser(t, h, formJSON)
	client.jar = b.jar
	client.get("/get?key=name").want(200)
	client.get("/session").want(200)
	client.get("/experiments").want(200)
	client.post("/set", "key", "name", "value", "Rahim").want(200)
	client.post("/set", "key", "", "value", "1").want(422)
	client.post("/placement", "placement", "server").want(200)
	client.post("/login", "user", "ada").want(200)
	timeline := func() answer { return b.get("/?at=1&page=" + v) }
	waitFor(t, func() bool { return len(timeline().entries()) == 9 })
	timeline().wantEntries("opened", "created", "get name another client", "read another client", "read another client", "set name, no change another client",
		"refused set: 422 Unprocessable Entity another client", "moved name → server another client", "logged in new ID another client")
}

// A request of a page that is no moment, such as a look at the shelf, is no news to the
// page's own visit, and to others it is the doing of another page.
func TestShelfIsNoNewsToItsOwnVisit(t *testing.T) {
	t.Parallel()
	_, b, v := openLab(t, formFragment)
	b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
	other := b.visit("/")
	b.get("/get?key=name&page=" + other).want(200)
	b.get("/experiments?page=" + v).want(200)
	timeline := func(v string) answer { return b.get("/?at=1&page=" + v) }
	waitFor(t, func() bool { return len(timeline(other).entries()) >= 4 })
	got := timeline(other).entries()
	if last := got[len(got)-1]; last[:len("read another page")] != "read another page" {
		t.Errorf("the other page is told %q", got)
	}
	timeline(v).wantEntries("opened", "created", "get name another page")
}
