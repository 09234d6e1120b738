package web

import (
	"net/url"
	"strings"

	"github.com/parvis-crm/parvis/internal/fault"
)

// readableQuery refuses a query of which a part cannot be read: a percent sign
// without two digits behind it, or a semicolon. Parsing leaves such a part out,
// and whoever sent a filter would be given everything.
func readableQuery(raw string) error {
	if _, err := url.ParseQuery(raw); err == nil {
		return nil
	}
	f := fault.New(fault.Malformed, "invalid-request")
	for part := range strings.SplitSeq(raw, "&") {
		if _, err := url.ParseQuery(part); err == nil {
			continue
		}
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		f.AtParameter(strings.ToValidUTF8(name, "\ufffd"), "format", "want", "percent-encoding")
	}
	return f
}
