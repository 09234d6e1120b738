package signin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// A session that a provider vouched for lasts as long as the institution said of
// this provider and no longer, however often it is used; then the person has to be
// vouched for anew.
func TestASessionLastsNoLongerThanItsProviderIsTrusted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client(object{"session_seconds": 1800}).Is(200)
	tokens := w.signIn(nil)
	session := w.as(tokens).Get("/v1/sessions").Is(200).Data()[0]
	created, err := time.Parse(time.RFC3339Nano, session["created_at"].(string))
	require.NoError(t, err)
	expires, err := time.Parse(time.RFC3339Nano, session["expires_at"].(string))
	require.NoError(t, err)
	require.InDelta(t, 30*time.Minute, expires.Sub(created), float64(time.Minute))

	refresh := func(of any) *parvistest.Answer {
		return w.Anonymous().Post("/v1/sessions/refresh", object{"refresh_token": of}, parvistest.Header("Idempotency-Key", ""))
	}
	for range 2 {
		w.clock.Advance(14 * time.Minute)
		tokens = refresh(tokens["refresh_token"]).Is(200).JSON()
		w.as(tokens).Get("/v1/me").Is(200)
	}
	w.clock.Advance(2*time.Minute + time.Second)
	w.as(tokens).Get("/v1/me").Problem(401, "unauthenticated")
	refresh(tokens["refresh_token"]).Problem(401, "session-ended")
	again := w.signIn(nil)
	require.Equal(t, tokens["user_id"], again["user_id"])
	w.as(again).Get("/v1/me").Is(200)
}
