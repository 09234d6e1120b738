package webtest_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// trickle sends the beginning of a request and then a byte every quarter of a
// second, and says after how long the server ended it and with what.
func trickle(app *parvistest.App, beginning, more string) (after time.Duration, answer string, err error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(app.URL, "http://"))
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = conn.Close() }()
	start := time.Now()
	if _, err = conn.Write([]byte(beginning)); err != nil {
		return 0, "", err
	}
	got := make([]byte, 4096)
	for i := 0; time.Since(start) < time.Minute; i++ {
		_, writeErr := conn.Write([]byte{more[i%len(more)]})
		if err := conn.SetReadDeadline(time.Now().Add(250 * time.Millisecond)); err != nil {
			return 0, answer, err
		}
		n, err := conn.Read(got)
		answer += string(got[:n])
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && writeErr == nil {
			continue
		}
		if errors.Is(err, io.EOF) || writeErr != nil || err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return time.Since(start), answer, nil
		}
	}
	return 0, answer, errors.New("the server went on waiting for a minute")
}

// Who sends a request a byte at a time (slowloris) holds a connection for a
// while and is then cut, by the header and by the body, with a credential and
// without; others are answered meanwhile.
func TestSlowRequestsAreCut(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	const header, body = 10 * time.Second, 30 * time.Second
	var wg sync.WaitGroup
	for name, c := range map[string]struct {
		beginning, more string
		within          time.Duration
	}{
		"header":                    {"GET /v1/me HTTP/1.1\r\nHost: parvis.example\r\nX-Slow: ", "a", header},
		"body":                      {"POST /v1/tags HTTP/1.1\r\nHost: parvis.example\r\nAuthorization: Bearer " + app.Key + "\r\nIdempotency-Key: slow-body-1\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{", " ", body},
		"chunked body":              {"POST /v1/tags HTTP/1.1\r\nHost: parvis.example\r\nAuthorization: Bearer " + app.Key + "\r\nIdempotency-Key: slow-body-2\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", body},
		"form of a token":           {"POST /oauth/token HTTP/1.1\r\nHost: parvis.example\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\n", "a", body},
		"body of a refused request": {"POST /v1/tags HTTP/1.1\r\nHost: parvis.example\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{", " ", body},
		"body of no operation":      {"POST /nowhere HTTP/1.1\r\nHost: parvis.example\r\nContent-Length: 5000\r\n\r\n{", " ", body},
		"sign-in":                   {"POST /v1/sessions HTTP/1.1\r\nHost: parvis.example\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{", " ", body},
	} {
		// All at the same time, however few tests run beside each other: each waits.
		wg.Go(func() {
			after, answer, err := trickle(app, c.beginning, c.more)
			assert.NoError(t, err, name) //nolint:testifylint // require would end this goroutine and not the test
			assert.LessOrEqual(t, after, c.within+10*time.Second, "%s: %s", name, answer)
			assert.GreaterOrEqual(t, after, c.within-time.Second, "%s: not before: a slow line is no attack; %s", name, answer)
			assert.NotContains(t, answer, "HTTP/1.1 2", name)
		})
	}
	app.Get("/v1/me").Is(http.StatusOK)
	wg.Wait()
	app.Get("/v1/me").Is(http.StatusOK)
}
