package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Code names, for machines, the rule that a URL or an address breaks.
type Code string

// The codes of [Error].
const (
	CodeURLInvalid       Code = "url_invalid"
	CodeSchemeForbidden  Code = "url_scheme_forbidden"
	CodeUserInfo         Code = "url_userinfo_forbidden"
	CodeHostInvalid      Code = "url_host_invalid"
	CodeIPLiteral        Code = "url_ip_literal_forbidden"
	CodePortForbidden    Code = "url_port_forbidden"
	CodeAddressForbidden Code = "url_address_forbidden"
)

// Error says which rule forbids a URL, or a connection made for it. Requests
// that were refused carry it inside their [url.Error].
type Error struct {
	Code Code
	// Text is a sentence for whoever chose the URL. It never tells what a name
	// resolves to: that may be a secret of the server's network.
	Text string
	// Address is the address refused, for the operator's log; zero if the URL
	// was refused before resolution.
	Address netip.Addr
}

func (e *Error) Error() string { return "egress: " + string(e.Code) + ": " + e.Text }

func refuse(code Code, text string) *Error { return &Error{Code: code, Text: text} }

const (
	maxHostLength = 253
	httpsPort     = 443
)

// ValidateURL is [Client.ValidateURLContext] without a caller to wait for; the
// connect timeout bounds it.
func (c *Client) ValidateURL(raw string) (*url.URL, error) {
	return c.ValidateURLContext(context.Background(), raw)
}

// ValidateURLContext checks a URL that someone wants the server to call, and
// gives its normal form: lower case, internationalised names in ASCII
// (RFC 5891), no default port, no fragment. Every refusal is an [*Error].
//
// The name is resolved, and all its addresses must be callable. A name that
// does not resolve now is accepted if the URL breaks no other rule: it is
// checked again at every connection anyway.
func (c *Client) ValidateURLContext(ctx context.Context, raw string) (*url.URL, error) {
	parsed, err := url.Parse(raw)
	if err != nil {
		return nil, refuse(CodeURLInvalid, "The URL cannot be read.")
	}
	target, err := inspect(parsed)
	if err != nil {
		return nil, err
	}
	target.excused = c.unexcused(target)
	addresses := []netip.Addr{target.literal}
	if !target.literal.IsValid() {
		if target.excused != nil && len(c.allow) == 0 {
			return nil, target.excused
		}
		if addresses, err = c.resolve(ctx, target.host); err != nil {
			return nil, err
		}
		if len(addresses) == 0 && target.excused != nil {
			return nil, target.excused
		}
	}
	for _, address := range addresses {
		if err := c.admit(address, target.excused); err != nil {
			return nil, err
		}
	}
	return target.normal(parsed), nil
}

// resolve gives the addresses of a name, none if it has none now.
func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	bounded, cancel := context.WithTimeout(ctx, c.connectTimeout)
	defer cancel()
	addresses, err := c.resolver.LookupNetIP(bounded, "ip", host)
	if err == nil {
		return addresses, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var unresolved *net.DNSError
	if errors.As(err, &unresolved) || bounded.Err() != nil {
		return nil, nil
	}
	return nil, refuse(CodeHostInvalid, "The host name is not valid.")
}

// target is what a URL asks for, once read.
type target struct {
	scheme string
	// host is the normal form of the name or address, without brackets.
	host    string
	literal netip.Addr
	port    int
	// excused is the first rule broken that an allowed network excuses.
	excused *Error
}

// inspect applies the rules that need no name resolution. The error is final;
// what an allowed network would excuse is in the target.
func inspect(u *url.URL) (target, error) {
	scheme := strings.ToLower(u.Scheme)
	if scheme != "https" && scheme != "http" {
		return target{}, refuse(CodeSchemeForbidden, "The URL must start with https://.")
	}
	if u.User != nil {
		return target{}, refuse(CodeUserInfo, "The URL must not contain a user name or a password.")
	}
	if u.Opaque != "" || u.Hostname() == "" {
		return target{}, refuse(CodeURLInvalid, "The URL must name a host.")
	}
	found := target{scheme: scheme}
	var err error
	if found.host, found.literal, err = readHost(u.Hostname()); err != nil {
		return target{}, err
	}
	if found.port, err = readPort(u, scheme); err != nil {
		return target{}, err
	}
	switch {
	case scheme != "https":
		found.excused = refuse(CodeSchemeForbidden, "The URL must start with https://.")
	case found.literal.IsValid():
		found.excused = refuse(CodeIPLiteral, "The URL must name a host, not an IP address.")
	case found.port != httpsPort:
		found.excused = refuse(CodePortForbidden, "The URL must use port 443.")
	}
	return found, nil
}

func readHost(hostname string) (string, netip.Addr, error) {
	if literal, err := netip.ParseAddr(hostname); err == nil {
		if literal.Zone() != "" {
			return "", netip.Addr{}, refuse(CodeIPLiteral, "The URL must not contain an IPv6 zone.")
		}
		return literal.String(), literal, nil
	}
	profile := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.CheckHyphens(false))
	host, err := profile.ToASCII(hostname)
	host = strings.TrimSuffix(host, ".")
	if err != nil || host == "" {
		return "", netip.Addr{}, refuse(CodeHostInvalid, "The host name is not valid.")
	}
	if len(host) > maxHostLength {
		return "", netip.Addr{}, refuse(CodeHostInvalid, "The host name is longer than 253 characters.")
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 {
			return "", netip.Addr{}, refuse(CodeHostInvalid, "The host name is not valid.")
		}
	}
	if endsInNumber(host) {
		return "", netip.Addr{}, refuse(CodeIPLiteral, "The URL must name a host, not an IP address.")
	}
	return host, netip.Addr{}, nil
}

// endsInNumber finds the other spellings of IPv4 that some resolvers take for
// addresses, such as 2130706433, 0x7f.1 and 127.1 (WHATWG URL, "ends in a
// number checker"). No top-level domain is a number.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if strings.Trim(last, "0123456789") == "" {
		return true
	}
	digits, isHex := strings.CutPrefix(last, "0x")
	return isHex && strings.Trim(digits, "0123456789abcdef") == ""
}

func readPort(u *url.URL, scheme string) (int, error) {
	text := u.Port()
	if text == "" {
		if scheme == "http" {
			return 80, nil
		}
		return httpsPort, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, refuse(CodePortForbidden, "The port is not valid.")
	}
	return int(port), nil
}

// normal rewrites a URL that was found valid.
func (t target) normal(u *url.URL) *url.URL {
	normal := *u
	normal.Scheme = t.scheme
	normal.Fragment, normal.RawFragment = "", ""
	host := t.host
	if t.literal.Is6() {
		host = "[" + host + "]"
	}
	if (t.scheme == "https" && t.port != httpsPort) || (t.scheme == "http" && t.port != 80) {
		host += ":" + strconv.Itoa(t.port)
	}
	normal.Host = host
	return &normal
}
