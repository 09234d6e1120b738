package accounts_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestOthersReachNoAccountOfOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	ours := w.signedIn()
	other := w.OtherTenant()
	other.Post("/v1/users/"+w.ines+"/invitations", nil).Problem(404, "not-found")
	other.Post("/v1/users/"+w.ines+"/end-sessions", nil).Problem(404, "not-found")
	other.Post("/v1/sessions/"+ours["session_id"].(string)+"/end", nil).Problem(404, "not-found")
	w.as(ours).Get("/v1/me").Is(200)

	// The same address elsewhere is another account, with another password and its own count.
	theirs := other.Get("/v1/me").Is(200).JSON()["institution"].(object)["id"]
	id := other.Post("/v1/users", object{"email": inesMail, "name": "Inès", "scopes": []string{}}).Is(201).ID()
	before := len(w.mailed(inesMail))
	other.Post("/v1/users/"+id+"/invitations", nil).Is(202)
	parvistest.Eventually(t, "the link comes", func() bool { return len(w.mailed(inesMail)) > before })
	w.public(w.mailed(inesMail)[before], object{"password": better}).Is(200)
	w.public("/v1/sessions", object{"institution_id": theirs, "email": inesMail, "password": good}).Problem(401, "sign-in-refused")
	at := w.public("/v1/sessions", object{"institution_id": theirs, "email": inesMail, "password": better}).Is(201).JSON()
	require.Equal(t, id, at["user_id"])
	w.as(at).Get("/v1/users/"+w.ines).Problem(403, "insufficient-scope")
	w.as(at).Post("/v1/sessions/"+ours["session_id"].(string)+"/end", nil).Problem(404, "not-found")
	for range 6 {
		w.public("/v1/sessions", object{"institution_id": theirs, "email": inesMail, "password": "wrong"})
	}
	w.signedIn()
}
