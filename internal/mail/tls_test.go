package mail

import (
	"bufio"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	gomail "github.com/wneessen/go-mail"
)

// A server that is not on this machine is given no mail in the clear.
func TestNoMailLeavesInTheClear(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]gomail.TLSPolicy{
		"smtp://127.0.0.1:1025": gomail.TLSOpportunistic, "smtp://[::1]:1025": gomail.TLSOpportunistic, "smtp://localhost": gomail.TLSOpportunistic,
		"smtp://mail.ville.example:587": gomail.TLSMandatory, "smtp://10.0.0.7": gomail.TLSMandatory, "smtps://mail.ville.example": gomail.TLSMandatory,
		"smtp://10.0.0.7:25?tls=optional": gomail.TLSOpportunistic,
	} {
		u, err := url.Parse(raw)
		require.NoError(t, err)
		require.Equal(t, want, tlsPolicy(u), raw)
	}

	// Such a server that offers none is told nothing but a greeting.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	heard, connected := make(chan string, 1), make(chan net.Conn, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		connected <- conn
		_, _ = conn.Write([]byte("220 sink\r\n"))
		var all strings.Builder
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			all.WriteString(lines.Text() + "\n")
			_, _ = conn.Write([]byte("250 sink\r\n"))
		}
		heard <- all.String()
	}()
	s, err := newSender("smtp://"+listener.Addr().String(), "Parvis <no-reply@localhost>")
	require.NoError(t, err)
	s.client.SetTLSPolicy(gomail.TLSMandatory)
	require.ErrorContains(t, s.dial(t.Context()), "STARTTLS")
	require.NoError(t, (<-connected).Close())
	require.NotContains(t, <-heard, "MAIL FROM")
}
