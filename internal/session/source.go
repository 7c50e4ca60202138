package session

import "embed"

// Source holds the source files of the functions that handlers call: the lab's code panel
// shows what ran.
//
//go:embed codec.go end.go engine.go gorilla.go load.go session.go
var Source embed.FS
