package web_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/web"
)

func TestWholeNumbersAreReadHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1": "1", "1.0": "1", "1e2": "100", "1.50E+2": "150", "-0.0": "0", "1.5": "1.5", "1e-1": "1e-1", "1e400": "1e400", "1e99": "1e99",
		"9007199254740993": "9007199254740993", "1.00000000000000001": "1.00000000000000001",
	} {
		value, err := web.DecodeJSON([]byte(`{"a":[true,` + text + `]}`))
		require.NoError(t, err, text)
		require.Equal(t, map[string]any{"a": []any{true, json.Number(want)}}, value, text)
	}
}
