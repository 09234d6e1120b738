package webtest_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/app"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// Who asks first whether a body is wanted, or sends too much of one, is told at once
// that it is not: nobody waits for what is not going to be read.
func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for name, c := range map[string]struct {
		head   string
		status int
	}{
		"asked first, no credential": {"POST /v1/contacts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 40\r\n\r\n", http.StatusUnauthorized},
		"asked first, no such place": {"POST /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 40\r\n\r\n", http.StatusNotFound},
		"asked first, far too large": {"POST /v1/contacts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + app.Key + "\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 40000000\r\n\r\n", http.StatusRequestEntityTooLarge},
		"a great body held back":     {"POST /v1/contacts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 400000\r\n\r\n", http.StatusUnauthorized},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(app.URL, "http://"))
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(25*time.Second)), "a body has thirty")
		_, err = conn.Write([]byte(c.head))
		require.NoError(t, err)
		a, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, name)
		require.Equal(t, c.status, a.StatusCode, name)
		require.NoError(t, a.Body.Close())
		require.NoError(t, conn.Close())
	}
}

// A database that hangs is not waited for without end: 503, and when to come again.
func TestARequestThatTakesTooLongIsAnswered(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t, func(_ *config.Config, o *app.Options) { o.Patience = 2 * time.Second })
	conn, err := pgx.Connect(t.Context(), a.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "lock table crm.contacts in access exclusive mode")
	require.NoError(t, err)
	for _, answer := range []*parvistest.Answer{a.Get("/v1/contacts"), a.Post("/v1/contacts", map[string]any{"kind": "person", "family_name": "Attente"})} {
		answer.Problem(http.StatusServiceUnavailable, "unavailable")
		require.NotEmpty(t, answer.Header.Get("Retry-After"))
	}
	require.NoError(t, tx.Rollback(t.Context()))
	require.Empty(t, a.Get("/v1/contacts").Is(http.StatusOK).Data(), "what was not answered with success was not done")
	a.Post("/v1/contacts", map[string]any{"kind": "person", "family_name": "Attente"}).Is(http.StatusCreated)
}

// To wait for an event is what was asked for, and no delay.
func TestAWaitThatWasAskedForIsNoDelay(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t, func(_ *config.Config, o *app.Options) { o.Patience = time.Second })
	head := a.Get("/v1/events?limit=1").Is(http.StatusOK).JSON()["head"]
	require.Empty(t, a.Get(fmt.Sprintf("/v1/events?wait=2&after=%.0f", head)).Is(http.StatusOK).Data())
}
