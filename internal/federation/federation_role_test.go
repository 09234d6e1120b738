package federation_test

import "testing"

// Whoever trusts an issuer trusts it with everybody's rights.
func TestOnlyWhoMayDoEverythingTrusts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trust(w.As("identity-providers:read"), nil).Problem(403, "insufficient-scope")
	w.trust(w.As("identity-providers:write", "users:write"), nil).Problem(403, "rights-exceeded")
	made := w.trust(w.Client, nil).Is(201)
	w.As("identity-providers:write").Patch("/v1/identity-providers/"+made.ID(), object{"is_enabled": false}).Problem(403, "rights-exceeded")
	w.As("identity-providers:read").Get("/v1/identity-providers/" + made.ID()).Is(200)
	w.As("users:read").Get("/v1/identity-providers").Problem(403, "insufficient-scope")
}
