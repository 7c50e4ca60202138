package session

import "embed"

// Source is the source of the functions that handlers call, for people who want
// to read what ran.
//
//go:embed codec.go end.go engine.go gorilla.go load.go session.go
var Source embed.FS
