package config_test

import (
	"os"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
)

// Every setting is in the table that operators read.
func TestSettingsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/running.md")
	require.NoError(t, err)
	for field := range reflect.TypeFor[config.Config]().Fields() {
		name := field.Tag.Get("env")
		require.Contains(t, string(page), "| `"+name+"` |")
	}
}

func TestValidateNamesEveryMistake(t *testing.T) {
	t.Parallel()
	err := config.Config{PublicURL: "no url", RateDefault: 0, LogFormat: "xml"}.Validate()
	require.ErrorContains(t, err, "PARVIS_PUBLIC_URL")
	require.ErrorContains(t, err, "PARVIS_RATE_")
	require.ErrorContains(t, err, "PARVIS_LOG_FORMAT")
}
