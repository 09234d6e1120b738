package readmetest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shell is one bash session, in which variables set by a command are there for
// the next one.
type shell struct {
	t      *testing.T
	in     io.WriteCloser
	out    *bufio.Reader
	logs   string
	serial int
}

func newShell(t *testing.T, folder string, env []string) *shell {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "bash", "--noprofile", "--norc")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = writer, writer
	require.NoError(t, cmd.Start())
	require.NoError(t, writer.Close())
	s := &shell{t: t, in: in, out: bufio.NewReader(reader), logs: t.TempDir()}
	t.Cleanup(func() {
		// Everything the page started is of this process group. It is asked to
		// leave, and waited for, so that the databases stop in order.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		_ = in.Close()
		done := make(chan struct{})
		go func() { _ = cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
		}
		// The shell does not wait for what it left in the background.
		for deadline := time.Now().Add(20 * time.Second); syscall.Kill(-cmd.Process.Pid, 0) == nil && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = reader.Close()
	})
	return s
}

// run types commands and returns what they printed and their exit status.
func (s *shell) run(commands string) (string, int) {
	s.t.Helper()
	s.serial++
	end := fmt.Sprintf("--end-of-step-%d--", s.serial)
	script := filepath.Join(s.logs, fmt.Sprintf("step-%d.sh", s.serial))
	require.NoError(s.t, os.WriteFile(script, []byte(commands), 0o600))
	// The step is sourced, so that its variables stay; a command that fails in
	// the middle is noted and fails the step.
	_, err := fmt.Fprintf(s.in, "set -E -o pipefail; failed=0; trap 'failed=1' ERR; . %s < /dev/null; trap - ERR; echo; echo \"%s $failed\"\n", script, end)
	require.NoError(s.t, err)
	var b strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		require.NoError(s.t, err, "the session ended: %s", b.String())
		if rest, ok := strings.CutPrefix(line, end+" "); ok {
			var status int
			_, _ = fmt.Sscan(rest, &status)
			return strings.TrimSuffix(b.String(), "\n"), status
		}
		b.WriteString(line)
	}
}

// background starts commands that stay up and returns the file of their output.
func (s *shell) background(commands string) string {
	s.t.Helper()
	s.serial++
	log := filepath.Join(s.logs, fmt.Sprintf("background-%d.log", s.serial))
	script := filepath.Join(s.logs, fmt.Sprintf("step-%d.sh", s.serial))
	require.NoError(s.t, os.WriteFile(script, []byte(commands), 0o600))
	_, status := s.run(fmt.Sprintf("( . %s ) > %s 2>&1 < /dev/null &\n", script, log))
	require.Zero(s.t, status)
	return log
}
