package program

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
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
	close     func() error
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
		backend, err := redis.Open(ctx, redis.Config{URL: cfg.StoreURL, Prefix: "class:" + rand.Text() + ":", MaxSessions: cfg.MaxSessions, Log: log})
		if err != nil {
			return st, err
		}
		st.Backend, st.close = backend, func() error { return errors.Join(dropAll(backend), backend.Close()) }
	default:
		st.Backend = memory.New(memory.Config{MaxSessions: cfg.MaxSessions, MaxBytes: bytesOfSeat * int64(cfg.Seats)})
	}
	return st, nil
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
	backend, err := sqlite.Open(ctx, sqlite.Config{File: file, Durability: durability, MaxSessions: cfg.MaxSessions, Documents: true, Log: log})
	if err != nil {
		return st, err
	}
	st.Backend, st.documents, st.file, st.close = backend, documents{backend}, backend.File(), backend.Close
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

// dropTime is how long the end of a class waits for Redis to remove its sessions.
const dropTime = 2 * time.Second

// dropAll removes what a class kept in Redis.
func dropAll(st *redis.Store) error {
	ctx, cancel := context.WithTimeout(context.Background(), dropTime)
	defer cancel()
	var keys []session.Key
	for e, err := range st.All(ctx) {
		if err != nil {
			return err
		}
		keys = append(keys, e.Key)
	}
	return st.Drop(ctx, keys)
}
