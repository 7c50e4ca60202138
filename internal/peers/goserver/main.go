// Goserver is scs or gorilla/sessions behind the small interface that all peers speak, each as
// its documentation shows it. It reads its settings from the environment: see settings in
// internal/peers.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/gorilla/sessions"
	"github.com/redis/go-redis/v9"
)

func main() {
	var h http.Handler
	switch store := os.Getenv("PEER_STORE"); store {
	case "scs-memory", "scs-redis":
		h = withSCS(store)
	case "gorilla-cookie", "gorilla-files":
		h = withGorilla(store)
	default:
		fmt.Fprintf(os.Stderr, "there is no store %q\n", store)
		os.Exit(2)
	}
	fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:"+os.Getenv("PEER_PORT"), h))
	os.Exit(1)
}

// seconds returns a number of seconds from the environment.
func seconds(name string) time.Duration {
	n, _ := strconv.Atoi(os.Getenv(name))
	return time.Duration(n) * time.Second
}

// hold waits as long as the field hold says, so that another request can come between load
// and save.
func hold(r *http.Request) {
	d, _ := time.ParseDuration(r.PostFormValue("hold"))
	time.Sleep(d)
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// got is the answer to GET /get.
type got struct {
	Found bool   `json:"found"`
	Value string `json:"value"`
}

// withSCS serves scs: LoadAndSave around everything, RenewToken at a login, Destroy at a logout.
func withSCS(store string) http.Handler {
	manager := scs.New()
	manager.IdleTimeout, manager.Lifetime = seconds("PEER_IDLE"), seconds("PEER_LIFETIME")
	var memory *memstore.MemStore
	if store == "scs-redis" {
		manager.Store = goredisstore.New(redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + os.Getenv("PEER_REDIS")}))
	} else {
		memory = memstore.NewWithCleanupInterval(time.Second) // a minute, unless the program says otherwise
		manager.Store = memory
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /get", func(w http.ResponseWriter, r *http.Request) {
		key := r.FormValue("key")
		answer(w, got{manager.Exists(r.Context(), key), manager.GetString(r.Context(), key)})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"keys": manager.Keys(r.Context())})
	})
	mux.HandleFunc("POST /set", func(w http.ResponseWriter, r *http.Request) {
		hold(r)
		manager.Put(r.Context(), r.PostFormValue("key"), r.PostFormValue("value"))
		answer(w, "set")
	})
	mux.HandleFunc("POST /delete", func(w http.ResponseWriter, r *http.Request) {
		manager.Remove(r.Context(), r.PostFormValue("key"))
		answer(w, "deleted")
	})
	mux.HandleFunc("POST /flush", func(w http.ResponseWriter, r *http.Request) {
		if err := manager.Destroy(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, "flushed")
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if err := manager.RenewToken(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		manager.Put(r.Context(), "user", r.PostFormValue("user"))
		answer(w, "logged in")
	})
	outside := http.NewServeMux()
	outside.Handle("/", manager.LoadAndSave(mux))
	outside.HandleFunc("GET /ready", func(w http.ResponseWriter, r *http.Request) {})
	outside.HandleFunc("GET /records", func(w http.ResponseWriter, r *http.Request) {
		answer(w, reflect.ValueOf(memory).Elem().FieldByName("items").Len()) // expired ones too, which All leaves out
	})
	return outside
}

// gorillaStore returns gorilla's store of that kind, with the options that its documentation advises.
func gorillaStore(kind string) sessions.Store {
	var keys [][]byte // pairs: one that signs, and none that encrypts
	for _, secret := range strings.Split(os.Getenv("PEER_SECRETS"), ",") {
		keys = append(keys, []byte(secret), nil)
	}
	age := int(seconds("PEER_IDLE").Seconds())
	if kind == "gorilla-files" {
		files := sessions.NewFilesystemStore(os.Getenv("PEER_DIR"), keys...)
		files.MaxAge(age)
		files.Options.HttpOnly, files.Options.SameSite = true, http.SameSiteLaxMode
		return files
	}
	cookies := sessions.NewCookieStore(keys...)
	cookies.MaxAge(age)
	cookies.Options.HttpOnly, cookies.Options.Secure, cookies.Options.SameSite = true, false, http.SameSiteLaxMode
	return cookies
}

// withGorilla serves gorilla/sessions as its README has it: the error of Get is ignored, that of
// Save is answered with 500.
func withGorilla(kind string) http.Handler {
	store := gorillaStore(kind)
	load := func(r *http.Request) *sessions.Session {
		session, _ := store.Get(r, "session")
		return session
	}
	save := func(w http.ResponseWriter, r *http.Request, session *sessions.Session, said string) {
		if err := session.Save(r, w); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, said)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, r *http.Request) {})
	mux.HandleFunc("GET /get", func(w http.ResponseWriter, r *http.Request) {
		value, found := load(r).Values[r.FormValue("key")].(string)
		answer(w, got{found, value})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		keys := []string{}
		for key := range load(r).Values {
			keys = append(keys, key.(string))
		}
		slices.Sort(keys)
		answer(w, map[string]any{"keys": keys})
	})
	mux.HandleFunc("POST /set", func(w http.ResponseWriter, r *http.Request) {
		session := load(r)
		hold(r)
		session.Values[r.PostFormValue("key")] = r.PostFormValue("value")
		save(w, r, session, "set")
	})
	mux.HandleFunc("POST /delete", func(w http.ResponseWriter, r *http.Request) {
		session := load(r)
		delete(session.Values, r.PostFormValue("key"))
		save(w, r, session, "deleted")
	})
	mux.HandleFunc("POST /flush", func(w http.ResponseWriter, r *http.Request) {
		session := load(r)
		session.Options.MaxAge = -1
		save(w, r, session, "flushed")
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		session := load(r)
		session.ID = "" // not in its documentation: FilesystemStore then makes a new ID
		session.Values["user"] = r.PostFormValue("user")
		save(w, r, session, "logged in")
	})
	return mux
}
