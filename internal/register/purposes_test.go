package register_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// A key bound to a purpose of consent knows those who consented, by the way of
// reaching them for which they did, and forgets them with the withdrawal.
func TestABoundKeySeesWhoConsented(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	purpose(t, app, "newsletter", "consent", "identity", "contact_point")
	yes, no := person(t, app, "Oui"), person(t, app, "Non")
	yes.says(app.Client, "newsletter", "given", nil).Is(http.StatusCreated)
	key := bound(t, app, []string{"contacts:read", "consents:read", "consents:write", "ticketing:read", "events:read"}, "newsletter")

	key.Get("/v1/contacts/" + yes.id).Is(http.StatusOK)
	key.Get("/v1/contacts/"+no.id).Problem(http.StatusNotFound, "not-found")
	require.Equal(t, []string{yes.id}, idsOf(key.Get("/v1/contacts")))
	require.Equal(t, []string{yes.id}, idsOf(key.Get("/v1/contacts?expand=contact_points")))
	require.Equal(t, []string{yes.id}, idsOf(key.Post("/v1/contacts/search", map[string]any{"filter": map[string]any{"field": "kind", "op": "eq", "value": "person"}})))
	require.Empty(t, idsOf(key.Get("/v1/contacts?email=Non@example.org")))
	require.Empty(t, idsOf(key.Get("/v1/contacts?q=Non")))
	require.EqualValues(t, 1, key.Get("/v1/contacts?count=exact").Is(http.StatusOK).JSON()["total_count"])
	key.Get("/v1/contacts/by-external-id/vendor/Non").Problem(http.StatusNotFound, "not-found")
	key.Get("/v1/contacts/by-external-id/vendor/Oui").Is(http.StatusOK)
	key.Get("/v1/contacts/"+no.id+"/orders").Problem(http.StatusNotFound, "not-found")
	key.Get("/v1/contacts/"+no.id+"/consents").Problem(http.StatusNotFound, "not-found")

	require.Equal(t, []string{yes.email}, idsOf(key.Get("/v1/contacts/"+yes.id+"/contact-points")), "the number was not consented to")
	key.Get("/v1/contacts/"+yes.id+"/contact-points/"+yes.phone).Problem(http.StatusNotFound, "not-found")
	require.Empty(t, idsOf(key.Get("/v1/contacts?phone="+"%2B"+phoneOf("Oui")[1:])), "nobody is found by a number that was not consented to")

	yes.says(key, "newsletter", "withdrawn", nil).Is(http.StatusCreated)
	key.Get("/v1/contacts/"+yes.id).Problem(http.StatusNotFound, "not-found")
	require.Empty(t, idsOf(key.Get("/v1/contacts")))
	require.Empty(t, idsOf(key.Get("/v1/consents")))
	app.Get("/v1/contacts/" + yes.id).Is(http.StatusOK)
}

// Time ends a basis without anybody writing anything.
func TestAConsentThatEndsIsForgotten(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Now())
	app := parvistest.New(t, parvistest.WithClock(now))
	purpose(t, app, "newsletter", "consent", "identity", "contact_point")
	p := person(t, app, "Brève")
	p.says(app.Client, "newsletter", "given", map[string]any{"expires_at": now.Now().Add(time.Hour).Format(time.RFC3339Nano)}).Is(http.StatusCreated)
	key := bound(t, app, []string{"contacts:read"}, "newsletter")
	key.Get("/v1/contacts/" + p.id).Is(http.StatusOK)
	now.Advance(59 * time.Minute)
	key.Get("/v1/contacts/" + p.id).Is(http.StatusOK)
	require.Len(t, idsOf(key.Get("/v1/contacts")), 1)
	now.Advance(time.Minute)
	key.Get("/v1/contacts/"+p.id).Problem(http.StatusNotFound, "not-found")
	require.Empty(t, idsOf(key.Get("/v1/contacts")))
}

// Without consent as its basis a purpose concerns everybody who did not object.
func TestOtherBasesConcernWhoDidNotObject(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	id := purpose(t, app, "subscribers", "legitimate_interests", "identity", "contact_point")
	a, b := person(t, app, "Alix"), person(t, app, "Basile")
	key := bound(t, app, []string{"contacts:read"}, "subscribers")
	require.ElementsMatch(t, []string{a.id, b.id}, idsOf(key.Get("/v1/contacts")))
	require.Len(t, idsOf(key.Get("/v1/contacts/"+a.id+"/contact-points")), 2)
	a.says(app.Client, "subscribers", "refused", nil).Is(http.StatusCreated)
	require.Equal(t, []string{b.id}, idsOf(key.Get("/v1/contacts")))
	key.Get("/v1/contacts/"+a.id).Problem(http.StatusNotFound, "not-found")

	app.Patch("/v1/purposes/"+id, map[string]any{"archived": true}).Is(http.StatusOK)
	require.Empty(t, idsOf(key.Get("/v1/contacts")), "an archived purpose permits nothing")
}

// The header narrows whatever credential it comes with, and widens none.
func TestTheHeaderNarrows(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	purpose(t, app, "newsletter", "consent", "identity", "contact_point")
	purpose(t, app, "partners", "consent", "identity")
	a, b := person(t, app, "Alix"), person(t, app, "Basile")
	a.says(app.Client, "newsletter", "given", nil).Is(http.StatusCreated)
	b.says(app.Client, "partners", "given", nil).Is(http.StatusCreated)
	under := func(code string) parvistest.RequestOption { return parvistest.Header("Parvis-Purpose", code) }
	require.Equal(t, []string{a.id}, idsOf(app.Get("/v1/contacts", under("newsletter"))))
	require.Equal(t, []string{b.id}, idsOf(app.Get("/v1/contacts", under("partners"))))
	app.Get("/v1/contacts/"+b.id, under("newsletter")).Problem(http.StatusNotFound, "not-found")
	app.Get("/v1/contacts", under("nonsense")).Problem(http.StatusBadRequest, "invalid-request")
	app.Post("/v1/exports", map[string]any{}, under("newsletter")).Problem(http.StatusForbidden, "outside-purpose")

	both := bound(t, app, []string{"contacts:read"}, "newsletter", "partners")
	require.Len(t, idsOf(both.Get("/v1/contacts")), 2)
	require.Equal(t, []string{b.id}, idsOf(both.Get("/v1/contacts", under("partners"))))
	require.Empty(t, idsOf(both.Get("/v1/contacts/"+b.id+"/contact-points", under("partners"))), "partners list no contact points")
	one := bound(t, app, []string{"contacts:read"}, "newsletter")
	one.Get("/v1/contacts", under("partners")).Problem(http.StatusForbidden, "purpose-not-held")
}

// Every read for a purpose has a receipt, which is its entry in the log of reads.
func TestReadsForAPurposeHaveAReceipt(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	purpose(t, app, "newsletter", "consent", "identity")
	p := person(t, app, "Alix")
	p.says(app.Client, "newsletter", "given", nil).Is(http.StatusCreated)
	key := bound(t, app, []string{"contacts:read"}, "newsletter")
	receipt := key.Get("/v1/contacts/" + p.id).Is(http.StatusOK).Header.Get("Parvis-Receipt")
	require.NotEmpty(t, receipt)
	require.NotEmpty(t, key.Get("/v1/contacts?q=nobody").Is(http.StatusOK).Header.Get("Parvis-Receipt"), "finding nobody is an answer too")
	require.Empty(t, app.Get("/v1/contacts/"+p.id).Header.Get("Parvis-Receipt"))
	parvistest.Eventually(t, "the read is in the log", func() bool {
		for _, r := range app.Get("/v1/audit/reads").Is(http.StatusOK).Data() {
			if r["id"] == receipt {
				return r["purpose"] == "newsletter"
			}
		}
		return false
	})
}
