package program

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/sessionscope/sessionscope/internal/app"
	"github.com/sessionscope/sessionscope/internal/config"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/terminal"
)

// errSecrets marks an error of the signing secrets.
var errSecrets = errors.New("--secret-file")

// firstSecrets returns the secrets of --secret-file, or a random one. For SQLite without
// --secret-file it also reads the file beside the database, if there is one: a bad file is
// refused before the database is made.
func firstSecrets(cfg config.Config) ([][]byte, error) {
	if cfg.Store == "sqlite" && cfg.SecretFile == "" {
		if _, err := readSecrets(cfg.StoreFile + ".secret"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if cfg.SecretFile == "" {
		return [][]byte{session.NewSecret()}, nil
	}
	return readSecrets(cfg.SecretFile)
}

// readSecrets reads the secrets in a file.
func readSecrets(file string) ([][]byte, error) {
	secrets, err := session.ReadSecrets(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSecrets, err)
	}
	return secrets, nil
}

// watchHangups ends the program when its terminal hangs up, but not under nohup. After any
// other SIGHUP, which an operator sends, it reads the secrets again, or ends the program if
// they are in no file.
func watchHangups(ctx context.Context, end func(), secretFile string, a *app.App, st store, log *slog.Logger) {
	asked, hungUp := endFor(end, log), end
	if secretFile != "" {
		asked = func() { rereadSecrets(secretFile, a, st, log) }
	}
	if signal.Ignored(syscall.SIGHUP) {
		if secretFile == "" {
			return
		}
		hungUp = func() {}
	}
	// SIGHUP is caught until the program has ended: a terminal that hangs up may send more
	// than one, and requests in flight still have a few seconds.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go terminal.Watch(ctx, hangups, terminal.Attached, hungUp, asked)
}

// endFor returns what a SIGHUP does without a file of secrets: it ends the program, and the log says why.
func endFor(end func(), log *slog.Logger) func() {
	return func() {
		log.Info("a SIGHUP came: without a file of signing secrets, which it would have the program read again, it ends the program")
		end()
	}
}

// rereadSecrets reads the file again. A file that cannot be used changes nothing.
func rereadSecrets(file string, a *app.App, st store, log *slog.Logger) {
	secrets, err := session.ReadSecrets(file)
	if err == nil {
		err = a.SetSecrets(secrets)
	}
	if err != nil {
		log.Error("the file of signing secrets cannot be used: the signing secrets stay as they were", "error", err)
		return
	}
	log.Info("the signing secrets were read again", "secrets", len(secrets))
	if err := st.signedWith(secrets); err != nil {
		log.Error("cannot note in the database which secret signs now: the next start may refuse this secret", "error", err)
	}
}
