package parvistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// FreeAddress is an address of this machine for a program that a test starts,
// which no other test is given while this one runs: until the program listens
// there, somebody else's might, and answer for it.
func FreeAddress(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("parvis-test-addresses-%d", os.Getuid()))
	require.NoError(t, os.MkdirAll(dir, 0o700))
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		address := listener.Addr().String()
		_, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		held, err := os.OpenFile(filepath.Join(dir, port), os.O_CREATE|os.O_RDWR, 0o600)
		require.NoError(t, err)
		taken := syscall.Flock(int(held.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
		_ = listener.Close()
		if !taken {
			t.Cleanup(func() { _ = held.Close() })
			return address
		}
		_ = held.Close()
	}
}
