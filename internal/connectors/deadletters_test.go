package connectors_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// A vendor's record without a name is put aside, and what stands behind it is read.
func TestARecordWithoutANameStopsNothing(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	vendor.Put("customers", pretixtest.Customer("", "ana@courriel.example", "Ana", "Moreau", time.Now(), nil))
	vendor.Put("customers", pretixtest.Customer("K1", "odile@courriel.example", "Odile", "Ferrandis", time.Now(), nil))
	connect(app, vendor)
	parvistest.Eventually(t, "it to be put aside", func() bool {
		return len(app.Get(base+"/dead-letters").Is(200).Data()) > 0
	})
	parvistest.Eventually(t, "the rest to be read", func() bool {
		return app.Get(base+"/records/customer/K1").Status == 200
	})
	var unnamed int
	for _, d := range app.Get(base + "/dead-letters").Is(200).Data() {
		if strings.HasPrefix(d["external_id"].(string), "unnamed-") {
			unnamed++
		}
	}
	require.Positive(t, unnamed)
}
