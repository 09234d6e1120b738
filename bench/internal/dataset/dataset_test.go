package dataset_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/bench/internal/dataset"
)

func TestTheSamePeopleEveryTime(t *testing.T) {
	t.Parallel()
	twins, first := 0, 0
	for i := range 20_000 {
		p := dataset.At(i)
		require.Equal(t, p, dataset.At(i))
		require.NotEmpty(t, p.Given)
		if p.TwinOf >= 0 {
			twins++
			require.Less(t, p.TwinOf, i)
			require.NotEmpty(t, p.Family)
		}
		if p.Tenant == 0 {
			first++
		}
	}
	require.InDelta(t, 0.03, float64(twins)/20_000, 0.005)
	require.InDelta(t, 0.9, float64(first)/20_000, 0.001)
}

func TestIdentifiersCanBeComputedInSQL(t *testing.T) {
	t.Parallel()
	require.Equal(t, "01900000-0000-7000-8000-00000000002a", dataset.ContactID(42).String())
	require.Equal(t, "01910000-0000-7000-8000-000000000055", dataset.PointID(42, 1).String())
	require.Equal(t, "01800000-0000-7000-8000-000000000003", dataset.TenantID(3).String())
}

func TestTheSameHistoryEveryTime(t *testing.T) {
	t.Parallel()
	const people = 20_000
	tickets, answers, tags, seen := 0, 0, 0, map[string]bool{}
	for k := range people * dataset.OrdersPerContact {
		o := dataset.OrderAt(k, people)
		require.Equal(t, o, dataset.OrderAt(k, people))
		require.Less(t, o.Buyer, people)
		require.False(t, seen[o.ID().String()])
		seen[o.ID().String()] = true
		tickets += len(o.Tickets)
	}
	for i := range people {
		p := dataset.At(i)
		answers += len(dataset.AnswersOf(p))
		tags += len(dataset.TagsOf(p))
	}
	require.InDelta(t, 1.5, float64(tickets)/float64(people*dataset.OrdersPerContact), 0.02)
	require.InDelta(t, 1, float64(answers)/people, 0.05)
	require.InDelta(t, 0.6, float64(tags)/people, 0.02)
}
