package accounts_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// device is what an authenticator program does, written apart from ours.
type device struct {
	secret []byte
	w      *world
}

func (d device) code() string {
	m := hmac.New(sha1.New, d.secret)
	_ = binary.Write(m, binary.BigEndian, uint64(d.w.clock.Now().Unix()/30))
	sum := m.Sum(nil)
	o := sum[19] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[o:])&0x7fffffff)%1000000)
}

// enrol gives Inès a device, and returns it with her recovery codes.
func (w *world) enrol(tokens object) (device, []any) {
	w.t.Helper()
	made := w.as(tokens).Post("/v1/account/totp", object{"current_password": good}).Is(201).JSON()
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(made["secret"].(string))
	require.NoError(w.t, err)
	d := device{secret, w}
	w.clock.Advance(time.Minute)
	codes := w.as(tokens).Post("/v1/account/totp/confirm", object{"code": d.code()}).Is(200).JSON()["codes"].([]any)
	w.clock.Advance(time.Minute)
	return d, codes
}

func (w *world) challenge() string {
	w.t.Helper()
	a := w.signIn(inesMail, good).Is(200).JSON()
	require.Equal(w.t, "mfa_required", a["status"])
	return a["challenge"].(string)
}

func (w *world) answer(challenge, code any) *parvistest.Answer {
	w.t.Helper()
	return w.public("/v1/sessions/second-factor", object{"challenge": challenge, "code": code})
}

func TestTheSecondFactorIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	first := w.signedIn()
	require.Equal(t, "none", w.as(first).Get("/v1/account/totp").Is(200).JSON()["status"])
	w.as(first).Post("/v1/account/totp", object{"current_password": "wrong"}).Problem(422, "invalid")
	w.as(first).Post("/v1/account/totp/confirm", object{"code": "123456"}).Problem(409, "second-factor-missing")
	made := w.as(first).Post("/v1/account/totp", object{"current_password": good}).Is(201).JSON()
	require.Contains(t, made["uri"], "otpauth://totp/")
	require.Equal(t, "pending", w.as(first).Get("/v1/account/totp").Is(200).JSON()["status"])
	w.signedIn() // not confirmed: it does not count yet
	w.as(first).Post("/v1/account/totp/confirm", object{"code": "000000"}).Problem(422, "invalid")
	d, codes := w.enrol(first)
	require.Len(t, codes, 10)
	w.as(first).Post("/v1/account/totp", object{"current_password": good}).Problem(409, "second-factor-exists")
	require.Zero(t, w.count("select count(*) from crm.account_totps where position($1::bytea in secret) > 0", d.secret), "the secret is sealed")

	c := w.challenge()
	w.answer(c, "000000").Problem(401, "sign-in-refused")
	code := d.code()
	tokens := w.answer(c, code).Is(201).JSON()
	w.as(tokens).Get("/v1/users").Is(200)
	require.Equal(t, []any{"pwd", "otp", "mfa"}, w.as(tokens).Get("/v1/sessions").Is(200).Data()[0]["methods"])
	_, claims := payload(t, tokens["access_token"])
	require.Equal(t, []any{"pwd", "otp", "mfa"}, claims["amr"])
	w.answer(c, code).Problem(401, "sign-in-refused")             // the challenge is used
	w.answer(w.challenge(), code).Problem(401, "sign-in-refused") // and so is the code
	w.clock.Advance(30 * time.Second)
	late := w.challenge()
	w.clock.Advance(5*time.Minute + time.Second)
	w.answer(late, d.code()).Problem(401, "sign-in-refused")
	w.answer(strings.Repeat("x", 43), d.code()).Problem(401, "sign-in-refused")

	// A lost device.
	w.answer(w.challenge(), strings.ToUpper(codes[3].(string))).Is(201)
	w.answer(w.challenge(), codes[3]).Problem(401, "sign-in-refused")
	require.EqualValues(t, 9, w.as(w.refresh(tokens["refresh_token"]).Is(200).JSON()).Get("/v1/account/totp").Is(200).JSON()["recovery_codes_left"])
	w.eventually("second_factor.recovery_code_used", 1)
	w.eventually("second_factor.enrolled", 1)
}

// One code, many requests, one session.
func TestACodeIsGoodOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	d, _ := w.enrol(w.signedIn())
	var challenges []string
	for range 4 {
		challenges = append(challenges, w.challenge())
	}
	var good atomic.Int64
	var all sync.WaitGroup
	for _, c := range challenges {
		all.Go(func() {
			if w.answer(c, d.code()).Status == 201 {
				good.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, good.Load())
}

func TestWrongCodesWaitHoweverManyChallenges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	d, codes := w.enrol(w.signedIn())
	for range 5 {
		w.answer(w.challenge(), "000000").Problem(401, "sign-in-refused")
	}
	w.answer(w.challenge(), d.code()).Problem(429, "too-many-attempts")
	w.answer(w.challenge(), codes[0]).Problem(429, "too-many-attempts")
	w.clock.Advance(31 * time.Second)
	w.answer(w.challenge(), d.code()).Is(201)
}

func TestTheSecondFactorIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	tokens := w.signedIn()
	d, old := w.enrol(tokens)
	codes := w.as(tokens).Post("/v1/account/recovery-codes", object{"current_password": good}).Is(200).JSON()["codes"].([]any)
	w.answer(w.challenge(), old[0]).Problem(401, "sign-in-refused")
	w.as(tokens).Post("/v1/account/totp/disable", object{"current_password": "wrong", "code": d.code()}).Problem(422, "invalid")
	w.as(tokens).Post("/v1/account/totp/disable", object{"current_password": good, "code": "000000"}).Problem(422, "invalid")
	w.as(tokens).Post("/v1/account/totp/disable", object{"current_password": good, "code": codes[0]}).Is(204)
	w.as(tokens).Post("/v1/account/recovery-codes", object{"current_password": good}).Problem(409, "second-factor-missing")
	again := w.signedIn()
	w.enrol(again)
	w.Post("/v1/users/"+w.ines+"/reset-second-factor", nil).Is(204)
	w.as(again).Get("/v1/me").Problem(401, "unauthenticated")
	w.signedIn()
	w.OtherTenant().Post("/v1/users/"+w.ines+"/reset-second-factor", nil).Problem(404, "not-found")
	w.As("users:read").Post("/v1/users/"+w.ines+"/reset-second-factor", nil).Problem(403, "insufficient-scope")
	// Whoever has less than the user does not take their factor away.
	w.As("users:write").Post("/v1/users/"+w.ines+"/reset-second-factor", nil).Problem(403, "rights-exceeded")
}

// Where the institution asks for a second factor, a password alone opens only
// one's own account.
func TestThePolicyHoldsForOpenSessionsToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	luc := w.user("luc@arcades.example", "Luc", "departments:read")
	w.register(luc, "luc@arcades.example", better)
	tokens, other := w.signedIn(), w.signIn("luc@arcades.example", better).Is(201).JSON()
	w.as(tokens).Get("/v1/users").Is(200)
	policy := w.Get("/v1/sign-in-policy").Is(200)
	require.Empty(t, policy.JSON()["mfa_scopes"])
	w.Patch("/v1/sign-in-policy", object{"mfa_scopes": []string{"users:read"}}, parvistest.IfMatch(policy.ETag())).Is(200)
	w.Patch("/v1/sign-in-policy", object{"mfa_scopes": []string{"*"}}, parvistest.IfMatch(policy.ETag())).Problem(412, "stale-version")
	w.as(tokens).Get("/v1/users").Problem(403, "second-factor-required")
	w.as(tokens).Get("/v1/departments").Problem(403, "second-factor-required")
	w.as(tokens).Get("/v1/me").Is(200)
	w.as(other).Get("/v1/departments").Is(200)
	w.enrol(tokens)
	w.as(tokens).Get("/v1/users").Is(200)

	a := w.Patch("/v1/sign-in-policy", object{"mfa_scopes": []string{"no:such"}, "mfa_roles": []string{"nobody"}})
	a.Problem(422, "invalid")
	a.Points("#/mfa_scopes/0")
	a.Points("#/mfa_roles/0")
	w.As("institution:read").Patch("/v1/sign-in-policy", object{"mfa_scopes": []string{}}).Problem(403, "insufficient-scope")
	require.Empty(t, w.OtherTenant().Get("/v1/sign-in-policy").Is(200).JSON()["mfa_scopes"])
	w.eventually("sign_in_policy.updated", 1)
}
