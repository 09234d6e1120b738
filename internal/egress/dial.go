package egress

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"strconv"
)

// DialTLS connects to the host and port of an https URL by TLS, for protocols
// other than HTTP, under the same rules. It trusts what config trusts, and
// verifies the host of the URL.
func (c *Client) DialTLS(ctx context.Context, u *url.URL, config *tls.Config) (*tls.Conn, error) {
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
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(bounded); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return conn, nil
}
