package pgembed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrServed is what Start refuses a folder with that another process serves. Join
// leads to the server of that process.
var ErrServed = errors.New("the database folder is already served")

// served is ErrServed in the words for a person.
type served struct{ dir, holder string }

func (s served) Error() string {
	return fmt.Sprintf("the database folder %s is already served by process %s: stop that one, or use another folder", s.dir, s.holder)
}

// Is makes it ErrServed.
func (served) Is(target error) bool { return target == ErrServed }

// Guest is a server that another process runs, and ends when it likes.
type Guest struct {
	socketDir string
	port      int
}

// URL is as that of a Server.
func (g Guest) URL(role, database string) string {
	return socketURL(g.socketDir, g.port, role, database)
}

func socketURL(dir string, port int, role, database string) string {
	query := url.Values{"host": {dir}, "port": {strconv.Itoa(port)}, "user": {role}}
	return (&url.URL{Scheme: "postgres", Path: "/" + database, RawQuery: query.Encode()}).String()
}

// Join finds the server that another process runs on a folder, and waits for it
// where it is just being started. It changes nothing there.
func Join(ctx context.Context, dataDir string) (Guest, error) {
	dir, err := filepath.EvalSymlinks(dataDir)
	if err != nil {
		return Guest{}, fmt.Errorf("find the folder of PostgreSQL: %w", err)
	}
	h := &home{dir: dir}
	switch moved, err := os.ReadFile(h.path("location")); {
	case err == nil:
		h.dir = strings.TrimSpace(string(moved))
	case !errors.Is(err, fs.ErrNotExist):
		return Guest{}, fmt.Errorf("read where the database is: %w", err)
	}
	for deadline := time.Now().Add(15 * time.Second); ; {
		if g, ok := h.guest(); ok {
			return g, nil
		}
		if time.Now().After(deadline) {
			return Guest{}, fmt.Errorf("another process holds %s and no PostgreSQL is ready there: read its log", dir)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return Guest{}, fmt.Errorf("wait for the PostgreSQL of another process: %w", err)
		}
	}
}

// guest reads where the server of a folder listens, when it is ready.
func (h *home) guest() (Guest, bool) {
	pid, status := h.pidFile()
	if pid == 0 || status != "ready" || !servesCluster(pid, h.cluster()) {
		return Guest{}, false
	}
	text, err := os.ReadFile(filepath.Join(h.cluster(), "postmaster.pid"))
	if err != nil {
		return Guest{}, false
	}
	// Of PostgreSQL's file the fourth line is the port, the fifth the folder of the socket.
	lines := strings.Split(string(text), "\n")
	port, err := strconv.Atoi(strings.TrimSpace(lines[3]))
	if err != nil {
		return Guest{}, false
	}
	return Guest{socketDir: strings.TrimSpace(lines[4]), port: port}, true
}
