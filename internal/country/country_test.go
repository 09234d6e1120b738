package country_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/country"
)

func TestExists(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"FR", "GB", "BQ", "MQ", "CH", "XK"} {
		require.True(t, country.Exists(code), code)
	}
	for _, code := range []string{"", "F", "fr", "FRA", "250", "UK", "AN", "YU", "ZZ", "EU", "XX"} {
		require.False(t, country.Exists(code), code)
	}
}
