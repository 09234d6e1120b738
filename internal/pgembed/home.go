package pgembed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// longestSocketPath is what a Unix socket address holds: 108 bytes with the
// closing zero on Linux, 104 on macOS.
const longestSocketPath = 103

// home is the folder of one server, held by one process at a time.
type home struct {
	dir  string
	lock *os.File
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }
func (h *home) cluster() string         { return h.path("cluster") }

// openHome creates and locks the folder, or finds the one that stands in for it.
func openHome(cfg Config, acct account) (*home, error) {
	asked, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("find the folder of PostgreSQL: %w", err)
	}
	mode := fs.FileMode(0o700)
	if acct.switched {
		mode = 0o711
	}
	if err := os.MkdirAll(asked, mode); err != nil {
		return nil, fmt.Errorf("create the folder of PostgreSQL: %w: set PARVIS_DATA_DIR to a folder that this user may write to", err)
	}
	// PostgreSQL's processes report their working directory without symlinks.
	if asked, err = filepath.EvalSymlinks(asked); err != nil {
		return nil, fmt.Errorf("find the folder of PostgreSQL: %w", err)
	}
	lock, err := lockFolder(asked)
	if err != nil {
		return nil, err
	}
	h := &home{dir: asked, lock: lock}
	if err := h.relocate(cfg, acct); err != nil {
		h.unlock()
		return nil, err
	}
	return h, nil
}

// lockFolder takes the lock that the kernel releases with the process.
func lockFolder(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the folder of PostgreSQL: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(lock.Name())
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, served{dir: dir, holder: strings.TrimSpace(string(holder))}
		}
		return nil, fmt.Errorf("lock the folder of PostgreSQL: %w", err)
	}
	if err := lock.Truncate(0); err == nil {
		_, _ = lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return lock, nil
}

// unlock may be called more than once.
func (h *home) unlock() { _ = h.lock.Close() }

// relocate follows the pointer an earlier start left, or makes a folder
// elsewhere and the pointer to it, when the account cannot reach this one. The
// pointer names a fresh folder, so that deleting the data folder and starting
// again never brings back data that was thought gone.
func (h *home) relocate(cfg Config, acct account) error {
	pointer := h.path("location")
	known, err := os.ReadFile(pointer)
	if err == nil {
		moved := strings.TrimSpace(string(known))
		if !acct.canEnter(moved) {
			return fmt.Errorf("%s says that the database is in %s, which the account %s cannot reach", pointer, moved, acct.name)
		}
		h.dir = moved
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read where the database is: %w", err)
	}
	if acct.canEnter(h.dir) {
		return nil
	}
	explain := func(err error) error {
		return fmt.Errorf("the account %s, which runs PostgreSQL, cannot reach %s, and no folder could be made elsewhere (%w): "+
			"make that folder and those above it traversable (chmod o+x), or set PARVIS_DATA_DIR to one that is", acct.name, h.dir, err)
	}
	base := cfg.FallbackDir
	if base == "" {
		base = "/var/lib/parvis"
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		return explain(err)
	}
	moved, err := os.MkdirTemp(base, "database-")
	if err != nil {
		return explain(err)
	}
	if err := os.Chmod(moved, 0o711); err != nil {
		return explain(err)
	}
	if !acct.canEnter(moved) {
		_ = os.Remove(moved)
		return explain(fs.ErrPermission)
	}
	if err := writeFileWhole(pointer, []byte(moved+"\n")); err != nil {
		_ = os.Remove(moved)
		return explain(err)
	}
	cfg.Logger.Info("the database is kept elsewhere, because PostgreSQL's account cannot reach its folder",
		"folder", h.dir, "account", acct.name, "location", moved)
	h.dir = moved
	return nil
}

// writeFileWhole leaves the whole file or none.
func writeFileWhole(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// majorVersion of the PostgreSQL that made the cluster, 0 if there is none yet.
func (h *home) majorVersion() (int, error) {
	text, err := os.ReadFile(filepath.Join(h.cluster(), "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the database: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s/PG_VERSION holds no version number: %w", h.cluster(), err)
	}
	return major, nil
}

// pidFile reads the process number and the status PostgreSQL keeps there; zero
// and nothing if there is no such file or it is still being written.
func (h *home) pidFile() (pid int, status string) {
	text, err := os.ReadFile(filepath.Join(h.cluster(), "postmaster.pid"))
	if err != nil {
		return 0, ""
	}
	lines := strings.Split(string(text), "\n")
	if pid, err = strconv.Atoi(strings.TrimSpace(lines[0])); err != nil {
		return 0, ""
	}
	if len(lines) > 7 {
		status = strings.TrimSpace(lines[7])
	}
	return pid, status
}

// awaitFormerServer deals with the pid file of an earlier server. We hold the
// lock of the folder, so its parent is gone: if it still runs it is about to end,
// since it was told to. If its number now belongs to another program, as happens
// after a restart of the machine or of a container, PostgreSQL would refuse to
// start; the file is removed. Otherwise PostgreSQL looks after the file itself.
func (h *home) awaitFormerServer(ctx context.Context) error {
	pid, _ := h.pidFile()
	if pid == 0 {
		return nil
	}
	deadline := time.Now().Add(15 * time.Second)
	for servesCluster(pid, h.cluster()) {
		if time.Now().After(deadline) {
			return fmt.Errorf("PostgreSQL (process %d) is already running on %s and was not started by Parvis: stop it first (pg_ctl stop -D %s)",
				pid, h.dir, h.cluster())
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return fmt.Errorf("wait for the former PostgreSQL (process %d) to end: %w", pid, err)
		}
	}
	if syscall.Kill(pid, 0) == nil {
		err := os.Remove(filepath.Join(h.cluster(), "postmaster.pid"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a stale pid file: %w", err)
		}
	}
	return nil
}

// makeSocketDir makes the folder of the socket, which only the account can
// enter: that is what makes it safe to ask for no password there.
func (h *home) makeSocketDir(acct account, port int, former string) (string, error) {
	note := h.path("socket")
	if former, err := os.ReadFile(note); err == nil {
		removeSocketFiles(strings.TrimSpace(string(former)))
		_ = os.Remove(note)
	}
	fits := func(dir string) bool { return len(filepath.Join(dir, socketName(port))) <= longestSocketPath }
	if dir := h.path("run"); fits(dir) {
		if err := acct.makeDir(dir); err != nil {
			return "", fmt.Errorf("create the socket folder: %w", err)
		}
		return dir, nil
	}
	for _, base := range []string{os.TempDir(), "/tmp"} {
		if !fits(filepath.Join(base, "parvis-0123456789")) || !acct.canEnter(base) {
			continue
		}
		dir, err := former, error(nil)
		if former == "" {
			dir, err = os.MkdirTemp(base, "parvis-")
		} else {
			err = os.Mkdir(former, 0o700)
		}
		if err != nil {
			continue
		}
		err = errors.Join(acct.chown(dir), os.WriteFile(note, []byte(dir+"\n"), 0o600))
		if err != nil {
			_ = os.Remove(dir)
			return "", fmt.Errorf("create the socket folder: %w", err)
		}
		return dir, nil
	}
	return "", fmt.Errorf("the path of %s is too long for a socket and no folder could be made in %s: use a shorter path", h.dir, os.TempDir())
}

// removeSocketDir removes what makeSocketDir left outside the folder.
func (h *home) removeSocketDir(dir string) {
	if dir == h.path("run") {
		return
	}
	removeSocketFiles(dir)
	_ = os.Remove(h.path("socket"))
}

// removeSocketFiles removes sockets and the then empty folder, nothing else.
func removeSocketFiles(dir string) {
	sockets, _ := filepath.Glob(filepath.Join(dir, ".s.PGSQL.*"))
	for _, socket := range sockets {
		_ = os.Remove(socket)
	}
	_ = os.Remove(dir)
}

// lastWords is the end of what PostgreSQL wrote, for the error of a failed start.
func (h *home) lastWords() string {
	files, _ := filepath.Glob(h.path("log/*.log"))
	newest, newestTime := "", time.Time{}
	for _, file := range append(files, h.path("server.log")) {
		info, err := os.Stat(file)
		if err == nil && info.Size() > 0 && info.ModTime().After(newestTime) {
			newest, newestTime = file, info.ModTime()
		}
	}
	text, err := os.ReadFile(newest)
	if err != nil {
		return "it said nothing"
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "; ")
}
