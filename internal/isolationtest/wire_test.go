package isolationtest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// wire stands between the program and PostgreSQL and takes the tenant out of
// every predicate on the way, as if whoever wrote the statement had forgotten
// it. Nothing in the program knows of it.
type wire struct {
	URL string

	network, address string
	mu               sync.Mutex
	rewritten        map[string]bool
}

func newWire(t *testing.T, database *parvistest.DB) *wire {
	t.Helper()
	server, err := pgconn.ParseConfig(database.AppURL)
	require.NoError(t, err)
	w := &wire{rewritten: map[string]bool{}}
	w.network, w.address = pgconn.NetworkAddress(server.Host, server.Port)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	own := url.URL{
		Scheme: "postgres", User: url.UserPassword(server.User, server.Password), Host: listener.Addr().String(), Path: "/" + server.Database,
		RawQuery: "sslmode=disable",
	}
	w.URL = own.String()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // the test has ended
			}
			go w.serve(client)
		}
	}()
	return w
}

// serve carries one connection until either side ends it.
func (w *wire) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial(w.network, w.address)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	start, err := message(client, 0)
	if err != nil {
		return
	}
	if _, err := server.Write(start); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	for {
		kind := make([]byte, 1)
		if _, err := io.ReadFull(client, kind); err != nil {
			return
		}
		m, err := message(client, kind[0])
		if err != nil {
			return
		}
		if _, err := server.Write(w.forget(m)); err != nil {
			return
		}
	}
}

// message reads one message of the protocol: its kind, unless it is the first
// of a connection, its length and what follows.
func message(r io.Reader, kind byte) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n < 4 || n > 1<<28 {
		return nil, errors.New("no message of the protocol")
	}
	var m []byte
	if kind != 0 {
		m = append(m, kind)
	}
	m = append(m, length[:]...)
	at := len(m)
	m = append(m, make([]byte, n-4)...)
	_, err := io.ReadFull(r, m[at:])
	return m, err
}

// forget rewrites the statement in a Parse or Query message.
func (w *wire) forget(m []byte) []byte {
	if m[0] != 'P' && m[0] != 'Q' {
		return m
	}
	body := string(m[5:])
	name := ""
	if m[0] == 'P' {
		end := strings.IndexByte(body, 0)
		name, body = body[:end+1], body[end+1:]
	}
	end := strings.IndexByte(body, 0)
	statement, rest := body[:end], body[end:]
	without := withoutTenant(statement)
	if without == statement {
		return m
	}
	w.mu.Lock()
	w.rewritten[statement] = true
	w.mu.Unlock()
	payload := name + without + rest
	out := append([]byte{m[0]}, binary.BigEndian.AppendUint32(nil, uint32(len(payload)+4))...)
	return append(out, payload...)
}

var tenantPredicate = regexp.MustCompile(`(?i)(?:\b\w+\.)?\btenant_id\s*=\s*(\$\d+)(?:::uuid)?`)

// withoutTenant keeps the parameter and its type, and lets every row through.
func withoutTenant(sql string) string {
	return tenantPredicate.ReplaceAllString(sql, "(${1}::uuid IS NOT NULL)")
}

func TestTheTenantIsTakenOut(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"select * from contacts c where c.tenant_id = $1 and c.id = $2": "select * from contacts c where ($1::uuid IS NOT NULL) and c.id = $2",
		"delete from tags WHERE tenant_id=$3::uuid":                     "delete from tags WHERE ($3::uuid IS NOT NULL)",
		"join points p ON p.tenant_id = c.tenant_id":                    "join points p ON p.tenant_id = c.tenant_id",
	} {
		require.Equal(t, want, withoutTenant(sql))
	}
}

// rewrites is how many different statements have lost their predicate.
func (w *wire) rewrites() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.rewritten)
}
