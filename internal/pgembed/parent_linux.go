package pgembed

import (
	"os"
	"strconv"
	"syscall"
)

// dieWithParent has the kernel send the signal when the thread that starts the
// command ends, which the end of the process, even by kill -9, implies.
func dieWithParent(attr *syscall.SysProcAttr, signal syscall.Signal) {
	attr.Pdeathsig = signal
}

// guard has nothing to add on Linux.
func guard(account, int) (release func(), err error) {
	return func() {}, nil
}

// servesCluster tells whether process pid is a PostgreSQL of this cluster: its
// processes have the data directory as their working directory. A number that
// now belongs to another program, or to a zombie, is not one.
func servesCluster(pid int, cluster string) bool {
	cwd, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
	return err == nil && cwd == cluster
}
