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
			require.NotEqual(t, p.Family, "")
		}
		if p.Tenant == 0 {
			first++
		}
	}
	require.InDelta(t, 0.03, float64(twins)/20_000, 0.005)
	require.InDelta(t, 0.9, float64(first)/20_000, 0.001)
}
