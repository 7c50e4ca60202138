package app

import "testing"

var whereCases = []experimentCase{}

var whereControls = []control{}

func TestWhere(t *testing.T)         { runCases(t, whereCases) }
func TestWhereControls(t *testing.T) { runControls(t, whereControls) }
