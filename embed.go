package main

import "embed"

// licence is the licence of the program, which the page /about shows.
//
//go:embed LICENSE
var licence string

// webFS has the styles, scripts and pictures of the pages. all: includes files whose names
// begin with _ or a dot.
//
//go:embed all:web
var webFS embed.FS
