package events_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// process is the built program, which the test kills and starts again.
type process struct {
	binary, addr string
	env          []string
	log          bytes.Buffer
	cmd          *exec.Cmd
}

func (p *process) start() error {
	p.cmd = exec.Command(p.binary, "serve", "--no-migrate")
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.env, &p.log, &p.log
	return p.cmd.Start()
}

// kill is kill -9.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = p.cmd.Wait() // that it was killed is no news
	return nil
}

func startProcess(t *testing.T) (*process, string) {
	t.Helper()
	folder := t.TempDir()
	binary := filepath.Join(folder, "parvis")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/parvis-crm/parvis/cmd/parvis").CombinedOutput()
	require.NoError(t, err, "%s", out)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := listener.Addr().String()
	require.NoError(t, listener.Close())
	db := parvistest.Database(t)
	p := &process{binary: binary, addr: addr, env: append(os.Environ(), "PARVIS_DATABASE_URL="+db.AppURL, "PARVIS_MIGRATION_URL="+db.OwnerURL,
		"PARVIS_ADDR="+addr, "PARVIS_DATA_DIR="+folder, "PARVIS_RATE_DEFAULT=1000000", "PARVIS_RATE_BULK=1000000", "PARVIS_RATE_INSTITUTION=0", "PARVIS_RATE_ADDRESS=0", "PARVIS_LOG_LEVEL=error")}
	require.NoError(t, p.start())
	t.Cleanup(func() {
		_ = p.kill()
		if t.Failed() {
			t.Logf("%s", p.log.String())
		}
	})
	var key string
	parvistest.Eventually(t, "the program is ready", func() bool {
		text, _ := os.ReadFile(filepath.Join(folder, "admin.key"))
		key = strings.TrimSpace(string(text))
		response, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return key != "" && response.StatusCode == http.StatusOK
	})
	return p, key
}

// caller is a client that sends a request again, with the same key, until it is
// answered: what a well-made integration does.
type caller struct {
	base, key string
	until     time.Time
}

func (c caller) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	if method != http.MethodGet {
		r.Header.Set("Content-Type", map[bool]string{true: "application/merge-patch+json", false: "application/json"}[method == http.MethodPatch])
	}
	return r, nil
}

// do returns the body of a 2xx, or the error that makes trying again useless.
func (c caller) do(method, path string, body any) ([]byte, error) {
	idempotency := uuid.NewString()
	for time.Now().Before(c.until) {
		r, err := c.request(context.Background(), method, path, body)
		if err != nil {
			return nil, err
		}
		if method != http.MethodGet {
			r.Header.Set("Idempotency-Key", idempotency)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		answer, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		switch {
		case err != nil, response.StatusCode == http.StatusServiceUnavailable, response.StatusCode == http.StatusConflict:
			time.Sleep(20 * time.Millisecond)
		case response.StatusCode < 300:
			return answer, nil
		default:
			return nil, fmt.Errorf("%s %s: %d %s", method, path, response.StatusCode, answer)
		}
	}
	return nil, errors.New("not answered in time")
}

// write makes a purpose and changes it until stop, and returns the last version
// that was answered.
func (c caller) write(writer int, stop <-chan struct{}) (id string, version int64, err error) {
	var purpose struct {
		ID      string
		Version int64
	}
	send := func(method, path string, body any) error {
		answer, err := c.do(method, path, body)
		if err != nil {
			return err
		}
		previous := purpose.Version
		if err := json.Unmarshal(answer, &purpose); err != nil {
			return err
		}
		if purpose.Version != previous+1 {
			return fmt.Errorf("version %d was answered after %d: something happened twice or not at all", purpose.Version, previous)
		}
		return nil
	}
	if err := send(http.MethodPost, "/v1/purposes", map[string]any{"code": fmt.Sprintf("chaos-%d", writer), "name": "0", "legal_basis": "consent"}); err != nil {
		return "", 0, err
	}
	for n := 1; ; n++ {
		select {
		case <-stop:
			return purpose.ID, purpose.Version, nil
		default:
		}
		if err := send(http.MethodPatch, "/v1/purposes/"+purpose.ID, map[string]any{"name": strconv.Itoa(n)}); err != nil {
			return "", 0, err
		}
	}
}

// pull reads one page of the feed after a position.
func (c caller) pull(after int64) ([]events.Envelope, error) {
	answer, err := c.do(http.MethodGet, fmt.Sprintf("/v1/events?after=%d&limit=50&wait=1", after), nil)
	if err != nil {
		return nil, err
	}
	var page struct{ Data []events.Envelope }
	return page.Data, json.Unmarshal(answer, &page)
}

// listen follows the stream until it breaks or has given some events.
func (c caller) listen(after int64, most int) []events.Envelope {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	r, err := c.request(ctx, http.MethodGet, "/v1/events/stream", nil)
	if err != nil {
		return nil
	}
	r.Header.Set("Last-Event-ID", strconv.FormatInt(after, 10))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil
	}
	defer func() { _ = response.Body.Close() }()
	var got []events.Envelope
	var whole *events.Envelope
	for scanner := bufio.NewScanner(response.Body); len(got) < most && scanner.Scan(); {
		if data, ok := strings.CutPrefix(scanner.Text(), "data: "); ok {
			var e events.Envelope
			if json.Unmarshal([]byte(data), &e) == nil {
				whole = &e
			}
		}
		// Only the empty line ends an event; one cut off before it did not come.
		if scanner.Text() == "" && whole != nil {
			got, whole = append(got, *whole), nil
		}
	}
	return got
}

func TestKilledAgainAndAgainNothingIsLost(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("kills processes for some seconds")
	}
	p, key := startProcess(t)
	c := caller{base: "http://" + p.addr, key: key, until: time.Now().Add(60 * time.Second)}
	stop := make(chan struct{})
	const writers = 6
	versions := map[string]int64{}
	var mu sync.Mutex
	var work errgroup.Group
	for writer := range writers {
		work.Go(func() error {
			id, version, err := c.write(writer, stop)
			mu.Lock()
			versions[id] = version
			mu.Unlock()
			return err
		})
	}
	// The consumer keeps what it has read and its position together, and follows
	// by turns the feed and the stream.
	var all []events.Envelope
	done := make(chan struct{})
	var follow errgroup.Group
	follow.Go(func() error {
		turn := 0
		for {
			var page []events.Envelope
			var err error
			ended := false
			select {
			case <-done:
				ended = true
			default:
			}
			if turn++; turn%2 == 0 && !ended {
				page = c.listen(int64(len(all)), 20)
			} else if page, err = c.pull(int64(len(all))); err != nil {
				return err
			}
			all = append(all, page...)
			if ended && len(page) == 0 {
				return nil
			}
		}
	})
	for range 6 {
		time.Sleep(time.Duration(400+rand.IntN(900)) * time.Millisecond)
		require.NoError(t, p.kill())
		require.NoError(t, p.start())
	}
	close(stop)
	require.NoError(t, work.Wait())
	var answered int64
	for _, version := range versions {
		answered += version
	}
	require.Greater(t, answered, int64(writers), "writers got something done between the kills")
	parvistest.Eventually(t, "all that was committed has its number", func() bool {
		answer, err := c.do(http.MethodGet, "/v1/events?types=purpose.*&limit=1", nil)
		var page struct{ Head int64 }
		return err == nil && json.Unmarshal(answer, &page) == nil && page.Head >= answered
	})
	close(done)
	require.NoError(t, follow.Wait())

	applied := map[string]int64{}
	for _, e := range all {
		if e.Data.Object == "purpose" {
			require.Equal(t, applied[e.Data.ID.String()]+1, e.Data.Version, "in order, and once")
			applied[e.Data.ID.String()] = e.Data.Version
		}
	}
	require.Equal(t, versions, applied, "what was answered is there, and nothing else")
	requireChain(t, all)
	t.Logf("%d writes answered and read through six kills", answered)
}
