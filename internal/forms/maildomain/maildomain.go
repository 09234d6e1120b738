// Package maildomain asks the domain name system whether a domain can receive
// mail at all, so that a slip of the pen is seen while the person is still
// there. It refuses nobody because a name server does not answer.
package maildomain

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"
)

// Verdict is what is known of a domain.
type Verdict string

// The verdicts. Only Refuses is a reason to say no.
const (
	// Accepts: it names a mail server, or an address that stands for one (RFC
	// 5321 §5.1).
	Accepts Verdict = "accepts"
	// Refuses: it does not exist, names no host, or says by a null MX that it
	// takes no mail (RFC 7505).
	Refuses Verdict = "refuses"
	// Unknown: no answer, or not in time.
	Unknown Verdict = "unknown"
	// Reserved: a name for tests and documentation, which is not asked for.
	Reserved Verdict = "reserved"
)

// Timeout bounds everything that is asked about one domain.
const Timeout = 2 * time.Second

// Checker asks a resolver.
type Checker struct {
	Resolver *net.Resolver // the system's if nil
	Timeout  time.Duration // Timeout if zero
}

// Check asks about a domain in ASCII. In a sandbox the reserved names that are
// registered all the same (example.org) are not asked for either.
func (c Checker) Check(ctx context.Context, domain string, sandbox bool) Verdict {
	if reserved(domain, sandbox) {
		return Reserved
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.Timeout == 0 {
		c.Timeout = Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	name := strings.TrimSuffix(domain, ".") + "." // as it is, without the search list
	servers, err := c.Resolver.LookupMX(ctx, name)
	switch {
	case len(servers) == 1 && servers[0].Host == ".":
		return Refuses
	case len(servers) > 0:
		return Accepts
	case err != nil && !notThere(err):
		return Unknown
	}
	addresses, err := c.Resolver.LookupNetIP(ctx, "ip", name)
	switch {
	case len(addresses) > 0:
		return Accepts
	case (err == nil || notThere(err)) && c.connected(ctx):
		return Refuses
	}
	return Unknown
}

// connected: the resolver knows the root of the name system. One that is cut
// off from it, as inside a closed network, denies every name.
func (c Checker) connected(ctx context.Context) bool {
	servers, err := c.Resolver.LookupNS(ctx, ".")
	return err == nil && len(servers) > 0
}

// notThere: a name server has answered that there is nothing.
func notThere(err error) bool {
	var failure *net.DNSError
	return errors.As(err, &failure) && failure.IsNotFound && !failure.IsTimeout && !failure.IsTemporary
}

// reserved names (RFC 2606): below the first, nobody can have an address.
func reserved(domain string, sandbox bool) bool {
	domain = "." + strings.ToLower(strings.TrimSuffix(domain, "."))
	for _, name := range []string{".test", ".example", ".invalid", ".localhost"} {
		if strings.HasSuffix(domain, name) {
			return true
		}
	}
	if !sandbox {
		return false
	}
	for _, name := range []string{".example.com", ".example.net", ".example.org"} {
		if strings.HasSuffix(domain, name) {
			return true
		}
	}
	return false
}
