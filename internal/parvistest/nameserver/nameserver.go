// Package nameserver is a small name server for tests (RFC 1035): it answers
// over UDP on a loopback port from the records it was given.
package nameserver

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// Zone is what a name has. Silent: it is never answered for. Broken: the server
// answers that it failed.
type Zone struct {
	MX             []string // hosts; "." is the null MX
	A              [4]byte
	Silent, Broken bool
}

// Server is a running name server.
type Server struct {
	conn  net.PacketConn
	mu    sync.Mutex
	zones map[string]Zone
	// isolated: it knows nothing of the root of the name system.
	isolated bool
	asked    map[string]int
}

// Start runs a server until the test ends.
func Start(tb testing.TB, zones map[string]Zone) *Server {
	tb.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(tb, err)
	s := &Server{conn: conn, zones: zones, asked: map[string]int{}}
	tb.Cleanup(func() { _ = conn.Close() })
	go s.serve()
	return s
}

// Isolate takes the server's knowledge of the root away.
func (s *Server) Isolate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isolated = true
}

// Resolver asks this server and no other.
func (s *Server) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
}

// Asked counts the questions about a name.
func (s *Server) Asked(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[name]
}

func (s *Server) serve() {
	packet := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(packet)
		if err != nil {
			return
		}
		var query dnsmessage.Message
		if err := query.Unpack(packet[:n]); err != nil || len(query.Questions) != 1 {
			continue
		}
		reply, ok := s.answer(query)
		if !ok {
			continue
		}
		if packed, err := reply.Pack(); err == nil {
			_, _ = s.conn.WriteTo(packed, from)
		}
	}
}

func (s *Server) answer(query dnsmessage.Message) (dnsmessage.Message, bool) {
	q := query.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	s.mu.Lock()
	s.asked[name]++
	zone, known := s.zones[name]
	root := name == "" && !s.isolated
	s.mu.Unlock()
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: query.ID, Response: true, Authoritative: true, RecursionAvailable: true},
		Questions: query.Questions,
	}
	header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}
	switch {
	case root && q.Type == dnsmessage.TypeNS:
		reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.NSResource{NS: dnsmessage.MustNewName("a.root-servers.net.")}})
	case zone.Silent:
		return reply, false
	case zone.Broken:
		reply.RCode = dnsmessage.RCodeServerFailure
	case !known:
		reply.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeMX:
		for i, host := range zone.MX {
			preference := uint16(10 * i)
			if host != "." {
				host += "."
			}
			reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.MXResource{Pref: preference, MX: dnsmessage.MustNewName(host)}})
		}
	case q.Type == dnsmessage.TypeA && zone.A != [4]byte{}:
		reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: zone.A}})
	}
	return reply, true
}
