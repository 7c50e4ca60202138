package main

import "embed"

// webFS has the styles, scripts and pictures of the pages. all: includes files whose names
// begin with _ or a dot.
//
//go:embed all:web
var webFS embed.FS
