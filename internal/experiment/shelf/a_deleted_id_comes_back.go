package shelf

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

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

// id is the ID that a cookie names, "" for none; of ours, its hash.
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
	// On the server, as in the files: what one copy writes there, another could read.
	key, set := session.NewSecret(), experiment.Settings{Placement: session.OnServer}
	if gorilla {
		stops := r.Choice("engine") == "gorilla-stops"
		set.Twin = func(dir func() string) http.Handler {
			return experiment.Twin(sessions.NewFilesystemStore(dir(), key), stops)
		}
	}
	in := r.Boot(set)
	ids := idsOf{in, gorilla, key}
	b := in.Client("Rahim's browser")
	store := "records"
	if gorilla {
		store = "files"
	}
	t := experiment.Table{Caption: "After each request", Head: []string{"request", "ID in the cookie sent", "ID in the Set-Cookie", store + " on the server", "one of the old ID"}}
	kept := ""
	did := func(what string, x *experiment.Exchange, sent string) *experiment.Exchange {
		x.Note = what
		if kept == "" {
			kept = b.Cookie()
		}
		short := func(cookie string) string {
			if id := ids.id(cookie); id != "" {
				return "`" + id[:min(8, len(id))] + "`"
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
		n, has := ids.count(kept)
		t.Rows = append(t.Rows, []string{x.Client + " " + what, short(sent), set, fmt.Sprint(n), experiment.YesNo(has, len(t.Rows) == 0)})
		return x
	}
	did("logs in", b.Post("/login", "user", "Rahim"), "")
	did("logs out", b.Post("/logout"), kept)
	_, left := ids.count(kept)
	holder := in.Client("A kept copy")
	holder.Put(kept)
	read := did("reads with the old cookie", holder.Get("/get", "key", "user"), kept)
	write := did("writes with it", holder.Set("city", "Graz"), kept)
	other := in.Client("Another kept copy")
	other.Put(kept)
	seen := did("reads with the old cookie", other.Get("/get", "key", "city"), kept).For("reads what the first copy wrote, with the old cookie")

	was, is := ids.id(kept), ids.id(holder.Cookie())
	_, back := ids.count(kept)
	readSays := read.ShownValue()
	if read.Status >= 400 {
		readSays = fmt.Sprintf("status %d", read.Status)
	}
	out := experiment.Outcome{
		Happened: experiment.None, Decisive: seen, Mark: `"found":false`, Tables: []experiment.Table{t},
		Pair: []experiment.Shot{{Title: "The kept cookie", Cookie: kept, Exchange: read, Says: readSays}, {Title: "After the write", Cookie: holder.Cookie(), Exchange: write, Says: fmt.Sprintf("status %d", write.Status)}},
	}
	name := func(id string) string { return experiment.Code(id[:min(8, len(id))]) }
	one := strings.TrimSuffix(store, "s")
	switch {
	case was == "":
		out.Tone, out.Verdict, out.Mark = experiment.Lost, "{bad There was nothing to delete:} the login set no cookie with an ID.", ""
	case read.Value() == "Rahim" && seen.Value() == "Graz":
		out.Happened, out.Tone, out.Mark = "old-id", experiment.Lost, "Graz"
		out.Verdict = fmt.Sprintf("{bad It had never gone.} After the logout the old cookie still read the user `Rahim`, and what was written with it is there for whoever sends the ID %s.", name(was))
	case write.Status >= 400:
		out.Happened, out.Tone, out.Decisive, out.Mark = "refused", experiment.Refused, write, kept
		out.Verdict = fmt.Sprintf("{mac The write was refused} with status %d.", write.Status)
		if !back {
			out.Verdict += fmt.Sprintf(" {server The server} still has no %s of the old ID %s.", one, name(was))
		}
	case is == was && seen.Value() == "Graz":
		out.Happened, out.Tone, out.Mark = "old-id", experiment.Lost, "Graz"
		out.Verdict = "{bad It came back.} After the logout the old cookie read nothing"
		if !left {
			out.Verdict += ", and {server the " + one + "} of its ID was gone"
		}
		out.Verdict += fmt.Sprintf(". One write with it, and the ID %s is alive again", name(was))
		if back {
			out.Verdict += ", with {server a " + one + "} of that name"
		}
		out.Verdict += ": another copy of the old cookie reads `Graz`."
	case is != "" && is != was && seen.Value() == "":
		out.Happened, out.Tone = "new-id", experiment.Refused
		out.Verdict = fmt.Sprintf("{ok It stayed dead.} The write with the old cookie began a new session: the old ID was %s, the new one is %s. Another copy of the old cookie reads nothing of it.", name(was), name(is))
	default:
		out.Tone, out.Mark = experiment.Lost, ""
		out.Verdict = fmt.Sprintf("{bad Neither:} the write was answered with status %d, and another copy of the old cookie then read %s.", write.Status, experiment.Code(cmp.Or(seen.Value(), "nothing")))
	}
	return out
}
