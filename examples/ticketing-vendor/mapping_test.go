package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden file anew")

func TestMapping(t *testing.T) {
	t.Parallel()
	records, total, err := read(filepath.Join("testdata", "page*.json"))
	require.NoError(t, err)
	require.Len(t, records, 4)
	require.Equal(t, "164.00", total.FloatString(2))
	got, err := json.MarshalIndent(records, "", "  ")
	require.NoError(t, err)
	golden := filepath.Join("testdata", "records.golden.json")
	if *update {
		require.NoError(t, os.WriteFile(golden, append(got, '\n'), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got))
}

func TestCancelledWithAKeptFee(t *testing.T) {
	t.Parallel()
	require.Equal(t, "cancelled", order{Status: "p"}.state())
	require.Equal(t, "cancelled", order{Status: "c", Positions: []position{{}}}.state())
	require.Equal(t, "reserved", order{Status: "n", Positions: []position{{}}}.state())
	require.Equal(t, int64(550), basisPoints("5.50"))
}
