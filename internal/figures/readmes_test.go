package main

import (
	"os"
	"testing"
)

// If it failed, a figure of a README would have been written by hand. task figures writes them, and
// task figures -- -write writes them again after figures.tmpl has changed.
func TestReadmesHaveTheFigures(t *testing.T) {
	f, err := load("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, readme := range readmes {
		want, err := f.render(readme)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile("../../" + readme)
		if err != nil {
			t.Fatal(err)
		}
		if _, said, _, err := cut(string(text)); err != nil || said != want {
			t.Errorf("%s is not what was measured: %v\n%s", readme, err, want)
		}
	}
}

func TestShow(t *testing.T) {
	for all, want := range map[string]string{
		"23 MB; 26 MB; 24 MB":     "23 to 26 MB",
		"8.002243ms":              "8 ms",
		"24.872172ms; 208.1ms":    "25 to 208 ms",
		"712.4 ns/op; 1098 ns/op": "0.7 to 1.1 µs",
		"3.41s":                   "3.4 s",
		"912.3µs":                 "0.9 ms",
		"38521 bytes":             "39 kB",
		"32; 32":                  "32",
	} {
		if got, err := show(all); got != want || err != nil {
			t.Errorf("%s is shown as %s, %v", all, got, err)
		}
	}
	if got, err := under("17.9 ms"); got != "18 ms" || err != nil {
		t.Errorf("under %s, %v", got, err)
	}
}
