package config

import (
	"io"
	"regexp"
	"strings"
	"time"
)

// entry is a row of a list in the manual page.
type entry struct{ name, does string }

// What the manual page says besides the tables of flags and commands.
var (
	aboutLab = []string{
		"Sessionscope makes web sessions visible. It serves a lab in which real cookies and real requests show what the browser keeps," +
			" what travels and what the server keeps. Beside the lab are experiments, and a class that learners join with their own phones.",
		"It prints the address of the lab, and serves browsers of this machine only, unless --addr or --classroom says otherwise." +
			" It keeps no session on disk unless --store sqlite asks for it, or an experiment is about SQLite; FILES has all files that it writes." +
			" Ctrl+C ends it.",
		"A double click on its file starts it too. It then opens the browser, takes one of the next ports if its own is taken, and has Quit" +
			" at the foot of its pages, which ends it. Another double click opens the page of the one that runs.",
		"With a command as the first argument it prints something, and serves nothing:",
	}
	aboutFlags     = "A flag that is on or off is written --open or --open=false. The value of any other flag is the next argument, or follows an =."
	aboutVariables = "A flag that is given replaces its variable, and a variable that is not empty replaces the default." +
		" A URL with a password belongs into SESSIONSCOPE_STORE, since everybody on a machine can read its command lines."
	aboutFiles = "On Linux and macOS nobody but their owner can read these files. On Windows whoever may read their folder can read them."

	files = []entry{
		{"~/.local/state/sessionscope/sessions.db", "The records of --store sqlite. XDG_STATE_HOME names another folder for ~/.local/state," +
			" which on macOS is ~/Library/Application Support, and on Windows %LOCALAPPDATA%; --store sqlite:FILE names another file."},
		{"FILE.secret", "The secret that signs the cookies of the sessions in FILE. The first start makes it, unless --secret-file names another."},
		{"FILE-wal, FILE-shm, FILE.lock", "SQLite's log and its index, and the lock that keeps a second program away." +
			" After a kill the last writes are in the log, which the next start reads."},
		{"FILE.class, FILE.class.secret", "A class, and the secret that signs the cookies of its seats. With --secret-file the second file is not made."},
		{"sessionscope.lock, sessionscope.address", "By these another double click finds the program that runs. They are in XDG_RUNTIME_DIR, or if it" +
			" cannot be used in another folder of the user's, and gone at the end."},
		{"sessionscope-*/board.html", "The link that --classroom --open gives to the browser, in the folder for temporary files. It is gone when" +
			" the browser has used it, at most a minute later."},
		{"sessionscope-experiment-*", "The folder of an experiment with SQLite while it runs, in the folder for temporary files or, if that takes none," +
			" in the user's cache or the working folder."},
		{"sessionscope-class-DATE.html", "What came out of a class, if Enter after Ctrl+C saves it, in the folder in which the program was started."},
	}
	exits = []entry{
		{"0", "The program was stopped, or has printed what was asked for."},
		{"1", "Anything else is wrong; the address is taken, for example, or another program has the database. Standard error says what."},
		{"2", "Something is wrong in flags, variables or signing secrets."},
		{"3", "The database file is damaged, or of another program, or of a newer version of this one. Nothing in it has changed."},
	}
	signals = []entry{
		{"SIGINT", "Ctrl+C. The program ends when the requests that it has are answered, at most 5 seconds later; another Ctrl+C ends it at once." +
			" With a class that has seats a terminal asks before that: Enter saves what came out and ends the class, and another Ctrl+C ends it without saving." +
			" Either way the class is wiped."},
		{"SIGTERM", "The program ends in the same way and asks nothing. With --store sqlite a later start that opens a class goes on with this one."},
		{"SIGHUP", "The program reads the signing secrets again, from --secret-file or from the file beside the database; without such a file it ends, and the log says so." +
			" It also ends if the terminal was closed, unless it runs under nohup."},
	}
	examples = []struct {
		does     string
		commands []string
	}{
		{"A lab for this machine, and the browser at it:", []string{"sessionscope --open"}},
		{"A class, for phones on the same network:", []string{"sessionscope --classroom --open"}},
		{"Sessions that outlive the program, in a file:", []string{"sessionscope --store sqlite:~/sessions.db"}},
		{"Sessions in a Redis that many programs share, which all sign with the same secrets:", []string{
			"(umask 077; head -c 32 /dev/urandom | base64 >secrets)",
			"sessionscope --store redis://127.0.0.1:6379/0 --secret-file secrets",
		}},
	}
)

// Man writes the manual page, for section 1, in the macros of man(7). Its heading has version
// and date, which are those of the build information: a version such as v1.0.0, perhaps with a
// commit after a space, and a date such as 2026-11-27, perhaps with a time after a T. The page
// has neither commit nor time, those of a pseudo-version neither: its foot would not fit into 80
// columns. It has no version if that is "", unknown or (devel), and no date
// if that is "" or another text.
func Man(w io.Writer, version, date string) error {
	version, _, _ = strings.Cut(version, " ")
	if version == "unknown" || strings.HasPrefix(version, "(") {
		version = ""
	}
	date, _, _ = strings.Cut(date, "T")
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		date = ""
	}
	version = pseudo.ReplaceAllString(version, "$1")
	var m manual
	m.title(date, strings.TrimSpace("Sessionscope "+strings.TrimPrefix(version, "v")))
	m.section("NAME")
	m.text(`sessionscope \- make web sessions visible`)
	m.section("SYNOPSIS")
	m.text(bold("sessionscope") + " [" + italic("flags") + "]")
	for _, c := range Commands {
		m.text(".br")
		m.text(bold("sessionscope "+c.Name) + value(c.Value))
	}
	m.section("DESCRIPTION", aboutLab...)
	for _, c := range Commands {
		m.item(bold(c.Name)+value(c.Value), sentence(c.Does))
	}
	m.section("OPTIONS", aboutFlags)
	flags := sorted()
	for _, f := range flags {
		m.item(bold("--"+f.Name)+value(f.Value), sentence(f.usage()))
	}
	m.section("ENVIRONMENT", aboutVariables)
	for _, f := range flags {
		if name := f.Variable(); name != "" {
			m.item(bold(name), "The same as --"+f.Name+".")
		}
	}
	m.section("FILES", aboutFiles)
	m.list(files)
	m.section("EXIT STATUS")
	m.list(exits)
	m.section("SIGNALS")
	m.list(signals)
	m.section("EXAMPLES")
	for i, e := range examples {
		if i > 0 {
			m.text(".PP")
		}
		m.example(e.does, e.commands)
	}
	m.section("SEE ALSO")
	m.text(bold("curl") + "(1), " + bold("sqlite3") + "(1)")
	m.text(".PP")
	m.text("https://github.com/sessionscope/sessionscope")
	_, err := w.Write(m.Bytes())
	return err
}

// pseudo is the end of a pseudo-version from the commit's day on, https://go.dev/ref/mod#pseudo-versions.
var pseudo = regexp.MustCompile(`([-.][0-9]{8})[0-9]{6}-[0-9a-f]{12}(\+dirty)?$`)

// sentence returns what a table says as a sentence: with a capital letter, unless an abbreviation begins
// it, and a full stop.
func sentence(does string) string {
	if first, rest := does[:1], does[1:]; strings.ToUpper(rest[:1]) != rest[:1] {
		does = strings.ToUpper(first) + rest
	}
	return does + "."
}
