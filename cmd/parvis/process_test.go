package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// program builds the binary that users run, once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "parvis-binary-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "parvis")
	output, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	if institution.path != "" {
		_ = os.RemoveAll(filepath.Dir(institution.path))
	}
	os.Exit(code)
}

// folder is one that PostgreSQL's account can reach, unlike t.TempDir().
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "parvis-process-") //nolint:usetesting // as said above
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// output may be read while the program writes.
type output struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes.String()
}

// process is a running parvis.
type process struct {
	command *exec.Cmd
	out     *output
	ended   chan struct{}
	err     error
}

func launch(t *testing.T, environment []string, arguments ...string) *process {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	p := &process{out: &output{}, ended: make(chan struct{})}
	p.command = exec.Command(path, arguments...)
	p.command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "PARVIS_PG_BIN_DIR=" + os.Getenv("PARVIS_PG_BIN_DIR")}, environment...)
	p.command.Stdout, p.command.Stderr = p.out, p.out
	require.NoError(t, p.command.Start())
	go func() {
		p.err = p.command.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.command.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("%s", p.out)
		}
	})
	return p
}

// end sends a signal and waits; it returns how the process ended.
func (p *process) end(t *testing.T, signal syscall.Signal) error {
	t.Helper()
	require.NoError(t, p.command.Process.Signal(signal))
	return p.wait(t)
}

func (p *process) wait(t *testing.T) error {
	t.Helper()
	select {
	case <-p.ended:
		return p.err
	case <-time.After(time.Minute):
		require.Fail(t, "the program does not end")
		return nil
	}
}

// site is an installation: a data folder, an address, the programs on them.
type site struct {
	dir, url string
	env      []string
	key      string
	running  *process
}

func newSite(t *testing.T, environment ...string) *site {
	t.Helper()
	address := parvistest.FreeAddress(t)
	dir := folder(t)
	s := &site{dir: dir, url: "http://" + address}
	s.env = append([]string{
		"PARVIS_ADDR=" + address, "PARVIS_DATA_DIR=" + dir, "PARVIS_RATE_DEFAULT=10000000", "PARVIS_RATE_SEARCH=10000000", "PARVIS_RATE_INSTITUTION=0", "PARVIS_RATE_ADDRESS=0", "PARVIS_BULK_CONCURRENCY=0", "PARVIS_LOG_LEVEL=warn",
		// Who is killed is missed sooner than in earnest.
		"PARVIS_OPERATION_LEASE=6s",
	}, environment...)
	return s
}

// start serves and returns when the program says that it is ready.
func (s *site) start(t *testing.T) {
	t.Helper()
	s.running = launch(t, s.env, "serve")
	eventually(t, "ready", func() bool {
		select {
		case <-s.running.ended:
			require.Fail(t, "the program ended", "%v\n%s", s.running.err, s.running.out)
		default:
		}
		return s.status("/readyz") == http.StatusOK
	})
	key, err := os.ReadFile(filepath.Join(s.dir, "admin.key"))
	require.NoError(t, err)
	s.key = strings.TrimSpace(string(key))
}

func (s *site) status(path string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			require.Fail(t, "did not happen: "+what)
		}
	}
}

func exitCode(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return 0
}
