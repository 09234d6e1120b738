package consents

import (
	"net/netip"
	"strings"
	"time"
)

// Evidence is what was seen when the person answered. Only what kept returns
// reaches the ledger.
type Evidence struct {
	// Identity as typed: name, address …
	Identity map[string]string
	// IP is the full address; the ledger keeps its network.
	IP string
	// UserAgent is the full header; the ledger keeps the family.
	UserAgent   string
	SubmittedAt *time.Time
	ConfirmedAt *time.Time
	Note        string
}

func (e Evidence) kept() map[string]any {
	out := map[string]any{}
	if len(e.Identity) > 0 {
		out["identity"] = e.Identity
	}
	if network := TruncateIP(e.IP); network != "" {
		out["network"] = network
	}
	if e.UserAgent != "" {
		out["user_agent"] = AgentFamily(e.UserAgent)
	}
	if e.SubmittedAt != nil {
		out["submitted_at"] = instant(*e.SubmittedAt)
	}
	if e.ConfirmedAt != nil {
		out["confirmed_at"] = instant(*e.ConfirmedAt)
	}
	if e.Note != "" {
		out["note"] = e.Note
	}
	return out
}

// TruncateIP gives the network of an address, /24 or /48, which shows where an
// answer came from without naming a line. Empty for what is not an address.
func TruncateIP(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	a = a.Unmap().WithZone("")
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// AgentFamily reduces a User-Agent header to the family of the program, which
// is all that a proof needs.
func AgentFamily(header string) string {
	for _, family := range [...]struct{ mark, name string }{
		// Order matters: most browsers also claim to be the ones after them.
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"},
		{"Chromium/", "Chromium"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	} {
		if strings.Contains(header, family.mark) || header == family.name {
			return family.name
		}
	}
	return "other"
}
