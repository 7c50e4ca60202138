package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
)

// Each README has one place for what is written into it.
const (
	begin = "<!-- task figures writes from here -->\n"
	end   = "<!-- to here -->\n"
)

// file has what was measured last. between separates the values of a figure that several lines print.
const (
	file    = "internal/figures/figures.json"
	between = "; "
)

var readmes = []string{"README.md", "internal/app/README.md", "internal/session/README.md"}

//go:embed figures.tmpl
var words string

// figures are the measured values, by part and name.
type figures map[string]map[string]string

// load returns what stands in file, below root.
func load(root string) (f figures, err error) {
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return nil, err
	}
	return f, json.Unmarshal(text, &f)
}

// render returns what a README says of the figures.
func (f figures) render(readme string) (string, error) {
	t, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{
		"show": show, "under": under, "measured": f.measured,
		"list": func(all string) []string { return strings.Split(all, between) },
	}).Parse(words)
	if err != nil {
		return "", err
	}
	var said strings.Builder
	err = t.ExecuteTemplate(&said, readme, f)
	return said.String(), err
}

// measured says when the parts of these names were measured.
func (f figures) measured(names ...string) string {
	var stamps []string
	of := map[string][]string{}
	for _, name := range names {
		stamp := f[name]["measured"]
		if of[stamp] == nil {
			stamps = append(stamps, stamp)
		}
		of[stamp] = append(of[stamp], name)
	}
	if len(stamps) == 1 {
		return stamps[0]
	}
	for i, stamp := range stamps {
		stamps[i] = fmt.Sprintf("%s (%s)", stamp, strings.Join(of[stamp], ", "))
	}
	return strings.Join(stamps, "; ")
}

// parse returns the number and the unit of a figure. Times are in ms and sizes in kB; any other unit stays.
func parse(figure string) (float64, string, error) {
	digits := strings.TrimRight(figure, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµ/ ")
	n, err := strconv.ParseFloat(digits, 64)
	switch unit := strings.TrimSpace(figure[len(digits):]); unit {
	case "ns/op":
		return n / 1e6, "ms", err
	case "µs":
		return n / 1e3, "ms", err
	case "s":
		return n * 1e3, "ms", err
	case "bytes":
		return n / 1e3, "kB", err
	default:
		return n, unit, err
	}
}

// span returns the least and the most that was measured of something.
func span(all string) (least, most float64, unit string, err error) {
	least = math.Inf(1)
	for _, figure := range strings.Split(all, between) {
		n := 0.0
		if n, unit, err = parse(figure); err != nil {
			break
		}
		least, most = min(least, n), max(most, n)
	}
	return least, most, unit, err
}

// show returns the least and the most, with two digits or more.
func show(all string) (string, error) {
	least, most, unit, err := span(all)
	switch {
	case unit == "ms" && most >= 2000:
		least, most, unit = least/1e3, most/1e3, "s"
	case unit == "ms" && most < 0.1:
		least, most, unit = least*1e3, most*1e3, "µs"
	}
	said := digits(least)
	if digits(most) != said {
		said += " to " + digits(most)
	}
	return strings.TrimSpace(said + " " + unit), err
}

func digits(n float64) string {
	if n >= 9.95 {
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0")
}

// under returns the next whole number above the most.
func under(all string) (string, error) {
	_, most, unit, err := span(all)
	return fmt.Sprintf("%.0f %s", math.Floor(most)+1, unit), err
}

// write writes file, and what the READMEs say of it.
func (f figures) write() error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err := errors.Join(err, os.WriteFile(file, append(text, '\n'), 0o644)); err != nil {
		return err
	}
	for _, readme := range readmes {
		said, err := f.render(readme)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(readme)
		if err != nil {
			return err
		}
		before, _, after, err := cut(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", readme, err)
		}
		if err := os.WriteFile(readme, []byte(before+begin+said+end+after), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// cut returns what a README has before, in and after the place that is written.
func cut(text string) (before, said, after string, err error) {
	before, rest, begun := strings.Cut(text, begin)
	said, after, ended := strings.Cut(rest, end)
	if !begun || !ended {
		err = fmt.Errorf("it does not have the lines %q and %q", begin, end)
	}
	return before, said, after, err
}
