package ticketing

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// FuzzUnderstand: whatever a record holds, it is read or refused with a fault,
// and reading it twice gives the same position.
func FuzzUnderstand(f *testing.F) {
	names := []string{}
	for _, name := range RecordSchemas() {
		names = append(names, name)
	}
	schemas, err := web.ContractSchemas(names...)
	require.NoError(f, err)
	s := &Service{schemas: schemas}
	source := Source{Code: "x", Currency: "EUR", TimeZone: "Europe/Paris"}
	f.Add("order", `{"commercial_state":"confirmed","lines":[{"external_id":"t","amount":"1.00"}]}`)
	f.Add("order", `{"commercial_state":"confirmed","currency":"JPY","placed_at":"0000-01-01T00:00:00Z","lines":[{"external_id":"t","amount":"1.5"}]}`)
	f.Add("performance", `{"starts_at":"2016-12-31T23:59:60Z"}`)
	f.Add("customer", `{"email":"","birthdate":"2000-02-30"}`)
	f.Add("production", `{"name":{"fr":"x"}}`)
	f.Add("price_type", `{"name":{},"class":"full"}`)
	f.Fuzz(func(t *testing.T, kind, data string) {
		var document map[string]any
		if json.Unmarshal([]byte(data), &document) != nil {
			return
		}
		at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		first, err := s.understand(Input{Kind: kind, ExternalID: "x", Data: document}, source, at)
		if err != nil {
			_, ok := fault.As(err)
			require.True(t, ok, "%v", err)
			return
		}
		second, err := s.understand(Input{Kind: kind, ExternalID: "x", Data: document}, source, at)
		require.NoError(t, err)
		require.Zero(t, first.position.compare(second.position))
	})
}
