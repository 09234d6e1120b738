package transfers_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/transfers"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

func TestWhatLeavesComesInUnchanged(t *testing.T) {
	t.Parallel()
	here, there := parvistest.New(t), parvistest.New(t)
	unsealed(t, here, here.Tenant)
	unsealed(t, there, here.Tenant)
	furnish(t, here, here.Tenant)

	_, first := export(t, here, here.Tenant)
	report, err := archive.Verify(t.Context(), first, nil)
	require.NoError(t, err)
	require.GreaterOrEqual(t, report.Events, int64(50))
	require.Positive(t, report.References)

	imported, err := there.Transfers().Read(t.Context(), first, transfers.Import{})
	require.NoError(t, err)
	require.Equal(t, here.Tenant, imported.Tenant)
	require.Equal(t, first.Manifest.Rows(), imported.Rows)

	_, second := export(t, there, here.Tenant)
	_, err = archive.Verify(t.Context(), second, nil)
	require.NoError(t, err)
	before, after := data(t, first), data(t, second)
	var without []string
	for table, content := range before {
		if content == "" && table != "event_queue" {
			without = append(without, table)
		}
		require.Equal(t, content, after[table], table)
	}
	require.Empty(t, without, "the fixture has nothing in these tables")
	require.Len(t, after, len(before))
	require.Equal(t, first.Manifest.EventLog, second.Manifest.EventLog)
	differences, err := archive.Compare(t.Context(), first, second, 10)
	require.NoError(t, err)
	require.Empty(t, differences)
}

// What waits is sealed before an archive is begun, or it would be sealed where
// the archive arrives, and the next one would differ.
func TestReadsThatWaitAreSealedBeforeTheyLeave(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	furnish(t, app, app.Tenant)
	_, a := export(t, app, app.Tenant)
	left := data(t, a)
	require.Empty(t, left["audit_unsealed"])
	require.Contains(t, left["audit_batches"], `"log":"reads"`)
	_, err := archive.Verify(t.Context(), a, nil)
	require.NoError(t, err)
}
