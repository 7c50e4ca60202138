// Package shelf holds the guided experiments, in their order.
//
// An experiment is three files. log_out_then_replay.go has its section, its choices and the
// function that runs it. log_out_then_replay.md has what people read; text.go says how it is
// written. log_out_then_replay_test.go runs every variant, and shows that a server with a
// fault is found out. An outcome names its prediction as the text does.
//
// The other files help them: cells.go writes the cells of tables, cookies.go takes cookies
// apart, stored.go asks the store for records and files, rush.go lets two tabs write at once, and
// text.go reads the texts. words.txt is the list of guesses of crack_a_weak_secret.go.
//
// To add an experiment, copy the three files of missing_is_not_an_error or, when the learner's
// own browser takes part, of closes_with_the_browser. Give it a line in order and a line in
// keptIDs (shelf_test.go), count it in README.md, and run go test ./internal/say -update, which
// lists its sentences. The tests say what is missing.
//
// Begin with order and with the three files of missing_is_not_an_error.
package shelf

import (
	"embed"
	"strings"
	"sync"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

// The sections of the shelf.
const (
	life     = "Life of a session"
	where    = "Where values live"
	trust    = "Trust"
	together = "Together"
)

// place is an experiment's place on the shelf. id names the experiment in the progress
// that learners' sessions keep: it stays the same when the experiment moves to another place.
type place struct {
	id         int
	experiment experiment.Experiment
}

// order is the shelf from its first experiment to its last. Experiments of one section
// stand together. A new experiment takes as its ID the number of lines, its own included.
var order = []place{
	{1, bornOnFirstWrite},
	{2, missingIsNotAnError},
	{3, deleteClearFlush},
	{4, expiredIsNotCleared},
	{5, twoClocks},
	{6, closesWithTheBrowser},
	{7, flashMessage},
	{28, countToFive},

	{8, cookieHybridServer},
	{9, the4096ByteWall},
	{10, restart},
	{11, storesThroughARestart},
	{12, threeWitnesses},

	{13, signedIsNotSecret},
	{14, changeOneLetter},
	{15, crackAWeakSecret},
	{16, logOutThenReplay},
	{17, aDeletedIDComesBack},
	{18, fixation},
	{19, aStolenCookie},
	{20, guessTheNextID},
	{21, rotateTheSecret},
	{22, replayAnOlderCookie},

	{23, twoTabs},
	{24, saveAfterWrite},
	{25, normalLaxStrict},
	{26, secureOnPlainHTTP},
	{27, matrix},
}

//go:embed *.md
var texts embed.FS

// Shelf has all experiments with their texts. It does not change. The zero value is empty.
type Shelf struct {
	sections []Section
	all      []experiment.Experiment
}

// Section is one group of the shelf.
type Section struct {
	Title       string
	Experiments []experiment.Experiment
}

// Open returns the shelf. Its error names the file and the line of a text that is wrong. The
// texts are a part of the program, and are read once.
func Open() (Shelf, error) { return read() }

var read = sync.OnceValues(func() (s Shelf, err error) {
	for _, p := range order {
		e := p.experiment
		text, err := textOf(e.Slug)
		if err != nil {
			return Shelf{}, err
		}
		e.Text, e.ID, e.Number = text, p.id, len(s.all)+1
		s.all = append(s.all, e)
		if n := len(s.sections); n == 0 || s.sections[n-1].Title != e.Section {
			s.sections = append(s.sections, Section{Title: e.Section})
		}
		section := &s.sections[len(s.sections)-1]
		section.Experiments = append(section.Experiments, e)
	}
	return s, nil
})

// textName is the name of the file with the text of the experiment with that slug.
func textName(slug string) string { return strings.ReplaceAll(slug, "-", "_") + ".md" }

// textOf reads the text of the experiment with that slug.
func textOf(slug string) (experiment.Text, error) {
	name := textName(slug)
	b, err := texts.ReadFile(name)
	if err != nil {
		return experiment.Text{}, err
	}
	return parse(name, string(b))
}

// Sections returns the experiments by section. The caller must not change them.
func (s Shelf) Sections() []Section { return s.sections }

// All returns the experiments without their sections, in the same order. The caller
// must not change them.
func (s Shelf) All() []experiment.Experiment { return s.all }

// Find returns the experiment with that slug.
func (s Shelf) Find(slug string) (experiment.Experiment, bool) {
	for _, e := range s.all {
		if e.Slug == slug {
			return e, true
		}
	}
	return experiment.Experiment{}, false
}
