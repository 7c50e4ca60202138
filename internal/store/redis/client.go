package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	goredis "github.com/redis/go-redis/v9"
)

// poolSize is the most connections, in a cluster to each node.
const poolSize = 32

// ErrURL marks the error of Open for a URL that does not lead to a Redis.
var ErrURL = errors.New("not the URL of a Redis")

// maxDB is the highest database number that Redis can be configured to have. Only the
// server knows how many it really has.
const maxDB = 1<<31 - 2

// parse reads the URL. Its errors quote no part of a URL, which may hold a password.
func parse(cfg Config) (*goredis.Options, error) {
	url := cfg.URL
	opt, err := goredis.ParseURL(url)
	if err == nil && opt.Network != "unix" { // :PASSWORD:6379, without an @, would be taken for a host and be shown
		if host, _, e := net.SplitHostPort(opt.Addr); e != nil || strings.Contains(host, ":") && net.ParseIP(host) == nil {
			err = errors.New("not a host")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: write redis://[USER:PASSWORD@]HOST:PORT/DB, rediss:// for TLS or unix:///PATH?db=N; in a password, write / ? # and @ as %%2F %%3F %%23 and %%40", ErrURL)
	}
	if opt.DB < 0 || opt.DB > maxDB {
		return nil, fmt.Errorf("%w: its database is %d, and a database is a number from 0, to 15 unless that Redis was set up otherwise", ErrURL, opt.DB)
	}
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout, opt.PoolTimeout = cfg.timeout, cfg.timeout, cfg.timeout, cfg.timeout
	opt.ContextTimeoutEnabled = true
	opt.MaxRetries, opt.DialerRetries = -1, 1 // see the type once in scripts.go
	opt.PoolSize, opt.PipelinePoolSize = poolSize, -1
	opt.Protocol, opt.DisableIdentity = 2, true // no pushed messages, no CLIENT SETINFO
	return opt, nil
}

func clusterOptions(opt *goredis.Options) *goredis.ClusterOptions {
	return &goredis.ClusterOptions{
		Addrs: []string{opt.Addr}, Username: opt.Username, Password: opt.Password, TLSConfig: opt.TLSConfig,
		DialTimeout: opt.DialTimeout, ReadTimeout: opt.ReadTimeout, WriteTimeout: opt.WriteTimeout, PoolTimeout: opt.PoolTimeout,
		ContextTimeoutEnabled: true, MaxRetries: opt.MaxRetries, DialerRetries: opt.DialerRetries,
		PoolSize: opt.PoolSize, PipelinePoolSize: opt.PipelinePoolSize, Protocol: opt.Protocol, DisableIdentity: true,
		DisableRoutingPolicies: true, // with them go-redis asks each node for its list of commands; ours name their keys
	}
}

// reloader is a hook of a cluster's client. When a node did not answer, it makes the
// client ask which node has which slots now: another one may have taken over. Without
// it the client asks once a minute.
type reloader struct{ *goredis.ClusterClient }

// DialHook implements goredis.Hook.
func (r reloader) DialHook(next goredis.DialHook) goredis.DialHook { return next }

// ProcessHook implements goredis.Hook.
func (r reloader) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error { return r.check(ctx, next(ctx, cmd)) }
}

// ProcessPipelineHook implements goredis.Hook.
func (r reloader) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error { return r.check(ctx, next(ctx, cmds)) }
}

func (r reloader) check(ctx context.Context, err error) error {
	if err != nil && !isReply(err) {
		r.ReloadState(ctx)
	}
	return err
}

// discardLogger keeps go-redis from writing to stderr, past the log. Each call's error
// says the same.
type discardLogger struct{}

// Printf does nothing.
func (discardLogger) Printf(context.Context, string, ...any) {}

// again runs f until it meets no connection that Redis has closed: after a restart
// the pool may be full of them, and over TLS the pool does not notice. A request begins
// with a Load or with a Create's entry in the index, which both go through again, so
// that its later calls find a good connection. f must do no harm when it runs twice.
func again(f func() error) error {
	err := f()
	for n := 0; n < poolSize && (errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)); n++ {
		err = f()
	}
	return err
}

// isReply tells whether err is a reply of Redis: the command changed nothing. After
// any other error nobody knows whether it did.
func isReply(err error) bool {
	var reply goredis.Error
	return errors.As(err, &reply)
}

// isFull tells whether Redis has reached its maxmemory. Before version 7 other words
// stand before these in the reply.
func isFull(err error) bool {
	return err != nil && strings.Contains(err.Error(), "OOM command not allowed")
}
