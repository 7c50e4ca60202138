package main

import "embed"

// webFS holds the styles, scripts and pictures that the pages need. all: keeps
// names that begin with _ or a dot.
//
//go:embed all:web
var webFS embed.FS
