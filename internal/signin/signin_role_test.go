package signin_test

import "testing"

// Whoever says how people sign in can be anybody.
func TestOnlyWhoMayDoEverythingSaysHowPeopleSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := "/v1/identity-providers/" + w.id + "/sign-in"
	body := object{"client_id": clientID, "client_secret": clientSecret}
	w.As("identity-providers:read").Put(at, body).Problem(403, "insufficient-scope")
	w.As("identity-providers:write", "users:write").Put(at, body).Problem(403, "rights-exceeded")
	w.As("identity-providers:read").Get(at).Is(200)
	w.As("users:read").Get(at).Problem(403, "insufficient-scope")
	w.As("users:read").Patch("/v1/sign-in-policy", object{"return_addresses": []string{}}).Problem(403, "insufficient-scope")
}

// A further identity is a way in: nobody gives one to somebody who may do more
// than they.
func TestIdentitiesAreNotGivenUpwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	chief := w.Post("/v1/users", object{"email": "chief@arcades.example", "name": "Chief", "scopes": []string{"*"}}).Is(201).ID()
	link := object{"issuer": w.idp.issuer, "subject": "agent-7"}
	w.As("users:read").Post("/v1/users/"+chief+"/identities", link).Problem(403, "insufficient-scope")
	w.As("users:write", "users:read").Post("/v1/users/"+chief+"/identities", link).Problem(403, "rights-exceeded")
	made := w.Post("/v1/users/"+chief+"/identities", link).Is(201)
	w.As("users:write", "users:read").Post("/v1/users/"+chief+"/identities/"+made.ID()+"/unlink", nil).Problem(403, "rights-exceeded")
	w.As("users:read").Get("/v1/users/" + chief + "/identities").Is(200)
}

func TestAProgramHasNothingToSignOutOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Post("/v1/sign-ins/sign-out", object{}).Problem(403, "not-a-person")
}
