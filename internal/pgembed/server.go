package pgembed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Superuser is the role that owns a new cluster. It needs no password on the
// socket and has none, so it cannot log in over TCP.
const Superuser = "parvis"

// socketPort names the socket file when the server does not listen on TCP.
const socketPort = 5432

// Config says where a server lives and how it treats its data.
type Config struct {
	// DataDir is the folder given to the server. It is created if missing. When
	// the caller is root the account of PostgreSQL must be able to traverse it
	// and every folder above it (mode 0711 suffices), see Start.
	DataDir string
	// Port is the TCP port on 127.0.0.1. Zero means: Unix socket only.
	Port int
	// Durable keeps the data through crashes and power cuts. False trades that
	// for speed (no fsync, no checksums) and is meant for tests.
	Durable bool
	// Parameters are further settings of postgresql.conf; they win over ours,
	// except for those that decide who can connect.
	Parameters map[string]string
	// BinDir is the folder that holds `postgres` and `initdb`. Empty means:
	// search the machine, and fetch them if it has none.
	BinDir string
	// CacheDir keeps fetched binaries. Empty means /var/cache/parvis for root,
	// the user's cache folder otherwise.
	CacheDir string
	// FallbackDir is where root's cluster goes when PostgreSQL's account cannot
	// reach DataDir. Empty means /var/lib/parvis.
	FallbackDir string
	// Logger is told about slow or unusual steps. Nil means: nobody.
	Logger *slog.Logger
	// socketDir is where the socket of a predecessor was, which its clients know.
	socketDir string
}

// Server is a running PostgreSQL.
type Server struct {
	home      *home
	bin       binaries
	acct      account
	socketDir string
	port      int
	process   *os.Process
	done      chan struct{}

	mu    sync.Mutex
	phase phase
	ended bool
	exit  error
}

// phase says who deals with the end of the process: a failed start and an
// ordered stop are dealt with by those who caused them.
type phase int

const (
	starting phase = iota
	running
	stopping
)

// Start brings up PostgreSQL on cfg.DataDir and returns when it accepts
// connections. ctx bounds the start only, not the life of the server.
//
// PostgreSQL refuses to run as root; started by root it runs as `postgres`, or
// as `nobody` where that account is missing. If that account cannot reach
// DataDir (it is below /root, say) the cluster is created in a folder of its own
// in FallbackDir, and DataDir/location says where.
//
// It refuses, with a sentence that says what to do, a folder another process is
// serving, a folder made by another major version, and a machine without usable
// PostgreSQL binaries.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.DataDir == "" {
		return nil, errors.New("no folder was given for PostgreSQL")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	acct, err := serverAccount()
	if err != nil {
		return nil, err
	}
	h, err := openHome(cfg, acct)
	if err != nil {
		return nil, err
	}
	srv, err := startIn(ctx, cfg, acct, h)
	if err != nil {
		h.unlock()
		return nil, err
	}
	return srv, nil
}

func startIn(ctx context.Context, cfg Config, acct account, h *home) (*Server, error) {
	made, err := h.majorVersion()
	if err != nil {
		return nil, err
	}
	bin, err := findBinaries(ctx, acct, cfg, made)
	if err != nil {
		return nil, err
	}
	if err := h.awaitFormerServer(ctx); err != nil {
		return nil, err
	}
	if made == 0 {
		if err := initCluster(ctx, cfg, acct, h, bin); err != nil {
			return nil, err
		}
	}
	if err := writeSettings(cfg, acct, h); err != nil {
		return nil, err
	}
	port := cfg.Port
	if port == 0 {
		port = socketPort
	}
	socketDir, err := h.makeSocketDir(acct, port, cfg.socketDir)
	if err != nil {
		return nil, err
	}
	srv := &Server{home: h, bin: bin, acct: acct, socketDir: socketDir, port: port}
	return srv, srv.launch(ctx, cfg, acct, bin)
}

// launch starts postgres and waits until it is ready. A server that was killed
// may leave backends behind for a moment; PostgreSQL then refuses to start, so
// that refusal is tried again for a while.
func (s *Server) launch(ctx context.Context, cfg Config, acct account, bin binaries) error {
	retryUntil := time.Now().Add(10 * time.Second)
	for {
		if err := s.spawn(cfg, acct, bin); err != nil {
			return err
		}
		err := s.awaitReady(ctx)
		if err == nil {
			return nil
		}
		_ = s.halt(ctx)
		if !strings.Contains(err.Error(), "pre-existing shared memory block") || time.Now().After(retryUntil) {
			s.home.removeSocketDir(s.socketDir)
			return err
		}
		cfg.Logger.Info("PostgreSQL waits for the processes of its predecessor to end")
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			s.home.removeSocketDir(s.socketDir)
			return err
		}
	}
}

// spawn starts the process and the goroutine that owns it.
func (s *Server) spawn(cfg Config, acct account, bin binaries) error {
	output, err := os.OpenFile(s.home.path("server.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of PostgreSQL: %w", err)
	}
	defer func() { _ = output.Close() }()

	listen := ""
	if cfg.Port != 0 {
		listen = "127.0.0.1"
	}
	// On the command line, because there nothing in the data folder overrides it.
	cmd := acct.command(bin.path("postgres"),
		"-D", s.home.cluster(),
		"-c", "listen_addresses="+listen,
		"-c", "port="+strconv.Itoa(s.port),
		"-c", "unix_socket_directories="+s.socketDir,
		"-c", "unix_socket_permissions=0700",
	)
	cmd.Stdout, cmd.Stderr = output, output

	s.done = make(chan struct{})
	s.ended = false
	started := make(chan error, 1)
	go s.own(acct, cmd, started, s.done)
	return <-started
}

// own starts the command and waits for its end on one operating system thread:
// the kernel ties "parent death" to the thread that forked, not to the process.
func (s *Server) own(acct account, cmd *exec.Cmd, started chan<- error, done chan<- struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	dieWithParent(cmd.SysProcAttr, syscall.SIGINT)
	if err := cmd.Start(); err != nil {
		started <- fmt.Errorf("start %s: %w", cmd.Path, err)
		return
	}
	s.process = cmd.Process
	release, err := guard(acct, cmd.Process.Pid)
	if err != nil {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
		started <- fmt.Errorf("guard PostgreSQL against the death of its parent: %w", err)
		return
	}
	started <- nil
	err = cmd.Wait()
	release()

	s.mu.Lock()
	s.ended = true
	if s.phase == running {
		s.exit = fmt.Errorf("PostgreSQL ended by itself (%s): %s", describeExit(err), s.home.lastWords())
		s.release()
	}
	s.mu.Unlock()
	close(done)
}

func describeExit(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// awaitReady polls the status line that PostgreSQL keeps in its pid file, as
// pg_ctl does: it needs neither a connection nor a role.
func (s *Server) awaitReady(ctx context.Context) error {
	for {
		pid, status := s.home.pidFile()
		if pid == s.process.Pid && status == "ready" && s.enterRunning() {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("PostgreSQL %s did not start on %s: %s", s.bin.version, s.home.dir, s.home.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL did not become ready: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// enterRunning is false if the process has ended meanwhile.
func (s *Server) enterRunning() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.phase = running
	return true
}

// release gives the folder back.
func (s *Server) release() {
	s.home.removeSocketDir(s.socketDir)
	s.home.unlock()
}

// Stop ends the server: open transactions are rolled back, data is flushed.
// If ctx ends first, the server is made to quit at once (it then recovers at
// its next start) and the error is that of ctx. Stopping twice, or after it has
// ended by itself, is harmless.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return nil
	}
	s.phase = stopping
	s.mu.Unlock()
	err := s.halt(ctx)
	s.release()
	return err
}

// halt sees to it that the process has ended when it returns.
func (s *Server) halt(ctx context.Context) error {
	// An error means that it has ended already, which is what is wanted.
	_ = s.process.Signal(syscall.SIGINT)
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
	}
	_ = s.process.Signal(syscall.SIGQUIT)
	select {
	case <-s.done:
	case <-time.After(5 * time.Second):
		_ = s.process.Kill()
		<-s.done
	}
	return fmt.Errorf("PostgreSQL had to be stopped at once: %w", ctx.Err())
}

// Done is closed when PostgreSQL has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err says why PostgreSQL ended by itself; nil while it runs and after Stop.
func (s *Server) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exit
}

// Version is the PostgreSQL version, for instance "15.18".
func (s *Server) Version() string { return s.bin.version }

// Dir is the folder the server really lives in: Config.DataDir, or the folder
// that DataDir/location names.
func (s *Server) Dir() string { return s.home.dir }

// URL is a connection string for role on database over the Unix socket, as both
// pgx and psql read it.
func (s *Server) URL(role, database string) string {
	return socketURL(s.socketDir, s.port, role, database)
}

// SocketFile is the path of the Unix socket.
func (s *Server) SocketFile() string {
	return filepath.Join(s.socketDir, socketName(s.port))
}

// ByHand is the shell command that starts this server again without Parvis, at
// the same URL, to look into what a stopped one left.
func (s *Server) ByHand() string {
	command := fmt.Sprintf("mkdir -m 700 -p %[1]s && %[2]s -D %[3]s -c listen_addresses= -k %[1]s -p %[4]d",
		s.socketDir, s.bin.path("postgres"), s.home.cluster(), s.port)
	if s.acct.switched {
		return fmt.Sprintf("su -s /bin/sh %s -c '%s'", s.acct.name, command)
	}
	return command
}

func socketName(port int) string { return ".s.PGSQL." + strconv.Itoa(port) }

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
