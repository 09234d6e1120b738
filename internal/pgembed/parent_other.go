//go:build unix && !linux

package pgembed

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent: no such signal outside Linux, guard stands in for it.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}

// guard starts a shell that reads from a pipe nobody writes to. The pipe closes
// when this process ends, however it ends, and the shell then stops PostgreSQL.
func guard(acct account, pid int) (release func(), err error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	shell := acct.command("/bin/sh", "-c", `cat >/dev/null; kill -INT "$0"`, strconv.Itoa(pid))
	shell.Stdin = reader
	err = shell.Start()
	_ = reader.Close()
	if err != nil {
		_ = writer.Close()
		return nil, err
	}
	return func() {
		// The group first, then the pipe: a shell that woke up now would signal
		// a process number that may belong to somebody else.
		_ = syscall.Kill(-shell.Process.Pid, syscall.SIGKILL)
		_ = shell.Wait()
		_ = writer.Close()
	}, nil
}

// servesCluster tells whether process pid is the PostgreSQL of this cluster, by
// its command line.
func servesCluster(pid int, cluster string) bool {
	output, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(output), "postgres") && strings.Contains(string(output), cluster)
}
