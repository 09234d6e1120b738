package transfers_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/transfers"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// The proof may end after the last record is loaded: what it finds then must
// leave as little behind as what it finds at once.
func TestNothingStaysOfWhatIsNotProven(t *testing.T) {
	t.Parallel()
	here, there := parvistest.New(t), parvistest.New(t)
	furnish(t, here, here.Tenant)
	_, a := export(t, here, here.Tenant)
	flaw := &archive.Flaw{File: "data/tags.ndjson", What: "was altered"}

	_, err := there.Transfers().Load(t.Context(), a, here.Tenant, transfers.Import{}, func(int64) error { return nil }, func() error { return flaw })
	require.ErrorIs(t, err, flaw)
	require.Zero(t, count(t, there, "select (select count(*) from tenants where tenant_id = $1) + (select count(*) from contacts where tenant_id = $1)", here.Tenant))

	in, err := there.Transfers().Read(t.Context(), a, transfers.Import{})
	require.NoError(t, err, "and the same archive can come again")
	require.Equal(t, a.Manifest.Rows(), in.Rows)
}
