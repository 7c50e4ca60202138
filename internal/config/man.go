package config

import (
	"fmt"
	"io"
)

// Man writes the manual page, for section 1, in the macros of man(7). version is the one of
// the build information, such as v1.0.0, and date the day of the commit, such as 2026-11-27;
// either may be "".
func Man(w io.Writer, version, date string) error {
	_, err := fmt.Fprintf(w, ".TH SESSIONSCOPE 1 %q \"Sessionscope %s\"\n.SH NAME\nsessionscope \\- make web sessions visible\n", date, version)
	return err
}
