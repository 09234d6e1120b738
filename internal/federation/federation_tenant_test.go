package federation_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Two institutions trust one issuer: every token is meant for one of them.
func TestTwoInstitutionsTrustOneIssuer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.OtherTenant()
	made := w.trust(w.Client, nil).Is(201)
	other.Get("/v1/identity-providers/"+made.ID()).Problem(404, "not-found")
	other.Patch("/v1/identity-providers/"+made.ID(), object{"is_enabled": false}).Problem(404, "not-found")
	w.trust(other, nil).Problem(409, "issuer-shared")
	w.trust(other, object{"tenant_claim": "org", "tenant_value": "ailleurs"}).Problem(409, "issuer-shared")
	w.trust(other, object{"audience": "https://crm.ailleurs.example"}).Is(201)
	w.clock.Advance(2 * time.Second)
	institution := func(changes object) any {
		return w.good(changes).Get("/v1/me").Is(200).JSON()["institution"].(object)["name"]
	}
	require.Equal(t, "Théâtre des Arcades", institution(nil))
	require.Equal(t, "Musée des Ailleurs", institution(object{"aud": "https://crm.ailleurs.example"}))
	w.good(object{"aud": []string{audience, "https://crm.ailleurs.example"}}).Get("/v1/me").Problem(401, "unauthenticated")
}

func TestAClaimTellsInstitutionsApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.OtherTenant()
	w.trust(w.Client, object{"tenant_claim": "org", "tenant_value": "arcades"}).Is(201)
	w.trust(other, object{"tenant_claim": "org", "tenant_value": "arcades"}).Problem(409, "issuer-shared")
	w.trust(other, object{"tenant_claim": "org", "tenant_value": "ailleurs"}).Is(201)
	w.clock.Advance(2 * time.Second)
	w.good(nil).Get("/v1/me").Problem(401, "unauthenticated")
	w.good(object{"org": "nowhere"}).Get("/v1/me").Problem(401, "unauthenticated")
	ours := w.good(object{"org": "arcades"}).Get("/v1/me").Is(200).JSON()
	theirs := w.good(object{"org": "ailleurs"}).Get("/v1/me").Is(200).JSON()
	require.NotEqual(t, ours["institution"].(object)["id"], theirs["institution"].(object)["id"])
	require.NotEqual(t, ours["actor"].(object)["id"], theirs["actor"].(object)["id"])
}
