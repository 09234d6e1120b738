package web_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/web"
)

// BenchmarkMaskAnswer is what a reader who does not see all classes costs.
func BenchmarkMaskAnswer(b *testing.B) {
	classes, err := web.ContractClasses()
	require.NoError(b, err)
	body := []byte(`{"object":"contact","id":"01900000-0000-7000-8000-000000000002","kind":"person","civility":"mme","title":null,"given_name":"Anne","given_names":null,` +
		`"family_name":"Durand","birth_name":"Le Goff","particle":null,"name_suffix":null,"nickname":null,"birthdate":"1970-01-01","legal_name":null,"trade_name":null,` +
		`"organisation_type":null,"siren":null,"siret":null,"rna":null,"website":null,"locale":"fr-FR","zoneinfo":null,"display_name":"Anne Durand","sort_name":"durand anne",` +
		`"contact_points":null,"addresses":null,"tags":null,"external_ids":null,"source":"api","archived_at":null,"purge_after":null,"version":3,` +
		`"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","is_restricted":false,"viewer_ids":[],"department_ids":[],"owner_id":null}`)
	actor := web.Actor{Readable: []string{"identity"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := classes.MaskAnswer(actor, "getContact", "200", body); err != nil {
			b.Fatal(err)
		}
	}
}
