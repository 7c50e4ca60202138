package shelf

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var aDeletedIDComesBack = experiment.Experiment{
	Slug: "a-deleted-id-comes-back", Section: trust,
	Choices: []experiment.Choice{{Name: "engine", Label: "The server keeps sessions with", Options: []experiment.Option{
		{Name: "gorilla", Label: "plain gorilla FilesystemStore, and goes on when Get returns an error"},
		{Name: "gorilla-stops", Label: "plain gorilla FilesystemStore, and stops when Get returns an error"},
		{Name: "engine", Label: "this engine, values on the server"},
	}}},
	Run: runADeletedIDComesBack,
}

// idsOf are the IDs that a server keeps: this engine, or gorilla's FilesystemStore with that key.
type idsOf struct {
	in      *experiment.Instance
	gorilla bool
	key     []byte
}

// id returns the ID that a cookie names, "" for none; for a cookie of this engine, the hash of
// the ID.
func (s idsOf) id(cookie string) (id string) {
	if s.gorilla {
		if securecookie.DecodeMulti(experiment.CookieName, cookie, &id, securecookie.CodecsFromPairs(s.key)...) != nil {
			return ""
		}
		return id
	}
	if e := experiment.EnvelopeOf(cookie); e.ID != "" {
		return session.KeyOf(e.ID).Name().String()
	}
	return ""
}

// count tells how many sessions there are, and whether the ID of a cookie is one.
func (s idsOf) count(cookie string) (n int, has bool) {
	if !s.gorilla {
		st, ok := s.in.Record(cookie)
		return s.in.Stats().Live, ok && !st.Marker
	}
	id := s.id(cookie)
	_, err := os.Stat(filepath.Join(s.in.Dir(), "session_"+id))
	return sessionFiles(s.in), id != "" && err == nil
}

func runADeletedIDComesBack(r *experiment.Run) experiment.Outcome {
	gorilla := r.Choice("engine") != "engine"
	// On the server, as in the files: another copy could read what one copy writes there.
	key, set := session.NewSecret(), experiment.Settings{Placement: session.OnServer}
	if gorilla {
		stops := r.Choice("engine") == "gorilla-stops"
		set.Twin = func(dir func() string) http.Handler {
			return experiment.Twin(sessions.NewFilesystemStore(dir(), key), stops)
		}
	}
	in := r.Boot(set)
	d := deletion{ids: idsOf{in, gorilla, key}, one: "record"}
	if gorilla {
		d.one = "file"
	}
	d.table = experiment.Table{Caption: "After each request", Head: []string{"request", "ID in the cookie sent", "ID in the Set-Cookie", d.one + "s on the server", "one of the old ID"}}
	b := in.Client("Rahim's browser")
	login := b.Post("/login", "user", "Rahim")
	d.kept = b.Cookie()
	d.row("logs in", login, "")
	d.row("logs out", b.Post("/logout"), d.kept)
	_, d.left = d.ids.count(d.kept)
	holder := in.Client("A kept copy")
	holder.Put(d.kept)
	d.read = d.row("reads with the old cookie", holder.Get("/get", "key", "user"), d.kept)
	d.write = d.row("writes with it", holder.Set("city", "Graz"), d.kept)
	d.written = holder.Cookie()
	other := in.Client("Another kept copy")
	other.Put(d.kept)
	d.seen = d.row("reads with the old cookie", other.Get("/get", "key", "city"), d.kept).For("reads what the first copy wrote, with the old cookie")
	_, d.back = d.ids.count(d.kept)
	return d.judge()
}

// deletion is a session that was deleted, and a write with a copy of its cookie.
type deletion struct {
	ids               idsOf
	one               string // what the store keeps for a session: "record" or "file"
	table             experiment.Table
	kept, written     string               // the cookie of the login, and the copy's cookie after its write
	left, back        bool                 // the store has the old ID after the logout, and after the write
	read, write, seen *experiment.Exchange // the copy reads and writes, and another copy reads
}

// shortID is the beginning of an ID.
func shortID(id string) string { return experiment.Code(id[:min(8, len(id))]) }

// row notes which IDs travelled with x. sent is the cookie that x carried.
func (d *deletion) row(what string, x *experiment.Exchange, sent string) *experiment.Exchange {
	x.Note = what
	short := func(cookie string) string {
		if id := d.ids.id(cookie); id != "" {
			return shortID(id)
		}
		return "none"
	}
	set := "none"
	if c := x.SetCookie(); c != nil {
		set = short(c.Value)
		if c.Value == "" {
			set = "deleted"
		}
	}
	n, has := d.ids.count(d.kept)
	d.table.Rows = append(d.table.Rows, []string{x.Client + " " + what, short(sent), set, fmt.Sprint(n), experiment.Fact(has)})
	return x
}

// judge says under which ID the copy's write is stored.
func (d *deletion) judge() experiment.Outcome {
	oldID, newID := d.ids.id(d.kept), d.ids.id(d.written)
	readSays := d.read.ShownValue()
	if d.read.Status >= 400 {
		readSays = fmt.Sprintf("status %d", d.read.Status)
	}
	out := experiment.Outcome{
		Happened: experiment.None, Decisive: d.seen, Mark: `"found":false`, Tables: []experiment.Table{d.table},
		Pair: []experiment.Shot{{Title: "The kept cookie", Cookie: d.kept, Exchange: d.read, Says: readSays}, {Title: "After the write", Cookie: d.written, Exchange: d.write, Says: fmt.Sprintf("status %d", d.write.Status)}},
	}
	switch {
	case oldID == "":
		out.Tone, out.Verdict, out.Mark = experiment.Lost, "{bad There was nothing to delete:} the login set no cookie with an ID.", ""
	case d.read.Value() == "Rahim" && d.seen.Value() == "Graz":
		out.Happened, out.Tone, out.Mark = "old-id", experiment.Lost, "Graz"
		out.Verdict = fmt.Sprintf("{bad It had never gone.} After the logout the old cookie still read the user `Rahim`, and what was written with it is there for whoever sends the ID %s.", shortID(oldID))
	case d.write.Status >= 400:
		out.Happened, out.Tone, out.Decisive, out.Mark = "refused", experiment.Refused, d.write, d.kept
		out.Verdict = fmt.Sprintf("{mac The write was refused} with status %d.", d.write.Status)
		if !d.back {
			out.Verdict += fmt.Sprintf(" {server The server} still has no %s of the old ID %s.", d.one, shortID(oldID))
		}
	case newID == oldID && d.seen.Value() == "Graz":
		out.Happened, out.Tone, out.Mark = "old-id", experiment.Lost, "Graz"
		out.Verdict = d.cameBack(oldID)
	case newID != "" && newID != oldID && d.seen.Value() == "":
		out.Happened, out.Tone = "new-id", experiment.Refused
		out.Verdict = fmt.Sprintf("{ok It opens nothing.} The write with the old cookie began a new session: the old ID was %s, the new one is %s. Another copy of the old cookie reads nothing of it.", shortID(oldID), shortID(newID))
	default:
		out.Tone, out.Mark = experiment.Lost, ""
		out.Verdict = fmt.Sprintf("{bad Neither:} the write was answered with status %d, and another copy of the old cookie then read %s.", d.write.Status, experiment.Code(cmp.Or(d.seen.Value(), "nothing")))
	}
	return out
}

// cameBack says that the deleted ID is alive.
func (d *deletion) cameBack(id string) string {
	text := "{bad It came back.} After the logout the old cookie read nothing"
	if !d.left {
		text += ", and {server the " + d.one + "} of its ID was gone"
	}
	text += fmt.Sprintf(". One write with it, and the ID %s is alive again", shortID(id))
	if d.back {
		text += ", with {server a " + d.one + "} of that name"
	}
	return text + ": another copy of the old cookie reads `Graz`."
}
