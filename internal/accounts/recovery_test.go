package accounts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// Recovery codes are 120 random bits each, and what is kept of them is a keyed
// hash.
func TestRecoveryCodesAreLongRandomAndHashed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	tokens := w.signedIn()
	_, first := w.enrol(tokens)
	second := w.as(tokens).Post("/v1/account/recovery-codes", object{"current_password": good}).Is(200).JSON()["codes"].([]any)
	seen := map[string]bool{}
	var pieces, whole []string
	for _, code := range append(first, second...) {
		text := strings.ReplaceAll(code.(string), "-", "")
		require.Regexp(t, "^[a-z2-7]{24}$", text, "24 characters of 5 bits")
		require.False(t, seen[text], "codes differ")
		seen[text] = true
		whole = append(whole, text, code.(string))
		for place := range 24 - 8 + 1 {
			pieces = append(pieces, text[place:place+8])
		}
	}
	require.Zero(t, w.count("select count(*) from crm.account_recovery_codes, unnest($1::text[]) p where position(convert_to(p, 'UTF8') in code_hash) > 0", pieces), "nothing of a code stands in the clear")
	require.Zero(t, w.count("select count(*) from crm.account_recovery_codes where code_hash in (select sha256(convert_to(p, 'UTF8')) from unnest($1::text[]) p)", whole), "the hash is keyed")
	require.Equal(t, 10, w.count("select count(*) from crm.account_recovery_codes where octet_length(code_hash) = 32"), "of the former ones nothing is left")
}

// A code of the device is good for its half minute and the ones beside it, a
// challenge for five minutes.
func TestCodesOfTheDeviceEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	d, _ := w.enrol(w.signedIn())
	old := d.code()
	w.clock.Advance(61 * time.Second)
	w.answer(w.challenge(), old).Problem(401, "sign-in-refused")
	w.answer(w.challenge(), d.code()).Is(201)
}

// Who has lost device and codes does not come in by the password, nor frees
// themselves: somebody who may change users does, which is told by name. What
// the institution asks a second factor for stays closed until there is one again.
func TestALostFactorIsProvedAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	tokens := w.signedIn()
	policy := w.Get("/v1/sign-in-policy").Is(200)
	w.Patch("/v1/sign-in-policy", object{"mfa_scopes": []string{"users:read"}}, parvistest.IfMatch(policy.ETag())).Is(200)
	lost, codes := w.enrol(tokens)
	w.as(tokens).Get("/v1/users").Is(200)

	require.Equal(t, "mfa_required", w.signIn(inesMail, good).Is(200).JSON()["status"])
	w.as(tokens).Post("/v1/users/"+w.ines+"/reset-second-factor", nil).Problem(403, "insufficient-scope")
	w.Post("/v1/users/"+w.ines+"/reset-second-factor", nil).Is(204)
	w.as(tokens).Get("/v1/me").Problem(401, "unauthenticated")
	removed := w.eventually("second_factor.removed", 1)[0]
	require.Equal(t, "api_key", removed["actor"].(object)["kind"], "who did it is told: %v", removed)

	again := w.signedIn()
	w.as(again).Get("/v1/users").Problem(403, "second-factor-required")
	w.as(again).Post("/v1/account/totp/confirm", object{"code": lost.code()}).Problem(409, "second-factor-missing")
	_, fresh := w.enrol(again)
	w.as(again).Get("/v1/users").Is(200)
	require.NotContains(t, fresh, codes[0])
	w.answer(w.challenge(), codes[0]).Problem(401, "sign-in-refused")
}

// What would let somebody else in asks for the password once more, however fresh
// the session, or for somebody else.
func TestWhatOpensAnAccountAsksAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	w.Patch("/v1/users/"+w.ines, object{"scopes": []string{"users:read", "users:write"}}, parvistest.IfMatch(w.Get("/v1/users/"+w.ines).ETag())).Is(200)
	tokens := w.signedIn()
	me := w.as(tokens)
	me.Post("/v1/account/password", object{"current_password": "wrong", "new_password": better}).Problem(422, "invalid")
	me.Post("/v1/account/totp", object{"current_password": "wrong"}).Problem(422, "invalid")
	d, _ := w.enrol(tokens)
	me.Post("/v1/account/recovery-codes", object{"current_password": "wrong"}).Problem(422, "invalid")
	me.Post("/v1/account/totp/disable", object{"current_password": "wrong", "code": d.code()}).Problem(422, "invalid")

	etag := parvistest.IfMatch(w.Get("/v1/users/" + w.ines).ETag())
	me.Patch("/v1/users/"+w.ines, object{"email": "autre@arcades.example"}, etag).Problem(403, "own-sign-in")
	me.Patch("/v1/users/"+w.ines, object{"issuer": "https://sso.ville.example", "subject": "x"}, etag).Problem(403, "own-sign-in")
	me.Patch("/v1/users/"+w.ines, object{"name": "Inès M."}, etag).Is(200)
	w.Patch("/v1/users/"+w.ines, object{"email": "autre@arcades.example"}, parvistest.IfMatch(w.Get("/v1/users/"+w.ines).ETag())).Is(200)
}
