package redis

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// key is the key of a session's hash.
func (st *Store) key(k session.Key) string { return st.hash + member(k) }

// member is the name of a session in both keys of the index.
func member(k session.Key) string { return hex.EncodeToString(k[:]) }

// entry is what the index's hash of sizes keeps for r.
func entry(r session.Record) string { return fmt.Sprintf("%d:%d", r.Version, len(r.Data)) }

// fieldNames are the fields of a session's hash, in the order that parseRecord reads.
var fieldNames = []string{"created", "expires", "version", "data", "marker"}

// fields are the first seven arguments of createScript and saveScript: now, the time
// to live, and the record. Redis keeps the hash for grace after the record's expiry.
func (st *Store) fields(r session.Record, grace time.Duration) []any {
	now := st.cfg.Now()
	return []any{now.UnixMilli(), ttl(now, r.Expires, grace), r.Created.UnixMilli(), r.Expires.UnixMilli(), r.Version, r.Data, flag(r.Marker)}
}

// ttl is how long Redis is to keep a hash, in milliseconds from now. It is a duration
// and not a moment, because the clock of Redis may show another time than ours.
func ttl(now, expires time.Time, grace time.Duration) int64 {
	return (max(expires.Sub(now), 0) + grace).Milliseconds()
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// errBroken is parseRecord's error for a hash that is no record.
var errBroken = errors.New("not a record")

// parseRecord reads the values of fieldNames, nil for a missing field. It returns
// ErrNotFound when all are missing, and errBroken when one is missing or malformed.
func parseRecord(values []any) (r session.Record, err error) {
	var text [5]string
	found := 0
	for i := range min(len(values), len(text)) {
		if s, ok := values[i].(string); ok {
			text[i] = s
			found++
		}
	}
	if found == 0 {
		return r, session.ErrNotFound
	}
	created, err1 := strconv.ParseInt(text[0], 10, 64)
	expires, err2 := strconv.ParseInt(text[1], 10, 64)
	version, err3 := strconv.ParseUint(text[2], 10, 64)
	if found < len(text) || err1 != nil || err2 != nil || err3 != nil || text[4] != "0" && text[4] != "1" {
		return r, errBroken
	}
	return session.Record{
		Version: version, Created: time.UnixMilli(created).UTC(), Expires: time.UnixMilli(expires).UTC(),
		Data: text[3], Marker: text[4] == "1",
	}, nil
}

// list returns the elements of a script's answer, or nil if the answer is no list.
func list(answer any) []any {
	l, _ := answer.([]any)
	return l
}
