package clock

import (
	"slices"
	"strings"
	"time"
)

// IsZone reports whether a name is one of the IANA time zone database. Where a
// machine keeps that database, other files lie beside it that a name would reach
// as well: what the machine itself is set to, and zones that count leap seconds,
// both of which mean something else, or nothing, on another machine.
func IsZone(name string) bool {
	if slices.Contains([]string{"", "Local", "localtime", "posixrules", "Factory"}, name) ||
		strings.HasPrefix(name, "posix/") || strings.HasPrefix(name, "right/") {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}
