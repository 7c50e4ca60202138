package redis

import (
	"context"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// A script is Lua code that Redis runs as one atomic step. Each script uses keys of one
// slot only, either one session's hash or the index, so that it runs in a cluster too.
//
// A Redis that is out of memory refuses a script at its first write if that write
// needs memory. After a first write that needs none, such as DEL or HDEL, it lets the
// script finish (redis.io, "Scripting with Lua", on maxmemory). A logout, and any other
// write that must never be refused, therefore begins with a DEL or HDEL. This holds for
// every version of Redis.
//
// Milliseconds are compared as numbers: a double holds them exactly. Versions of
// a record are compared as text, as they were written.
type script struct{ src, sha string }

func newScript(src ...string) script {
	all := strings.Join(src, "")
	return script{all, goredis.NewScript(all).Hash()}
}

// write sets all fields of the hash. ARGV[1] to ARGV[7] come from Store.fields.
const write = `
local function write()
	redis.call('HSET', KEYS[1], 'created', ARGV[3], 'expires', ARGV[4], 'version', ARGV[5], 'data', ARGV[6], 'marker', ARGV[7])
	redis.call('PEXPIRE', KEYS[1], ARGV[2])
	return 'OK'
end
`

// live returns NOTFOUND unless the session is live at ARGV[1], in milliseconds, and
// CONFLICT if it is at another version than the given one. Else it returns nil.
const live = `
local function live(version)
	local old = redis.call('HMGET', KEYS[1], 'marker', 'expires', 'version')
	local expires = tonumber(old[2] or '')
	if old[1] ~= '0' or not expires or tonumber(ARGV[1]) >= expires then return 'NOTFOUND' end
	if old[3] ~= version then return 'CONFLICT' end
end
`

var (
	// createScript takes Store.fields, and 1 for a record that must not be refused when
	// Redis is out of memory.
	createScript = newScript(write, `
if redis.call('EXISTS', KEYS[1]) == 1 then
	local old = redis.call('HMGET', KEYS[1], 'marker', 'expires')
	local expires = tonumber(old[2] or '')
	if old[1] ~= '1' or not expires or tonumber(ARGV[1]) < expires then return 'EXISTS' end
end
if ARGV[8] == '1' then redis.call('DEL', KEYS[1]) end
return write()
`)

	// saveScript takes Store.fields, and the version that it may replace. A marker, and
	// data that does not grow, are not refused when Redis is out of memory.
	saveScript = newScript(write, live, `
local no = live(ARGV[8])
if no then return no end
if ARGV[7] == '1' or #ARGV[6] <= redis.call('HSTRLEN', KEYS[1], 'data') then
	redis.call('HDEL', KEYS[1], 'data')
end
return write()
`)

	// touchScript takes now, the time to live, the version and the new expiry. It returns
	// the size of the data.
	touchScript = newScript(live, `
local no = live(ARGV[3])
if no then return no end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[1], 'expires', ARGV[4])
return redis.call('HSTRLEN', KEYS[1], 'data')
`)

	// deleteScript deletes a session, and leaves a marker.
	deleteScript = newScript(`
if redis.call('HGET', KEYS[1], 'marker') ~= '1' then redis.call('DEL', KEYS[1]) end
return 'OK'
`)

	// expireScript deletes the hash if it is dead at ARGV[1], or no record. For a live
	// session it returns what the index should have: expires, version, bytes.
	expireScript = newScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 'GONE' end
local old = redis.call('HMGET', KEYS[1], 'marker', 'expires', 'version')
if old[1] == '1' then return 'GONE' end
local expires = tonumber(old[2] or '')
if expires and old[3] and tonumber(ARGV[1]) < expires then
	return {string.format('%.0f', expires), old[3], redis.call('HSTRLEN', KEYS[1], 'data')}
end
redis.call('DEL', KEYS[1])
return 'DELETED'
`)
)

// index has the functions of the scripts for the index. KEYS[1] is the sorted set of
// sessions by expiry. KEYS[2] is a hash that has "version:bytes" for each session, and
// under total the sum of those bytes. The sum and its terms are in one key, so that they
// are lost together or not at all; when the sorted set is lost, put empties the hash and
// begins anew. Running one of these scripts twice does no harm.
const index = `
local function drop(member)
	local bytes = string.match(redis.call('HGET', KEYS[2], member) or '', ':(%d+)$') or 0
	redis.call('ZREM', KEYS[1], member)
	redis.call('HDEL', KEYS[2], member)
	redis.call('HINCRBY', KEYS[2], 'total', 0 - bytes)
end
local function put(member, expires, version, bytes)
	if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('DEL', KEYS[2]) end
	drop(member)
	redis.call('ZADD', KEYS[1], expires, member)
	redis.call('HSET', KEYS[2], member, version .. ':' .. bytes)
	redis.call('HINCRBY', KEYS[2], 'total', bytes)
end
`

var (
	// reserveScript takes member, expires, version, bytes, and how many sessions there
	// may be at most, 0 for no limit. If the member is there already, it changes
	// nothing and returns THERE and the entry. Otherwise it returns FULL or ADDED.
	reserveScript = newScript(index, `
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then
	return {'THERE', redis.call('HGET', KEYS[2], ARGV[1]) or ''}
end
local max = tonumber(ARGV[5])
if max > 0 and redis.call('ZCARD', KEYS[1]) >= max then return {'FULL'} end
put(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
return {'ADDED'}
`)

	// putScript takes member, expires, version, bytes. It leaves an entry of a newer
	// version as it is. It returns ADDED if there was no entry.
	putScript = newScript(index, `
local version = tonumber(string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '^(%d+):'))
local there = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not version or version <= tonumber(ARGV[3]) or not there then
	put(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
end
return there and 'OK' or 'ADDED'
`)

	// swapScript takes any number of five arguments: member, the entry that the caller
	// saw, and what to put instead: expires, version, bytes. An empty expires takes the
	// member out. A member whose entry has changed since stays as it is.
	swapScript = newScript(index, `
for i = 1, #ARGV, 5 do
	local member = ARGV[i]
	if (redis.call('HGET', KEYS[2], member) or '') == ARGV[i+1] then
		if ARGV[i+2] == '' then drop(member) else put(member, ARGV[i+2], ARGV[i+3], ARGV[i+4]) end
	end
end
return 'OK'
`)

	// dropScript takes a member out.
	dropScript = newScript(index, `
drop(ARGV[1])
return 'OK'
`)

	// dueScript takes now and how many members to return at most. It returns those that
	// have expired, each with its entry after it.
	dueScript = newScript(`
local found = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])) do
	found[#found+1] = member
	found[#found+1] = redis.call('HGET', KEYS[2], member) or ''
end
return found
`)

	// statsScript takes now. It returns the number of sessions, how many of them have
	// expired, and the bytes of all.
	statsScript = newScript(`
return {
	redis.call('ZCARD', KEYS[1]),
	redis.call('ZCOUNT', KEYS[1], '-inf', ARGV[1]),
	tonumber(redis.call('HGET', KEYS[2], 'total') or 0),
}
`)
)

// once is a command that go-redis sends once. It sends others again when a connection
// breaks, in a cluster even with retries off. An update whose answer was lost would then
// be sent again, find its own version there and report a conflict, and the engine would
// make it a second time. Redirects in a cluster (MOVED, ASK) are followed all the same:
// the node that sends one did not run the script.
type once struct{ *goredis.Cmd }

func (once) NoRetry() bool { return true }

// eval runs s by its hash. A server that does not know the hash answers NOSCRIPT and has
// done nothing, so that the whole text is sent then.
func (st *Store) eval(ctx context.Context, s script, keys []string, args ...any) (any, error) {
	send := func(verb, script string) (any, error) {
		line := append(make([]any, 0, 3+len(keys)+len(args)), verb, script, len(keys))
		for _, key := range keys {
			line = append(line, key)
		}
		cmd := goredis.NewCmd(ctx, append(line, args...)...)
		_ = st.client.Process(ctx, once{cmd}) // Result returns the same error
		return cmd.Result()
	}
	answer, err := send("evalsha", s.sha)
	if goredis.HasErrorPrefix(err, "NOSCRIPT") {
		answer, err = send("eval", s.src)
	}
	return answer, readOnly(err)
}
