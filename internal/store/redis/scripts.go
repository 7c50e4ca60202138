package redis

import (
	"context"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// Every script touches keys of one slot only: one session's hash, or the index.
// So they run in a cluster too. Each is atomic.
//
// Redis that is full refuses a script at its first write, if that write takes
// memory; after one that takes none, such as DEL or HDEL, it lets the script end
// (redis.io, "Scripting with Lua", on maxmemory). What must never be refused, a
// logout above all, begins with such a write. That holds for every version.
//
// Milliseconds are compared as numbers: a double holds them exactly. Versions of
// a record are compared as text, as they were written.
type script struct{ src, sha string }

func newScript(src ...string) script {
	all := strings.Join(src, "")
	return script{all, goredis.NewScript(all).Hash()}
}

// Arguments 1 to 7 of create and save: now and the time to live in ms, then the fields.
const write = `
local function write()
	redis.call('HSET', KEYS[1], 'created', ARGV[3], 'expires', ARGV[4], 'version', ARGV[5], 'data', ARGV[6], 'marker', ARGV[7])
	redis.call('PEXPIRE', KEYS[1], ARGV[2])
	return 'OK'
end
`

// live says NOTFOUND or CONFLICT unless the session is live at ARGV[1], in ms,
// and of the given version.
const live = `
local function live(version)
	local old = redis.call('HMGET', KEYS[1], 'marker', 'expires', 'version')
	local expires = tonumber(old[2] or '')
	if old[1] ~= '0' or not expires or tonumber(ARGV[1]) >= expires then return 'NOTFOUND' end
	if old[3] ~= version then return 'CONFLICT' end
end
`

var (
	// createScript: ARGV[8] is 1 for what is never refused for room.
	createScript = newScript(write, `
if redis.call('EXISTS', KEYS[1]) == 1 then
	local old = redis.call('HMGET', KEYS[1], 'marker', 'expires')
	local expires = tonumber(old[2] or '')
	if old[1] ~= '1' or not expires or tonumber(ARGV[1]) < expires then return 'EXISTS' end
end
if ARGV[8] == '1' then redis.call('DEL', KEYS[1]) end
return write()
`)

	// saveScript: ARGV[8] is the version to replace.
	saveScript = newScript(write, live, `
local no = live(ARGV[8])
if no then return no end
if ARGV[7] == '1' or #ARGV[6] <= redis.call('HSTRLEN', KEYS[1], 'data') then
	redis.call('HDEL', KEYS[1], 'data')
end
return write()
`)

	// touchScript: now, time to live, version, expires. It returns the size of the data.
	touchScript = newScript(live, `
local no = live(ARGV[3])
if no then return no end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[1], 'expires', ARGV[4])
return redis.call('HSTRLEN', KEYS[1], 'data')
`)

	deleteScript = newScript(`
if redis.call('HGET', KEYS[1], 'marker') ~= '1' then redis.call('DEL', KEYS[1]) end
return 'OK'
`)

	// expireScript deletes what is dead at ARGV[1]. Of a live session it returns
	// what the index should say: expires, version, bytes.
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

// The index: KEYS[1] is the sorted set of sessions by expiry, KEYS[2] a hash of
// "version:bytes" for each, and of their sum under total. Sum and terms lie in
// one key, so that they are lost together or not at all; with the sorted set
// gone, put begins anew. Running one of these scripts twice does no harm.
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
	// reserveScript: member, expires, version, bytes, and how many sessions there
	// may be at most, 0 for no limit. It returns the entry of a member that is
	// there already, and leaves that as it is.
	reserveScript = newScript(index, `
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then
	return {'THERE', redis.call('HGET', KEYS[2], ARGV[1]) or ''}
end
local max = tonumber(ARGV[5])
if max > 0 and redis.call('ZCARD', KEYS[1]) >= max then return {'FULL'} end
put(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
return {'ADDED'}
`)

	// putScript: member, expires, version, bytes. A newer version stays. It says
	// ADDED if there was no entry.
	putScript = newScript(index, `
local was = tonumber(string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '^(%d+):'))
local there = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not was or was <= tonumber(ARGV[3]) or not there then
	put(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
end
return there and 'OK' or 'ADDED'
`)

	// swapScript: member, the entry that it was seen with, and what to put instead:
	// expires, version, bytes; no expires takes it out. Many such fives may follow.
	// One whose entry was changed meanwhile is left alone.
	swapScript = newScript(index, `
for i = 1, #ARGV, 5 do
	local member = ARGV[i]
	if (redis.call('HGET', KEYS[2], member) or '') == ARGV[i+1] then
		if ARGV[i+2] == '' then drop(member) else put(member, ARGV[i+2], ARGV[i+3], ARGV[i+4]) end
	end
end
return 'OK'
`)

	dropScript = newScript(index, `
drop(ARGV[1])
return 'OK'
`)

	// dueScript: now, and how many at most. It returns members and their entries in turn.
	dueScript = newScript(`
local found = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])) do
	found[#found+1] = member
	found[#found+1] = redis.call('HGET', KEYS[2], member) or ''
end
return found
`)

	// statsScript: now. It returns how many there are, how many of them have expired, and their bytes.
	statsScript = newScript(`
return {
	redis.call('ZCARD', KEYS[1]),
	redis.call('ZCOUNT', KEYS[1], '-inf', ARGV[1]),
	tonumber(redis.call('HGET', KEYS[2], 'total') or 0),
}
`)
)

// once is a command that is sent once. go-redis sends others again when a
// connection breaks, in a cluster even with retries off: an update that was
// made, and whose answer was lost, would then meet its own version and report a
// conflict, and the engine would make it a second time. Redirects in a cluster
// (MOVED, ASK) are followed all the same: the script did not run there.
type once struct{ *goredis.Cmd }

func (once) NoRetry() bool { return true }

// eval runs s by its hash, and by its text on a server that does not know it yet:
// that answer is the one after which a script may be sent again in any case.
func (st *Store) eval(ctx context.Context, s script, keys []string, args ...any) (any, error) {
	send := func(verb, what string) (any, error) {
		line := append(make([]any, 0, 3+len(keys)+len(args)), verb, what, len(keys))
		for _, key := range keys {
			line = append(line, key)
		}
		cmd := goredis.NewCmd(ctx, append(line, args...)...)
		_ = st.client.Process(ctx, once{cmd}) // Result says it again
		return cmd.Result()
	}
	answer, err := send("evalsha", s.sha)
	if goredis.HasErrorPrefix(err, "NOSCRIPT") {
		answer, err = send("eval", s.src)
	}
	return answer, err
}
