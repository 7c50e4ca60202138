package peers

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"
)

var record = flag.Bool("record", false, "write what was seen to testdata/observed.json")

const observed = "testdata/observed.json"

// An outcome of a promise and a contender.
const (
	holds    = "holds"
	fails    = "does not hold"
	notAsked = "not applicable"
)

// cell is what was seen of one contender.
type cell struct {
	Outcome string `json:"outcome"`
	Seen    string `json:"seen"`            // the evidence, in words
	Note    string `json:"note,omitempty"`  // what a reader should know of it
	Suite   string `json:"suite,omitempty"` // the program's own test of it, as folder.Test
}

func held(format string, args ...any) cell {
	return cell{Outcome: holds, Seen: fmt.Sprintf(format, args...)}
}
func failed(format string, args ...any) cell {
	return cell{Outcome: fails, Seen: fmt.Sprintf(format, args...)}
}
func none(why string) cell { return cell{Outcome: notAsked, Seen: why} }

// judge returns held or failed, with the same words for both: yes and no for what is true or not.
func judge(ok bool, format string, args ...any) cell {
	for i, arg := range args {
		if is, ok := arg.(bool); ok {
			args[i] = map[bool]string{true: "yes", false: "no"}[is]
		}
	}
	if ok {
		return held(format, args...)
	}
	return failed(format, args...)
}

// promise is one row of the tables.
type promise struct {
	Test    string          `json:"test"`
	Promise string          `json:"promise"`
	Cells   map[string]cell `json:"cells"` // by the contender's name
}

// column is one contender of the tables.
type column struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Values  string `json:"values"` // where they live: "server" or "cookie"
	Version string `json:"version"`
}

// results is all that was seen.
type results struct {
	Seen    string    `json:"seen"` // the day
	Columns []column  `json:"contenders"`
	Rows    []promise `json:"promises"`
}

// now are the results of before, with what this run saw, if it asked anybody.
var (
	now   results
	asked bool
)

func TestMain(m *testing.M) {
	flag.Parse()
	if err := begin(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(work)
	if *record {
		if err := write(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// begin reads the recorded results.
func begin() (err error) {
	text, err := os.ReadFile(observed)
	if err == nil {
		err = json.Unmarshal(text, &now)
	}
	if err != nil && !(*record && os.IsNotExist(err)) {
		return err
	}
	work, err = os.MkdirTemp("", "sessionscope-peers-")
	return err
}

// write writes the results, rows and columns in the order of promises and contenders, with the words
// and notes that they have now: with -run NONE only those change.
func write() error {
	was := now
	now = results{Seen: was.Seen}
	if asked {
		now.Seen = time.Now().Format("2 January 2006")
	}
	for _, c := range contenders {
		for _, old := range was.Columns {
			if old.Name == c.name {
				now.Columns = append(now.Columns, column{c.name, c.title, c.values, old.Version})
			}
		}
	}
	for _, p := range promises {
		for _, old := range was.Rows {
			if old.Test == p.Test {
				for name, c := range old.Cells {
					c.Note, c.Suite = p.notes[name], p.suite[name]
					old.Cells[name] = c
				}
				now.Rows = append(now.Rows, promise{p.Test, p.Promise, old.Cells})
			}
		}
	}
	text, err := json.MarshalIndent(now, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(observed, append(text, '\n'), 0o644)
}

// row returns the recorded row of a test, a new one if there is none.
func row(test string) *promise {
	for i := range now.Rows {
		if now.Rows[i].Test == test {
			return &now.Rows[i]
		}
	}
	now.Rows = append(now.Rows, promise{Test: test, Cells: map[string]cell{}})
	return &now.Rows[len(now.Rows)-1]
}

// note writes a version down.
func (c *contender) note(t *testing.T) {
	col := column{c.name, c.title, c.values, c.version(t)}
	for i := range now.Columns {
		if now.Columns[i].Name == c.name {
			now.Columns[i] = col
			return
		}
	}
	now.Columns = append(now.Columns, col)
}

// ask asks every contender for the promise of the running test. What is in why is not asked, for
// the reason that is given.
func ask(t *testing.T, with settings, why map[string]string, f func(r *run) cell) {
	promises.of(t.Name())
	old := row(t.Name()).Cells
	for i := range contenders {
		c := &contenders[i]
		t.Run(c.name, func(t *testing.T) {
			asked = true
			c.note(t)
			seen := none(why[c.name])
			if why[c.name] == "" {
				r := start(t, c, with)
				seen = f(r)
			}
			t.Logf("%s: %s", seen.Outcome, seen.Seen)
			if *record {
				row(t.Name()[:len(t.Name())-len(c.name)-1]).Cells[c.name] = seen
			} else if old[c.name].Outcome != seen.Outcome {
				t.Errorf("recorded is %q: %s", old[c.name].Outcome, old[c.name].Seen)
			}
		})
	}
}
