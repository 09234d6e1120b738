package signin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// What one institution has agreed with a provider is nothing to another.
func TestSignInsOfAnotherInstitution(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.OtherTenant()
	at := "/v1/identity-providers/" + w.id + "/sign-in"
	other.Get(at).Problem(404, "not-found")
	other.Put(at, object{"client_id": clientID, "client_secret": clientSecret}).Problem(404, "not-found")
	institution := other.Get("/v1/institution").Is(200).ID()
	require.Empty(t, w.Anonymous().Get("/v1/public/institutions/"+institution+"/identity-providers").Is(200).Data())
	w.start(object{"institution_id": institution}).Problem(422, "invalid") // its return addresses are its own
	other.Patch("/v1/sign-in-policy", object{"return_addresses": []string{returnTo}}).Is(200)
	w.start(object{"institution_id": institution}).Problem(404, "not-found")

	// The same provider, agreed with by both: whoever signs in does so to one.
	theirs := other.Post("/v1/identity-providers", object{
		"name": "ProConnect", "issuer": w.idp.issuer, "audience": clientID, "accepts_bearer_tokens": false, "provision": "on_first_use",
	}).Is(201).ID()
	other.Put("/v1/identity-providers/"+theirs+"/sign-in", object{
		"client_id": clientID, "client_secret": clientSecret, "authentication": "client_secret_post", "userinfo": "jwt", "uses_pkce": false,
	}).Is(200)
	ours := w.signIn(nil)
	theirUser := w.signIn(object{"institution_id": institution, "identity_provider_id": theirs})
	require.NotEqual(t, ours["user_id"], theirUser["user_id"])
	require.Equal(t, "Musée des Ailleurs", w.as(theirUser).Get("/v1/me").Is(200).JSON()["institution"].(object)["name"])

	user := ours["user_id"].(string)
	other.Get("/v1/users/"+user+"/identities").Problem(404, "not-found")
	link := object{"issuer": w.idp.issuer, "subject": "agent-5"}
	other.Post("/v1/users/"+user+"/identities", link).Problem(404, "not-found")
	made := w.Post("/v1/users/"+user+"/identities", link).Is(201).ID()
	other.Post("/v1/users/"+theirUser["user_id"].(string)+"/identities/"+made+"/unlink", nil, parvistest.Header("Idempotency-Key", "")).Problem(404, "not-found")
}
