// Release makes the files that are published of a commit: for each system an archive with the
// program, and a list of what is inside it (SBOM); and SHA256SUMS over all of them. It is run as
// go run ./internal/release, in the module's folder, and writes into dist/.
//
// The same commit gives the same bytes: everything is made twice, in two folders with empty caches,
// and compared. Begin with release, below; then build.go has how the program is built, contents.go
// what is in an archive, archive.go how it is packed, licences.go and sbom.go what is told of the
// modules inside, compare.go how two sets of files are compared.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// maxBinary is how large a program may be, in bytes.
const maxBinary = 25_000_000

// options are what the command line asks for.
type options struct {
	root    string   // a folder of the repository
	out     string   // the folder for the files; those of an earlier release in it are removed
	dirty   bool     // a tree with changes is no error: they are built too
	once    bool     // make everything once, and compare nothing
	targets []target // which systems to build for
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	opts, err := readOptions(os.Args[1:], os.Stderr)
	if err == nil {
		err = release(ctx, opts, os.Stdout)
	}
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// readOptions reads the command line. What is wrong with it, and its usage, go to stderr.
func readOptions(args []string, stderr io.Writer) (options, error) {
	opts := options{root: ".", targets: targets}
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&opts.out, "out", "dist", "the `folder` for the files; those of an earlier release in it are removed, and with others it is refused")
	flags.BoolVar(&opts.dirty, "dirty", false, "build what is not committed, too; the version then ends in +dirty")
	flags.BoolVar(&opts.once, "once", false, "make everything once, and compare nothing")
	flags.Func("target", "build for one `OS/ARCH` only, such as linux/amd64; repeatable", func(s string) error {
		i := slices.IndexFunc(targets, func(t target) bool { return t.String() == s })
		if i < 0 {
			return fmt.Errorf("it is one of %v", targets)
		}
		if len(opts.targets) == len(targets) {
			opts.targets = nil
		}
		opts.targets = append(opts.targets, targets[i])
		return nil
	})
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	return opts, err
}

// release makes the files of the commit that is checked out, and says on stdout what it does.
func release(ctx context.Context, opts options, stdout io.Writer) error {
	if _, err := released(opts.out); err != nil {
		return err
	}
	root, err := command(ctx, opts.root, nil, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	commit, err := command(ctx, root, nil, "git", "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	changes, err := changed(ctx, root)
	if err != nil {
		return err
	}
	if len(changes) > 0 && !opts.dirty {
		return fmt.Errorf("these files differ from the commit; commit them or take them away, or give -dirty to try them:\n\t%s", strings.Join(changes, "\n\t"))
	}
	if shallow, err := command(ctx, root, nil, "git", "rev-parse", "--is-shallow-repository"); err != nil || shallow != "false" {
		return errors.Join(err, errors.New("this clone has a part of the history only, and Go takes the version from all of it: git fetch --unshallow --tags gets the rest"))
	}
	tmp, err := os.MkdirTemp("", "sessionscope-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	// Two folders whose names differ in length too, so that a path in a file is seen.
	sets := []string{filepath.Join(tmp, "a"), filepath.Join(tmp, "another", "folder")}
	if opts.once {
		sets = sets[:1]
	}
	for _, set := range sets {
		if err := makeSet(ctx, opts, root, commit, set, stdout); err != nil {
			return err
		}
	}
	first := filepath.Join(sets[0], "files")
	if !opts.once {
		if err := compare(first, filepath.Join(sets[1], "files")); err != nil {
			return err
		}
		fmt.Fprintln(stdout, "both builds have the same bytes")
	}
	if err := replace(opts.out, first); err != nil {
		return err
	}
	return table(stdout, opts.out)
}

// makeSet makes the files of the commit in the folder set/files, from its own sources and with its
// own caches.
func makeSet(ctx context.Context, opts options, root, commit, set string, stdout io.Writer) error {
	began := time.Now()
	w, err := newWorkshop(ctx, root, commit, filepath.Join(set, "source"), opts.dirty)
	if err != nil {
		return err
	}
	caches := filepath.Join(set, "caches")
	if err := w.emptyCaches(caches); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "building commit %.12s in %s\n", commit, set)
	if err := w.makeAll(ctx, opts.targets, filepath.Join(set, "files"), stdout); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "built in %.0f s\n", time.Since(began).Seconds())
	return os.RemoveAll(caches) // they take more than a gigabyte
}

// isReleased matches the names of the files that a release makes.
var isReleased = regexp.MustCompile(`^(SHA256SUMS|sessionscope_.+\.(tar\.gz|zip|cdx\.json))$`)

// released returns the files of an earlier release in the folder out, which need not be there. Anything
// that no release has made is an error: it is somebody's, and must not be removed.
func released(out string) (names []string, err error) {
	files, err := os.ReadDir(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, file := range files {
		if !file.Type().IsRegular() || !isReleased.MatchString(file.Name()) {
			return nil, fmt.Errorf("%s is not of a release: -out is a new folder, an empty one, or one with an earlier release", filepath.Join(out, file.Name()))
		}
		names = append(names, filepath.Join(out, file.Name()))
	}
	return names, err
}

// replace puts the files of the folder from into the folder out, where those of an earlier release are
// removed.
func replace(out, from string) error {
	old, err := released(out)
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return os.CopyFS(out, os.DirFS(from))
}

// table prints each file of the folder with its size, and what is in the first archive.
func table(stdout io.Writer, folder string) error {
	files, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "bytes\tfile\t")
	archive := ""
	for _, file := range files {
		info, err := file.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "%d\t  %s\n", info.Size(), filepath.Join(folder, file.Name()))
		if archive == "" && strings.HasSuffix(file.Name(), ".tar.gz") {
			archive = filepath.Join(folder, file.Name())
		}
	}
	if archive != "" {
		entries, err := readTar(archive)
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "\nbytes\tin %s\t\n", filepath.Base(archive))
		for _, e := range entries {
			fmt.Fprintf(t, "%d\t  %s\n", len(e.content), e.name)
		}
	}
	return t.Flush()
}
