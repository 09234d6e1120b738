package accounts_test

import (
	"testing"
)

func TestWhoMaySeeToUsersAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := "/v1/users/" + w.ines
	w.As("users:read").Post(at+"/invitations", nil).Problem(403, "insufficient-scope")
	w.As("users:read").Post(at+"/end-sessions", nil).Problem(403, "insufficient-scope")
	w.As("users:write").Post(at+"/invitations", nil).Is(202)
	w.As("users:write").Post(at+"/end-sessions", nil).Is(200)
	w.Anonymous().Post(at+"/invitations", nil).Is(401)
}

// A program has neither sessions nor a password, whatever its rights.
func TestAProgramHasNoAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Post("/v1/sessions/sign-out", nil).Problem(403, "not-a-person")
	w.Post("/v1/sessions/end-all", object{}).Problem(403, "not-a-person")
	w.Post("/v1/account/password", object{"current_password": good, "new_password": better}).Problem(403, "not-a-person")
	if len(w.Get("/v1/sessions").Is(200).Data()) != 0 {
		t.Error("a key has sessions")
	}
	w.As("users:read").Get("/v1/sessions").Problem(403, "insufficient-scope")
}

// Nobody sees to another user's sessions without the right to users.
func TestAUserHasOnlyTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	luc := w.user("luc@arcades.example", "Luc")
	w.register(luc, "luc@arcades.example", better)
	ines, other := w.signedIn(), w.signIn("luc@arcades.example", better).Is(201).JSON()
	w.as(other).Post("/v1/sessions/"+ines["session_id"].(string)+"/end", nil).Problem(404, "not-found")
	w.as(other).Post("/v1/users/"+w.ines+"/end-sessions", nil).Problem(403, "insufficient-scope")
	if n := len(w.as(other).Get("/v1/sessions").Is(200).Data()); n != 1 {
		t.Errorf("%d sessions", n)
	}
	w.as(other).Post("/v1/sessions/end-all", object{}).Is(200)
	w.as(ines).Get("/v1/me").Is(200)
}
