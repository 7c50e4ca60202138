//go:build !linux

package main

import "errors"

// run measures on Linux only: it reads /proc.
func run(options) error { return errors.New("this needs Linux") }
