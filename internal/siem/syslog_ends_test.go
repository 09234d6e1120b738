package siem_test

import (
	"bufio"
	"crypto/tls"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// ending is a receiver in the test's own process that says how each connection ends.
type ending struct {
	*receiver
	mu   sync.Mutex
	came [][]string // the ids of each connection, those that were lost too
}

// serve takes connections; keep says of each, from 0, whether the receiver has
// what came (otherwise it is gone with the receiver), and whether it says that it ends.
func (e *ending) serve(t *testing.T, keep func(connection int) (keeps, says bool)) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(e.certificate, e.certificate)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", e.address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for n := 0; ; n++ {
			raw, err := listener.Accept()
			if err != nil {
				return
			}
			conn := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
			keeps, says := keep(n)
			var got []string
			for r := bufio.NewReader(conn); ; {
				head, err := r.ReadString(' ')
				if err != nil {
					break
				}
				size, _ := strconv.Atoi(strings.TrimSpace(head))
				message := make([]byte, size)
				for at := 0; at < size && err == nil; {
					var k int
					k, err = r.Read(message[at:])
					at += k
				}
				got = append(got, string(message))
			}
			e.mu.Lock()
			e.came = append(e.came, got)
			if keeps {
				file, err := os.OpenFile(e.received, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
				if err == nil {
					_, _ = file.WriteString(strings.Join(got, "\n") + "\n")
					_ = file.Close()
				}
			}
			e.mu.Unlock()
			if says {
				_ = conn.Close()
			} else {
				_ = raw.Close()
			}
		}
	}()
}

func (e *ending) connections() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.came)
}

func (e *ending) follow(t *testing.T, a *parvistest.App) {
	t.Helper()
	path := a.Post("/v1/audit/forwarders", map[string]any{"name": "SOC", "url": "syslog+tls://" + e.address, "ca_certificates": e.authority, "start": "beginning"}).Is(201).Header.Get("Location")
	parvistest.Eventually(t, "everything has been taken", func() bool {
		health := a.Get(path).JSON()["health"].(map[string]any)
		return health["delivered"].(float64) > 0 && health["oldest_undelivered_at"] == nil && health["failing_since"] == nil
	})
	want := everything(t, a)
	first, _ := received(t, e.receiver)
	for _, log := range []string{"events", "refusals"} {
		require.Equal(t, len(want[log]), len(first[log]), log) //nolint:testifylint // the ids would fill pages
	}
}

// A receiver that has ended in order once and is then cut off is sent the batch
// again, also where both are in one turn of the forwarder.
func TestAReceiverThatIsCutOffInItsFirstTurnMissesNothing(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	happen(t, a, 3000)
	e := &ending{receiver: newReceiver(t)}
	e.serve(t, func(connection int) (keeps, says bool) { return connection != 1, connection != 1 })
	e.follow(t, a)
	require.Greater(t, e.connections(), 2)
}

// So is one that is cut off in its first batch of all.
func TestAReceiverThatIsCutOffAtOnceMissesNothing(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	e := &ending{receiver: newReceiver(t)}
	e.serve(t, func(connection int) (keeps, says bool) { return connection != 0, connection != 0 })
	e.follow(t, a)
}

// One that never says that it ends gets its first batch twice and the others once.
func TestAReceiverThatNeverSaysThatItEnds(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	happen(t, a, 3000)
	e := &ending{receiver: newReceiver(t)}
	e.serve(t, func(int) (keeps, says bool) { return true, false })
	e.follow(t, a)
	e.mu.Lock()
	defer e.mu.Unlock()
	require.True(t, slices.Equal(e.came[0], e.came[1]))
	_, again := received(t, e.receiver)
	require.Equal(t, len(e.came[0]), again)
}
