package pgembed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
)

// account is the system account PostgreSQL runs under.
type account struct {
	name     string
	uid, gid int
	// switched is true when it is not the account of this process.
	switched bool
}

// serverAccount is the account of this process, or for root the one it gives
// its place to: PostgreSQL refuses to run with the powers of root.
func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{name: "this user", uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(found.Uid)
		if err != nil || uid == 0 {
			continue
		}
		gid, err := strconv.Atoi(found.Gid)
		if err != nil {
			continue
		}
		return account{name: name, uid: uid, gid: gid, switched: true}, nil
	}
	return account{}, errors.New("PostgreSQL cannot run as root and this machine has neither an account `postgres` nor `nobody`: " +
		"start Parvis as an ordinary user, or create one of them (useradd --system postgres)")
}

// command prepares a program to run under the account, in a process group of
// its own so that Ctrl-C in a terminal reaches only the parent, which then stops
// it in order; and with an environment that no PG* variable of the caller leaks into.
func (a account) command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...) //nolint:noctx // the server outlives the context it is started in, and is stopped in order
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR"} {
		if value := os.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if a.switched {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return cmd
}

// run executes a short program and returns what it printed. It stays on one
// thread meanwhile, because the parent-death signal hangs on the thread.
func (a account) run(path string, args ...string) (string, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := a.command(path, args...)
	dieWithParent(cmd.SysProcAttr, syscall.SIGKILL)
	output, err := cmd.CombinedOutput()
	return string(output), err
}

// canEnter tells whether the account can reach dir. It tries instead of reading
// mode bits, which know nothing of access control lists or mount options.
func (a account) canEnter(dir string) bool {
	if !a.switched {
		return true
	}
	cmd := a.command("/bin/sh", "-c", ":")
	cmd.Dir = dir
	return cmd.Run() == nil
}

// makeDir creates dir for the account alone, or hands an existing one to it.
func (a account) makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	return a.chown(dir)
}

func (a account) chown(path string) error {
	if !a.switched {
		return nil
	}
	if err := os.Lchown(path, a.uid, a.gid); err != nil {
		return fmt.Errorf("hand %s to the account %s: %w", path, a.name, err)
	}
	return nil
}
