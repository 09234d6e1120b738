package accounts_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestRefreshTokensAreGoodForOneExchange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	first := w.signedIn()
	second := w.refresh(first["refresh_token"]).Is(200).JSON()
	require.Equal(t, first["session_id"], second["session_id"])
	require.NotEqual(t, first["refresh_token"], second["refresh_token"])

	// The answer was lost: the same successor, once more.
	again := w.refresh(first["refresh_token"]).Is(200).JSON()
	require.Equal(t, second["refresh_token"], again["refresh_token"])

	third := w.refresh(second["refresh_token"]).Is(200).JSON()
	w.as(third).Get("/v1/me").Is(200)
	// The first comes back though its successor was used: somebody copied it.
	w.refresh(first["refresh_token"]).Problem(401, "session-ended")
	w.refresh(third["refresh_token"]).Problem(401, "session-ended")
	w.as(third).Get("/v1/me").Problem(401, "unauthenticated")
	w.eventually("session.token_reused", 1)
	require.Equal(t, "token_reused", w.eventually("session.ended", 1)[0]["data"].(object)["facts"].(object)["reason"])
	w.refresh("pvr_"+uuid.NewString()+uuid.NewString()).Problem(401, "session-ended")
}

func TestARefreshTokenComesBackTooLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	first := w.signedIn()
	second := w.refresh(first["refresh_token"]).Is(200).JSON()
	w.clock.Advance(31 * time.Second)
	w.refresh(first["refresh_token"]).Problem(401, "session-ended")
	w.refresh(second["refresh_token"]).Problem(401, "session-ended")
	w.eventually("session.token_reused", 1)
}

// Several windows of one browser exchange at once, at several processes: one
// rotation, one successor for all.
func TestExchangesAtOnceAgree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	first := w.signedIn()
	got := make([]string, 12)
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() { got[i], _ = w.refresh(first["refresh_token"]).JSON()["refresh_token"].(string) })
	}
	all.Wait()
	for _, g := range got {
		require.NotEmpty(t, g)
		require.Equal(t, got[0], g)
	}
	require.Equal(t, 2, w.count("select count(*) from crm.account_refreshes"))
	w.refresh(got[0]).Is(200)
	require.Zero(t, w.count("select count(*) from crm.account_sessions where ended_at is not null"))
}

// The program dies between two exchanges; nothing is lost, and what was given
// out is good at the next one.
func TestARestartLosesNoSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	first := w.signedIn()
	second := w.refresh(first["refresh_token"]).Is(200).JSON()
	// A connection that is cut while the exchange is under way undoes all of it.
	w.exec("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename <> current_user")
	parvistest.Eventually(t, "the exchange is made", func() bool { return w.refresh(second["refresh_token"]).Status == 200 })
	require.Equal(t, 3, w.count("select count(*) from crm.account_refreshes"))
	require.Equal(t, 1, w.count("select count(*) from crm.account_refreshes where replaced_at is null"))
}

func TestSessionsEndByThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	idle := w.signedIn()
	w.clock.Advance(2*time.Hour + time.Second)
	w.refresh(idle["refresh_token"]).Problem(401, "session-ended")

	used := w.signedIn()
	for range 8 {
		w.clock.Advance(89 * time.Minute)
		used = w.refresh(used["refresh_token"]).Is(200).JSON()
	}
	w.clock.Advance(5 * time.Minute)
	used = w.refresh(used["refresh_token"]).Is(200).JSON()
	require.Less(t, used["expires_in"].(float64), 900.0, "no token outlives its session")
	w.clock.Advance(4 * time.Minute)
	w.refresh(used["refresh_token"]).Problem(401, "session-ended")
	w.as(used).Get("/v1/me").Problem(401, "unauthenticated")
}

func TestAccessTokensEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	tokens := w.signedIn()
	w.clock.Advance(15*time.Minute + 31*time.Second)
	w.as(tokens).Get("/v1/me").Problem(401, "unauthenticated")
	w.as(w.refresh(tokens["refresh_token"]).Is(200).JSON()).Get("/v1/me").Is(200)
}

// A leaver's token dies at once here, and within seconds in other processes.
func TestDeactivationEndsEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	other := w.beside()
	tokens := w.signedIn()
	w.as(tokens).Get("/v1/me").Is(200)
	there := other.Anonymous()
	there.Key = tokens["access_token"].(string)
	w.setActive(w.ines, "deactivate")
	w.as(tokens).Get("/v1/me").Problem(401, "unauthenticated")
	w.clock.Advance(time.Second) // what another process remembers at most
	there.Get("/v1/me").Problem(401, "unauthenticated")
	w.refresh(tokens["refresh_token"]).Problem(401, "session-ended")
	require.Equal(t, 1, w.count("select count(*) from crm.account_sessions where end_reason = 'user_deactivated'"))
	// Coming back does not revive what had ended.
	w.setActive(w.ines, "reactivate")
	w.refresh(tokens["refresh_token"]).Problem(401, "session-ended")
	w.as(tokens).Get("/v1/me").Problem(401, "unauthenticated")
	w.as(w.signedIn()).Get("/v1/me").Is(200)
}

func TestOwnSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	one, two, three := w.signedIn(), w.signedIn(), w.signedIn()
	list := w.as(one).Get("/v1/sessions").Is(200).Data()
	require.Len(t, list, 3)
	require.Equal(t, three["session_id"], list[0]["id"])
	require.Equal(t, "curl/8", list[0]["user_agent"])
	require.Equal(t, "127.0.0.1", list[0]["address"])
	require.Equal(t, []any{false, false, true}, []any{list[0]["is_current"], list[1]["is_current"], list[2]["is_current"]})
	require.Len(t, w.as(one).Walk("/v1/sessions?limit=1"), 3)

	w.as(one).Post("/v1/sessions/"+two["session_id"].(string)+"/end", nil).Is(204)
	w.as(one).Post("/v1/sessions/"+two["session_id"].(string)+"/end", nil).Is(204)
	w.as(two).Get("/v1/me").Problem(401, "unauthenticated")
	w.refresh(two["refresh_token"]).Problem(401, "session-ended")

	require.EqualValues(t, 1, w.as(one).Post("/v1/sessions/end-all", object{"keep_current": true}).Is(200).JSON()["ended"])
	w.as(three).Get("/v1/me").Problem(401, "unauthenticated")
	w.as(one).Post("/v1/sessions/sign-out", nil).Is(204)
	w.as(one).Get("/v1/me").Problem(401, "unauthenticated")
	four := w.signedIn()
	require.EqualValues(t, 1, w.as(four).Post("/v1/sessions/end-all", object{}).Is(200).JSON()["ended"])
	w.as(four).Get("/v1/me").Problem(401, "unauthenticated")
	five := w.signedIn()
	require.EqualValues(t, 1, w.Post("/v1/users/"+w.ines+"/end-sessions", nil).Is(200).JSON()["ended"])
	w.as(five).Get("/v1/me").Problem(401, "unauthenticated")
}
