package clock_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
)

func TestOnlyNamesOfTheDatabaseAreZones(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Paris", "UTC", "Etc/GMT-14", "America/Argentina/Ushuaia", "Pacific/Tahiti"} {
		require.True(t, clock.IsZone(name), name)
	}
	for _, name := range []string{"", "Local", "localtime", "posixrules", "Factory", "posix/Europe/Paris", "right/Europe/Paris", "Mars/Phobos", "../etc/passwd", "/etc/localtime", "Europe/Paris\x00", "tzdata.zi", "zone.tab"} {
		require.False(t, clock.IsZone(name), name)
	}
}
