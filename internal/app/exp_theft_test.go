package app

import "testing"

var theftCases = []experimentCase{}

var theftControls = []control{}

func TestTheft(t *testing.T)         { runCases(t, theftCases) }
func TestTheftControls(t *testing.T) { runControls(t, theftControls) }
