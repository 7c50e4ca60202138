package app

import "testing"

var parallelCases = []experimentCase{}

var parallelControls = []control{}

func TestParallel(t *testing.T)         { runCases(t, parallelCases) }
func TestParallelControls(t *testing.T) { runControls(t, parallelControls) }
