//go:build !windows

package terminal

// sharedConsole knows of no console: other systems have terminals.
func sharedConsole() int { return 0 }
