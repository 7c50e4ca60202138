package redis

import (
	"strings"

	"github.com/sessionscope/sessionscope/internal/session"
)

// refusals are the replies of a Redis that can be read and takes no writes, and what each
// means. Before version 7 other words stand before these when a script meets them.
var refusals = map[string]string{
	"READONLY ":   "it is a replica, which only reads",
	"MISCONF ":    "it cannot save to its disk, and so takes no writes",
	"NOREPLICAS ": "too few of its replicas answer",
}

// readOnly returns err, as a *session.ReadOnlyError if it is one of refusals.
func readOnly(err error) error {
	if err == nil || !isReply(err) {
		return err
	}
	for words, why := range refusals {
		if strings.Contains(err.Error(), words) {
			return &session.ReadOnlyError{Why: why, Err: err}
		}
	}
	return err
}
