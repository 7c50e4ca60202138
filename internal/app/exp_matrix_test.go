package app

import "testing"

var matrixCases = []experimentCase{}

var matrixControls = []control{}

func TestMatrix(t *testing.T)         { runCases(t, matrixCases) }
func TestMatrixControls(t *testing.T) { runControls(t, matrixControls) }
