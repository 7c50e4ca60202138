package app

import (
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// get is GET /get: it reads one key. A missing key is no error, and reading creates no session.
func (a *App) get(c *call) (out outcome, err error) {
	key, err := c.key()
	if err != nil {
		return out, err
	}
	v, found := c.session.Get(key)
	out.did = trace.Did{Op: "get", Key: key, Found: found}
	if found {
		out.did.Value = c.value(key, v)
	}
	return out, nil
}

// key returns the form's field "key", or an error if it is missing or not a valid key.
func (c *call) key() (string, error) {
	key, err := field(c.submitted(), "key")
	if err == nil {
		err = session.CheckKey(key)
	}
	return key, err
}

// keys is GET /keys: it lists the session's keys.
func (a *App) keys(c *call) (outcome, error) {
	keys := c.session.Keys()
	return outcome{did: trace.Did{Op: "keys", Keys: trace.KeysOf(keys)}, keys: keys}, nil
}

// delete is POST /delete: it removes one key.
func (a *App) delete(c *call) (outcome, error) {
	key, err := c.key()
	if err != nil {
		return outcome{}, err
	}
	return outcome{did: trace.Did{Op: "delete", Key: key, Found: c.session.Delete(key)}}, nil
}

// clear is POST /clear: it removes all values, and keeps the session.
func (a *App) clear(c *call) (outcome, error) {
	n := len(c.session.Keys())
	c.session.Clear()
	return outcome{did: trace.Did{Op: "clear", Count: n}}, nil
}
