package program

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/config"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/redis"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// classStore is what a class is kept in.
type classStore struct {
	session.Backend
	documents classroom.Documents
	secrets   [][]byte
	file      string // the database; "" if the class ends with the program
	prefix    string // of the keys in Redis; "" in another store

	// reopen closes the store and opens it again, as a server that is restarted does. forget makes
	// a store without the sessions and markers that there were. Both return the store that takes
	// the place of the one before; nobody may use that one meanwhile.
	reopen, forget func(context.Context) (session.Backend, error)
	close          func() error
}

// openClassStore opens a store beside the lab's own, of the same kind. With SQLite the class is
// in a file of its own and outlives the program. With Redis only its sessions are there, until
// the class is closed: whose they are is known to this program alone.
func openClassStore(ctx context.Context, cfg config.Config, lab store, log *slog.Logger) (classStore, error) {
	st := classStore{documents: classroom.NewMemoryDocuments(), close: func() error { return nil }}
	var err error
	if st.secrets, err = classSecrets(cfg); err != nil {
		return st, err
	}
	cfg.MaxSessions = max(cfg.MaxSessions, sessionsOfSeat*cfg.Seats)
	switch cfg.Store {
	case "sqlite":
		return openClassFile(ctx, cfg, lab.file+".class", st, log)
	case "redis":
		return openClassRedis(ctx, cfg, st, log)
	}
	fresh := func(context.Context) (session.Backend, error) {
		return memory.New(memory.Config{MaxSessions: cfg.MaxSessions, MaxBytes: bytesOfSeat * int64(cfg.Seats)}), nil
	}
	st.reopen, st.forget = fresh, fresh // memory ends with the server
	st.Backend, err = fresh(ctx)
	return st, err
}

// sessionsOfSeat and bytesOfSeat are the room in the class's store for each seat: more than a
// seat may take, so that none takes it from another.
const (
	sessionsOfSeat = 32
	bytesOfSeat    = 2 << 20
)

// openClassFile opens the database of a class.
func openClassFile(ctx context.Context, cfg config.Config, file string, st classStore, log *slog.Logger) (classStore, error) {
	durability := sqlite.Full
	if cfg.Batched {
		durability = sqlite.Batched
	}
	kept := &classFile{open: func(ctx context.Context) (*sqlite.Store, error) {
		return sqlite.Open(ctx, sqlite.Config{File: file, Durability: durability, MaxSessions: cfg.MaxSessions, Documents: true, Log: log})
	}}
	backend, err := kept.open(ctx)
	if err != nil {
		return st, err
	}
	kept.st = backend
	st.Backend, st.documents, st.file, st.close = backend, documents{kept.use}, backend.File(), kept.close
	st.reopen, st.forget = kept.reopen, kept.forget
	secretFile := ""
	if cfg.SecretFile == "" {
		if secretFile, err = backend.SecretFile(ctx); err == nil {
			st.secrets, err = session.ReadSecrets(secretFile)
		}
		if err != nil {
			return st, errors.Join(fmt.Errorf("%w: %w", errSecrets, err), backend.Close())
		}
	}
	if err := backend.SignedWith(ctx, secretFile, st.secrets); err != nil {
		return st, errors.Join(err, backend.Close())
	}
	return st, nil
}

// classFile is the database of a class, which has its sessions and its documents, while the handle
// of it is closed and opened again.
type classFile struct {
	open func(context.Context) (*sqlite.Store, error)

	mu    sync.RWMutex
	st    *sqlite.Store // nil after it could not be opened again
	ended bool
}

// errClassClosed is the error of documents after the class was closed.
var errClassClosed = errors.New("the class is closed")

// use calls do with the present handle, which stays open until do returns. If the file could not be
// opened again, it tries once more.
func (f *classFile) use(ctx context.Context, do func(*sqlite.Store) error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for f.st == nil {
		f.mu.RUnlock()
		err := f.retry(ctx)
		f.mu.RLock()
		if err != nil {
			return err
		}
	}
	return do(f.st)
}

// retry opens the file if it is closed.
func (f *classFile) retry(ctx context.Context) (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.ended:
		return errClassClosed
	case f.st == nil:
		f.st, err = f.open(ctx)
	}
	return err
}

// reopen is classStore.reopen. Documents wait for it.
func (f *classFile) reopen(ctx context.Context) (session.Backend, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.end()
	if err == nil {
		f.st, err = f.open(ctx)
	}
	if err != nil {
		return nil, err
	}
	return f.st, nil
}

// forget is classStore.forget.
func (f *classFile) forget(ctx context.Context) (session.Backend, error) {
	var kept session.Backend
	err := f.use(ctx, func(st *sqlite.Store) error {
		kept = st
		return st.Forget(ctx)
	})
	return kept, err
}

func (f *classFile) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	return f.end()
}

// end closes the handle. The caller has mu.
func (f *classFile) end() error {
	if f.st == nil {
		return nil
	}
	st := f.st
	f.st = nil
	return st.Close()
}

// openClassRedis opens a store in Redis for the sessions of a class.
func openClassRedis(ctx context.Context, cfg config.Config, st classStore, log *slog.Logger) (classStore, error) {
	st.prefix = "class:" + rand.Text() + ":"
	r := &classRedis{cfg: redis.Config{URL: cfg.StoreURL, Prefix: st.prefix, MaxSessions: cfg.MaxSessions, Log: log}}
	var err error
	if st.Backend, err = r.open(ctx); err != nil {
		return st, err
	}
	st.reopen, st.forget, st.close = r.reopen, r.forget, r.close
	return st, nil
}

// classRedis is the store of a class in Redis, while its connections are closed and opened again. It
// knows all keys that the class has made there, sessions and markers: they are removed by their
// names, without a search among other programs' keys.
type classRedis struct {
	cfg redis.Config
	st  *redis.Store // nil after it could not be opened again

	mu   sync.Mutex
	keys map[session.Key]struct{}
}

// noting is a redis.Store that notes each key before it makes it.
type noting struct {
	*redis.Store
	of *classRedis
}

// Create implements session.Backend.
func (n noting) Create(ctx context.Context, k session.Key, r session.Record) error {
	n.of.mu.Lock()
	n.of.keys[k] = struct{}{}
	n.of.mu.Unlock()
	return n.Store.Create(ctx, k, r)
}

func (r *classRedis) open(ctx context.Context) (session.Backend, error) {
	if r.keys == nil {
		r.keys = make(map[session.Key]struct{})
	}
	st, err := redis.Open(ctx, r.cfg)
	if err != nil {
		return nil, err
	}
	r.st = st
	return noting{st, r}, nil
}

// reopen is classStore.reopen.
func (r *classRedis) reopen(ctx context.Context) (session.Backend, error) {
	if r.st != nil {
		_ = r.st.Close() // what was acknowledged is in Redis
		r.st = nil
	}
	return r.open(ctx)
}

// forget is classStore.forget.
func (r *classRedis) forget(ctx context.Context) (session.Backend, error) {
	if r.st == nil {
		if _, err := r.open(ctx); err != nil {
			return nil, err
		}
	}
	return noting{r.st, r}, r.drop(ctx)
}

// drop removes all that the class has made.
func (r *classRedis) drop(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := make([]session.Key, 0, len(r.keys))
	for k := range r.keys {
		keys = append(keys, k)
	}
	if err := r.st.Drop(ctx, keys); err != nil {
		return err
	}
	clear(r.keys)
	return nil
}

// dropTime is how long the end of a class waits for Redis to remove its sessions.
const dropTime = 2 * time.Second

func (r *classRedis) close() error {
	if r.st == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), dropTime)
	defer cancel()
	return errors.Join(r.drop(ctx), r.st.Close())
}

// classSecrets returns what signs the cookies of a class that has no file of its own for that:
// secrets that are derived from those of --secret-file, or a random one. A cookie of the lab
// opens nothing in the class, and the other way round.
func classSecrets(cfg config.Config) (secrets [][]byte, err error) {
	if cfg.SecretFile == "" {
		return [][]byte{session.NewSecret()}, nil
	}
	given, err := readSecrets(cfg.SecretFile)
	if err != nil {
		return nil, err
	}
	for _, secret := range given {
		derived, err := hkdf.Key(sha256.New, secret, nil, "sessionscope class v1", sha256.Size)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, derived)
	}
	return secrets, nil
}
