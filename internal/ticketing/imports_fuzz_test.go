package ticketing

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// FuzzFileOfRecords: whatever is in a file, its records are read or refused with
// a fault, of texts that can be kept, and telling them apart only, as is done to
// count them and to go on, finds as many on the same lines.
func FuzzFileOfRecords(f *testing.F) {
	names := []string{BatchRecordSchema}
	for _, name := range RecordSchemas() {
		names = append(names, name)
	}
	schemas, err := web.ContractSchemas(names...)
	require.NoError(f, err)
	f.Add("csv", "order", "external_id;commercial_state;lines.external_id;lines.amount\no1;confirmed;t1;1.00\no1;confirmed;t2;2.00\n\"o2\n\";;;\n")
	f.Add("csv", "order", "external_id,lines.amount\na,1\nb\"c,2\na,3\n,\n\x00,1\n\xff,1\n")
	f.Add("csv", "customer", "\ufeffexternal_id,source_version,email_verified,address.city\nc,007,oui,\"A\"\"B\"\n\"c,,,\n")
	f.Add("csv", "gift_card", "external_id,transactions.external_id,transactions.amount\ng,a,1\ng,a,1\ng,b,\n")
	f.Add("ndjson", "", "{\"kind\":\"order\",\"external_id\":\"x\",\"source_version\":1e3}\n\n[]\n{\"kind\":1}\nnull")
	f.Fuzz(func(t *testing.T, format, kind, file string) {
		if _, known := RecordSchemas()[kind]; format == formatCSV && !known {
			return
		}
		read := func(build bool) (lines []int64, end error) {
			r, err := readRecords(strings.NewReader(file), importParameters{Format: format, Kind: kind}, schemas)
			if err != nil {
				return nil, err
			}
			for {
				one, err := r.next(build)
				if err != nil {
					return lines, err
				}
				require.Positive(t, one.line)
				require.Empty(t, web.CheckText(one.input.ExternalID))
				require.Empty(t, web.CheckText(one.input.Kind))
				if one.wrong != nil {
					for _, v := range one.wrong.Violations {
						require.Positive(t, one.blame(v.Pointer))
						require.Empty(t, web.CheckText(v.Pointer))
					}
				}
				lines = append(lines, one.line)
			}
		}
		lines, end := read(true)
		again, endAgain := read(false)
		require.Equal(t, lines, again)
		require.Equal(t, errors.Is(end, io.EOF), errors.Is(endAgain, io.EOF))
		require.True(t, slices.IsSorted(lines))
		if !errors.Is(end, io.EOF) {
			_, ok := fault.As(end)
			require.True(t, ok, "%v", end)
		}
	})
}
