package app

import "testing"

var forgeryCases = []experimentCase{}

var forgeryControls = []control{}

func TestForgery(t *testing.T)         { runCases(t, forgeryCases) }
func TestForgeryControls(t *testing.T) { runControls(t, forgeryControls) }
