package pgembed

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// How long is waited before a server that ended by itself is started again.
const (
	shortestWait = 100 * time.Millisecond
	longestWait  = 10 * time.Second
)

// Kept is a PostgreSQL that is started again whenever it ends by itself, such as
// when the machine ran out of memory: nobody else would, since nobody else knows
// of it. Its URL stays the same.
type Kept struct {
	cfg  Config
	left chan struct{} // closed when it is to end
	gone chan struct{} // closed when it has ended

	mu     sync.Mutex
	server *Server
}

// Keep starts a server, as Start does, and keeps it running until Stop.
func Keep(ctx context.Context, cfg Config) (*Kept, error) {
	server, err := Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.socketDir = server.socketDir
	k := &Kept{cfg: cfg, left: make(chan struct{}), gone: make(chan struct{}), server: server}
	go k.keep(context.WithoutCancel(ctx))
	return k, nil
}

func (k *Kept) keep(ctx context.Context) {
	defer close(k.gone)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-k.left:
			cancel()
		case <-k.gone:
		}
	}()
	for {
		server := k.current()
		select {
		case <-server.Done():
		case <-k.left:
			return
		}
		why := server.Err()
		if why == nil {
			return
		}
		k.cfg.Logger.Error("PostgreSQL is started again", "error", why)
		if !k.again(ctx) {
			return
		}
	}
}

// again starts the server until it runs; false if it is to end instead.
func (k *Kept) again(ctx context.Context) bool {
	for wait := shortestWait; ; wait = min(2*wait, longestWait) {
		server, err := Start(ctx, k.cfg)
		if err == nil {
			k.mu.Lock()
			k.server = server
			k.mu.Unlock()
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		k.cfg.Logger.Error("PostgreSQL cannot be started again yet", "error", err)
		if pause(ctx, wait) != nil {
			return false
		}
	}
}

func (k *Kept) current() *Server {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.server
}

// URL is that of the server, see Server.URL.
func (k *Kept) URL(role, database string) string { return k.current().URL(role, database) }

// Stop ends the server for good, see Server.Stop.
func (k *Kept) Stop(ctx context.Context) error {
	close(k.left)
	<-k.gone
	return k.current().Stop(ctx)
}
