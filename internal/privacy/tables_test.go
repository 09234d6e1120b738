package privacy_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// about are the tables that name contacts, with what becomes of their rows when
// one is erased. Who adds one decides it, has its domain let go, and plants it in
// TestNothingOfSomebodyWhoIsErasedIsLeft.
var about = map[string]string{
	"contact_points": "removed", "addresses": "removed", "contact_external_ids": "removed", "contact_tags": "removed", "contact_search": "removed",
	"contact_departments": "stays: who may learn that it was erased", "contact_bases": "removed", "contact_erased_names": "made by it", "privacy_erasures": "made by it",
	"sensitive_facts": "removed", "consents": "emptied", "preference_links": "removed", "form_submissions": "emptied",
	"contact_indicators": "removed", "contact_indicator_nets": "removed", "indicator_notes": "identifiers, gone with the next count",
	"ticketing_customers": "emptied", "ticketing_orders": "emptied", "ticketing_lines": "emptied", "ticketing_memberships": "emptied", "ticketing_gift_cards": "emptied", "ticketing_vouchers": "emptied",
	"ticketing_group_bookings": "emptied", "ticketing_decisions": "emptied", "ticketing_reviews": "emptied", "ticketing_review_candidates": "removed",
	"ticketing_household_proposals": "removed", "ticketing_moves": "removed", "ticketing_rematches": "identifiers, gone with the next look",
}

func TestEveryTableThatNamesContactsIsDecided(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), parvistest.Database(t).OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	// By a column called so, or by a foreign key.
	rows, err := conn.Query(t.Context(), `
		select distinct c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid
		where c.relnamespace in ('crm'::regnamespace, 'teleservice'::regnamespace) and c.relkind in ('r', 'p') and a.attnum > 0 and a.attname ~ '(^|_)contact_id$'
		union select conrelid::regclass::text from pg_constraint where contype = 'f' and confrelid = 'crm.contacts'::regclass`)
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	found := map[string]bool{}
	for _, name := range names {
		if name = strings.TrimPrefix(name, "crm."); name != "contacts" && about[name] == "" {
			t.Errorf("%s names contacts: decide what becomes of its rows when one is erased", name)
		}
		found[name] = true
	}
	for name := range about {
		if !found[name] {
			t.Errorf("%s names no contacts any more", name)
		}
	}
}
