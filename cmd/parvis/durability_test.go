package main_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/pgembed"
)

// The program, and with it its private PostgreSQL, is killed at moments that
// nobody chose: what was answered is there, what was not answered can be sent
// again, and nothing happens twice.
func TestKillingLosesNothingThatWasAnswered(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(t)
	l := newLoad(s, "killed")
	for round := 1; round <= 3; round++ {
		ctx, stop := context.WithCancel(t.Context())
		wait := l.run(ctx, 8)
		eventually(t, "some answers", func() bool { return l.count(http.StatusCreated) >= round*60+round*7 })
		require.Error(t, s.running.end(t, syscall.SIGKILL))
		stop()
		wait()
		s.start(t)
		l.kept(t)
		l.settle(t)
		l.kept(t)
	}
}

// Requests whose bodies are half sent when the program is told to end.
func TestEndingAnswersWhatIsInFlight(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(t)
	l := newLoad(s, "ending")
	const clients = 12
	var conns []net.Conn
	for i := range clients {
		code := fmt.Sprintf("ending-%d", i)
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		text := body(code)
		_, err = fmt.Fprintf(conn, "POST /v1/purposes HTTP/1.1\r\nHost: parvis\r\nAuthorization: Bearer %s\r\nIdempotency-Key: key-%s\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", s.key, code, len(text), text[:10])
		require.NoError(t, err)
		conns = append(conns, conn)
	}
	inFlight := regexp.MustCompile(`(?m)^parvis_http_requests_in_flight (\d+)`)
	eventually(t, "all in flight", func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/metrics", nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		match := inFlight.FindSubmatch(text)
		return match != nil && string(match[1]) == strconv.Itoa(clients)
	})
	require.NoError(t, s.running.command.Process.Signal(syscall.SIGTERM))
	eventually(t, "no new connections", func() bool { return s.status("/healthz") == 0 })
	for i, conn := range conns {
		code := fmt.Sprintf("ending-%d", i)
		_, err := conn.Write(body(code)[10:])
		require.NoError(t, err)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, "a request in flight was not answered")
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		_ = response.Body.Close()
		require.Equal(t, http.StatusCreated, response.StatusCode, "%s", text)
		l.answered[code] = regexp.MustCompile(`"id":"([0-9a-f-]{36})"`).FindStringSubmatch(string(text))[1]
	}
	require.NoError(t, s.running.wait(t), "an ordered end is no failure")
	s.start(t)
	l.kept(t)
	require.NoError(t, s.running.end(t, syscall.SIGTERM))
}

// PostgreSQL goes away under load and comes back.
func TestAbsentDatabaseIsReportedAndForgiven(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), "pg")
	begin := func() *pgembed.Server {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		server, err := pgembed.Start(ctx, pgembed.Config{DataDir: dir, Durable: true})
		require.NoError(t, err)
		return server
	}
	database := begin()
	t.Cleanup(func() { _ = database.Stop(context.Background()) })
	s := newSite(t, "PARVIS_DATABASE_URL="+database.URL(pgembed.Superuser, "postgres"))
	s.start(t)
	l := newLoad(s, "absent")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	wait := l.run(ctx, 6)
	for round := 1; round <= 2; round++ {
		before := l.count(http.StatusCreated)
		eventually(t, "some answers", func() bool { return l.count(http.StatusCreated) >= before+50 })
		refused := l.count(http.StatusServiceUnavailable)
		require.NoError(t, database.Stop(t.Context()))
		eventually(t, "some refusals", func() bool { return l.count(http.StatusServiceUnavailable) >= refused+50 })
		require.Equal(t, http.StatusServiceUnavailable, s.status("/readyz"))
		require.Equal(t, http.StatusOK, s.status("/healthz"), "a restart of the program would not help")
		database = begin()
		recovered := l.count(http.StatusCreated)
		eventually(t, "answers again", func() bool { return l.count(http.StatusCreated) >= recovered+50 })
		eventually(t, "ready again", func() bool { return s.status("/readyz") == http.StatusOK })
	}
	stop()
	wait()
	require.Empty(t, l.silent, "refusals that do not say when to try again")
	for status := range l.statuses {
		require.Contains(t, []int{http.StatusCreated, http.StatusServiceUnavailable}, status)
	}
	l.settle(t)
	l.kept(t)
	require.NoError(t, s.running.end(t, syscall.SIGTERM))
}
