package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync/atomic"
)

// DialTLS connects to the host and port of an https URL by TLS, for protocols
// other than HTTP, under the same rules. It trusts what config trusts, and
// verifies the host of the URL.
func (c *Client) DialTLS(ctx context.Context, u *url.URL, config *tls.Config) (*TLSConn, error) {
	found, err := inspect(u)
	if err != nil {
		return nil, err
	}
	excused := c.unexcused(found)
	if excused != nil && len(c.allow) == 0 {
		return nil, excused
	}
	bounded, cancel := context.WithTimeout(context.WithValue(ctx, admissionKey{}, admission{excused: excused}), c.connectTimeout)
	defer cancel()
	raw, err := c.dialer.DialContext(bounded, "tcp", net.JoinHostPort(found.host, strconv.Itoa(found.port)))
	if err != nil {
		return nil, err
	}
	config = config.Clone()
	config.ServerName = found.host
	below := &ends{Conn: raw}
	conn := &TLSConn{tls.Client(below, config), below}
	if err := conn.HandshakeContext(bounded); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return conn, nil
}

// TLSConn is a connection that can tell how the other side ended it.
type TLSConn struct {
	*tls.Conn
	below *ends
}

// CutOff reports, once a read has met the end, whether the other side's
// connection ended without close_notify (RFC 8446 §6.1). crypto/tls reads the
// same end in both cases, as long as no record was cut in two.
func (c *TLSConn) CutOff() bool { return c.below.met.Load() }

// ends notes that the end below TLS was met, which is not read any more after a
// close_notify.
type ends struct {
	net.Conn
	met atomic.Bool
}

// Read implements net.Conn.
func (e *ends) Read(p []byte) (int, error) {
	n, err := e.Conn.Read(p)
	if errors.Is(err, io.EOF) {
		e.met.Store(true)
	}
	return n, err
}
