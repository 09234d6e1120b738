package port_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

func TestCents(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"1400": "14.00", "5": "0.05", "-250": "-2.50", "0": "0.00", `"1999"`: "19.99", `"not money"`: "not money", "12.5": "12.5", "null": "", "123456789": "1234567.89"} {
		var c port.Cents
		require.NoError(t, json.Unmarshal([]byte(text), &c))
		require.Equal(t, want, c.Decimal(), text)
	}
}

// Clocks in Paris went back at three on 25 October 2026: half past two was there
// twice, the first time at half past midnight in Greenwich.
func TestTimesWithoutAnOffset(t *testing.T) {
	t.Parallel()
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	for text, want := range map[string]string{
		"2026-10-24 20:30:00": "2026-10-24T18:30:00Z", "2026-10-25 02:30:00": "2026-10-25T00:30:00Z", "2026-10-25 16:00:00": "2026-10-25T15:00:00Z",
		"2026-07-10T20:41:09+03:00": "2026-07-10T17:41:09Z", "2026-12-01": "2026-11-30T23:00:00Z",
	} {
		got := port.Local(text, paris)
		require.NotNil(t, got, text)
		require.Equal(t, want, got.UTC().Format(time.RFC3339), text)
	}
	for _, text := range []string{"", "0000-00-00 00:00:00", "soon"} {
		require.Nil(t, port.Local(text, paris), text)
	}
}

func TestLoose(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{`"12.50"`: "12.50", `12.5`: "12.50", `"7,90"`: "7.90", `9`: "9.00", `"-3.05"`: "-3.05", `"0.30"`: "0.30", `"1.005"`: "1.005", `"free"`: "free", `null`: "", `{}`: ""} {
		var l port.Loose
		require.NoError(t, json.Unmarshal([]byte(text), &l))
		require.Equal(t, want, l.Amount(), text)
	}
	for text, want := range map[string]bool{`"0"`: false, `0`: false, `false`: false, `""`: false, `null`: false, `"1"`: true, `1`: true, `true`: true} {
		var l port.Loose
		require.NoError(t, json.Unmarshal([]byte(text), &l))
		require.Equal(t, want, l.Yes(), text)
	}
}
