package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatAContactMayUse(t *testing.T) {
	t.Parallel()
	app := institution(t)
	r := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	who := r["contact_id"].(string)
	send(app.Client,
		record("product", "carte", t1, m{"name": m{"fr": "Carte six"}, "kind": "pass", "usage_limit": 6, "grace_days": 30, "benefits": []string{"priority", "reduced_price"}}),
		record("membership", "runs", t1, m{"order": "o1", "number": "M1", "kind": "pass", "product": "carte", "valid_from": "2026-09-01", "valid_to": "2036-08-31", "usages": 2, "benefits": []string{"guest", "priority"}}),
		record("membership", "ended", t1, m{"order": "o1", "product": "carte", "valid_from": "2024-09-01", "valid_to": "2025-08-31"}),
		record("membership", "used", t1, m{"order": "o1", "product": "carte", "valid_from": "2026-09-01", "valid_to": "2036-08-31", "usages": 6}),
		record("gift_card", "full", t1, m{"order": "o1", "balance": "32.00", "last_four": "7Q2K"}),
		record("gift_card", "empty", t1, m{"order": "o1", "balance": "0.00"}),
		record("gift_card", "late", t1, m{"order": "o1", "balance": "5.00", "expires_at": "2026-01-01T00:00:00Z"}))
	e := app.Get("/v1/contacts/" + who + "/entitlements").Is(200).JSON()
	require.Len(t, e["memberships"], 1)
	one := e["memberships"].([]any)[0].(m)
	require.Equal(t, []any{"M1", "active", 4.0, []any{"priority", "reduced_price", "guest"}, m{"fr": "Carte six"}},
		[]any{one["number"], one["status"], one["remaining_uses"], one["benefits"], one["name"]})
	require.Len(t, e["gift_cards"], 1)
	require.Equal(t, []any{"7Q2K", m{"amount": "32.00", "currency": "EUR"}}, []any{e["gift_cards"].([]any)[0].(m)["last_four"], e["gift_cards"].([]any)[0].(m)["balance"]})

	then := app.Get("/v1/contacts/" + who + "/entitlements?as_of=2025-09-10T10:00:00Z").Is(200).JSON()
	require.Equal(t, "grace", then["memberships"].([]any)[0].(m)["status"])
	require.Len(t, then["gift_cards"], 2, "it had not expired then")
	require.Empty(t, app.Get("/v1/contacts/" + person(app, "Yann", "Ozanne", nil) + "/entitlements").Is(200).JSON()["memberships"])

	app.Get("/v1/contacts/0199c0de-7b11-7e0a-9d1f-5b8f0a3b9fff/entitlements").Problem(404, "not-found")
	app.OtherTenant().Get("/v1/contacts/"+who+"/entitlements").Problem(404, "not-found")
	app.As("contacts:read").Get("/v1/contacts/"+who+"/entitlements").Problem(403, "insufficient-scope")
}
