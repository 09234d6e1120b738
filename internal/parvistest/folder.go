package parvistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	// enoughSpace is what a memory file system must have free to be used, in bytes.
	enoughSpace = 1 << 30
	// keepFor is how long an unused prepared cluster, or one that was kept on
	// purpose, stays.
	keepFor = 24 * time.Hour
	// keptMarker in a run's folder tells the sweep to leave it for a while.
	keptMarker = "kept"
)

// runFolder is the folder of one test process. Its lock ends with the process,
// which is how the next one knows that it may be removed.
//
// Processes share no server: each starts its own on a copy of a prepared
// cluster, in which the template database is made already. That takes a tenth of
// a second, and no process depends on the life of another.
type runFolder struct {
	root string
	dir  string
	lock *os.File
}

func (f *runFolder) data() string { return filepath.Join(f.dir, "data") }

// clusterRoot is where the folders of this user's test processes are: in memory
// if the machine has a memory file system of some size.
func clusterRoot() (string, error) {
	base := os.TempDir()
	var stat syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &stat); err == nil && uint64(stat.Bavail)*uint64(stat.Bsize) >= enoughSpace { //nolint:unconvert // other systems have other types
		base = "/dev/shm"
	}
	root := filepath.Join(base, "parvis-test-"+strconv.Itoa(os.Geteuid()))
	// Root's PostgreSQL runs as another account, which must be able to pass.
	if err := os.Mkdir(root, 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("make a folder for the test clusters: %w", err)
	}
	info, err := os.Lstat(root)
	if err != nil {
		return "", fmt.Errorf("make a folder for the test clusters: %w", err)
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || (known && int(owner.Uid) != os.Geteuid()) {
		return "", fmt.Errorf("%s is not a folder of this user: remove it", root)
	}
	return root, nil
}

// takeFolder gives this process a folder with a copy of the prepared cluster.
func takeFolder(ctx context.Context, root string, wanted schema) (*runFolder, error) {
	guard, err := flock(filepath.Join(root, "lock"), syscall.LOCK_EX)
	if err != nil {
		return nil, fmt.Errorf("lock the folder of the test clusters: %w", err)
	}
	defer func() { _ = guard.Close() }()
	sweep(root)
	prepared := preparedFolder(root, wanted)
	if err := ensurePrepared(ctx, root, prepared, wanted); err != nil {
		return nil, err
	}
	now := time.Now()
	if err := os.Chtimes(prepared, now, now); err != nil {
		return nil, fmt.Errorf("mark the prepared cluster as used: %w", err)
	}
	dir, err := makeFolder(root, "run-")
	if err != nil {
		return nil, err
	}
	lock, err := flock(filepath.Join(dir, "lock"), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		return nil, fmt.Errorf("lock the folder of this run: %w", err)
	}
	folder := &runFolder{root: root, dir: dir, lock: lock}
	// -p keeps owners, which for root are those of PostgreSQL's account.
	if output, err := exec.CommandContext(ctx, "cp", "-Rp", prepared, folder.data()).CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("copy the prepared cluster: %w: %s", err, output), folder.remove())
	}
	return folder, nil
}

func preparedFolder(root string, wanted schema) string {
	return filepath.Join(root, "prepared-"+wanted.hash)
}

// ensurePrepared makes a cluster with the template database and stops it in
// order, under another name until it is whole.
func ensurePrepared(ctx context.Context, root, prepared string, wanted schema) error {
	if _, err := os.Stat(prepared); err == nil {
		return nil
	}
	building, err := makeFolder(root, "building-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(building) }()
	data := filepath.Join(building, "data")
	c, err := startCluster(ctx, data, wanted)
	if err != nil {
		return fmt.Errorf("prepare a cluster: %w", err)
	}
	if err := c.close(ctx); err != nil {
		return fmt.Errorf("prepare a cluster: %w", err)
	}
	return os.Rename(data, prepared)
}

// makeFolder makes one that PostgreSQL's account can pass.
func makeFolder(root, prefix string) (string, error) {
	dir, err := os.MkdirTemp(root, prefix)
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err != nil {
		return "", fmt.Errorf("make a folder for a test cluster: %w", err)
	}
	return dir, nil
}

// sweep removes what ended processes left. The caller holds the root's lock, so
// nobody is building and no run is between its folder and its lock.
func sweep(root string) {
	for _, pattern := range []string{"building-*", "run-*", "prepared-*"} {
		found, _ := filepath.Glob(filepath.Join(root, pattern))
		for _, dir := range found {
			if pattern == "run-*" && (inUse(dir) || fresh(filepath.Join(dir, keptMarker))) {
				continue
			}
			if pattern == "prepared-*" && fresh(dir) {
				continue
			}
			// What cannot be removed now, a PostgreSQL about to end may still be
			// writing there, is removed by a later sweep.
			_ = os.RemoveAll(dir)
		}
	}
}

func inUse(dir string) bool {
	lock, err := flock(filepath.Join(dir, "lock"), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		_ = lock.Close()
	}
	return errors.Is(err, syscall.EWOULDBLOCK)
}

func fresh(path string) bool {
	info, err := os.Stat(path)
	return err == nil && time.Since(info.ModTime()) < keepFor
}

// discard removes the folder and the prepared cluster it was copied from.
func (f *runFolder) discard(wanted schema) {
	_ = f.remove()
	if guard, err := flock(filepath.Join(f.root, "lock"), syscall.LOCK_EX); err == nil {
		_ = os.RemoveAll(preparedFolder(f.root, wanted))
		_ = guard.Close()
	}
}

func (f *runFolder) remove() error {
	err := os.RemoveAll(f.dir)
	return errors.Join(err, f.lock.Close())
}

func flock(path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), how); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}
