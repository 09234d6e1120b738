// Package smtpsink is a small SMTP server for tests (RFC 5321): it takes mail
// on a loopback port, keeps it to be looked at, and can be told to refuse.
package smtpsink

import (
	"bytes"
	"io"
	"net"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Mail is what one client handed over.
type Mail struct {
	From   string
	To     []string
	Raw    []byte
	Header netmail.Header
}

// Sink is a running server.
type Sink struct {
	// URL is what PARVIS_SMTP_URL takes.
	URL string

	mu          sync.Mutex
	mails       []Mail
	connections int
	refusals    []string
}

// Start runs a server until the test ends.
func Start(tb testing.TB) *Sink {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	s := &Sink{URL: "smtp://" + listener.Addr().String()}
	tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.connections++
			s.mu.Unlock()
			go s.serve(conn)
		}
	}()
	return s
}

// Refuse answers the next messages' RCPT with these replies, one each, such as
// "451 4.3.0 later".
func (s *Sink) Refuse(replies ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals = append(s.refusals, replies...)
}

// Mails returns what has come in so far.
func (s *Sink) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Connections counts how often somebody connected.
func (s *Sink) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

func (s *Sink) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	c := textproto.NewConn(conn)
	say := func(reply string) { _ = c.PrintfLine("%s", reply) }
	say("220 sink ESMTP")
	var m Mail
	for {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-sink")
			say("250-8BITMIME")
			say("250 SMTPUTF8")
		case "HELO", "NOOP":
			say("250 OK")
		case "RSET":
			m = Mail{}
			say("250 OK")
		case "MAIL":
			m = Mail{From: address(rest)}
			say("250 OK")
		case "RCPT":
			if refusal := s.refusal(); refusal != "" {
				say(refusal)
				continue
			}
			m.To = append(m.To, address(rest))
			say("250 OK")
		case "DATA":
			say("354 go on")
			raw, err := io.ReadAll(c.DotReader())
			if err != nil {
				return
			}
			m.Raw = raw
			if parsed, err := netmail.ReadMessage(bytes.NewReader(raw)); err == nil {
				m.Header = parsed.Header
			}
			s.mu.Lock()
			s.mails = append(s.mails, m)
			s.mu.Unlock()
			m = Mail{}
			say("250 OK")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("502 not here")
		}
	}
}

func (s *Sink) refusal() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.refusals) == 0 {
		return ""
	}
	reply := s.refusals[0]
	s.refusals = s.refusals[1:]
	return reply
}

func address(argument string) string {
	_, rest, _ := strings.Cut(argument, "<")
	inner, _, _ := strings.Cut(rest, ">")
	return inner
}
