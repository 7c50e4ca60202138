package app

import (
	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/views"
)

// phoneView returns what the class page of a seat shows of what the class does together.
func (cl *class) phoneView(s classroom.Seat) views.Phone {
	return views.Phone{}
}

// asks returns what the strip of every page of a seat says of it, in one or two words; "" for nothing.
func (cl *class) asks() string { return "" }
