// Sessionscope makes web sessions visible: a lab that shows what the browser keeps, what
// travels, and what the server keeps. Begin with internal/program, which puts the parts
// together.
package main

import (
	"io/fs"
	"os"

	"github.com/sessionscope/sessionscope/internal/program"
)

func main() {
	assets, err := fs.Sub(webFS, "web")
	if err != nil {
		panic(err) // only a bad path is an error
	}
	os.Exit(program.Main(program.Own{Assets: assets, Licence: licence}))
}
