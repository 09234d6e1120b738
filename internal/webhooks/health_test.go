package webhooks_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// An endpoint that has done nothing but fail: after a day the others are told,
// after five it is disabled.
func TestFailingIsToldAndThenEnded(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t, quickly(1))
	watcher, sick := newReceiver(t), newReceiver(t)
	subscribe(t, program.Client, watcher.URL, map[string]any{"event_types": []string{"webhook_endpoint.*"}})
	e := subscribe(t, program.Client, sick.URL, map[string]any{"event_types": []string{"tag.*", "webhook_endpoint.failing"}})
	sick.answers(status(http.StatusInternalServerError))
	fail := func(n int) {
		emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
		awaitDelivery(t, program.Client, e, "failed", n)
	}
	conn := owner(t, program)
	since := func(d time.Duration) {
		_, err := conn.Exec(t.Context(), "update crm.webhook_queues set failing_since = now() - make_interval(secs => $1) where endpoint_id = $2", d.Seconds(), e["id"])
		require.NoError(t, err)
	}
	fail(1)
	require.NotNil(t, program.Get(path(e)).JSON()["failing_since"])
	since(23 * time.Hour)
	fail(2)
	since(25 * time.Hour)
	fail(3)
	fail(4)
	parvistest.Eventually(t, "the others are told", func() bool { return len(watcher.of("webhook_endpoint.failing")) == 1 })
	require.Equal(t, e["id"], watcher.of("webhook_endpoint.failing")[0].members(t)["data"].(map[string]any)["id"])
	require.Empty(t, sick.of("webhook_endpoint.failing"), "not itself")
	require.Equal(t, "active", program.Get(path(e)).JSON()["status"])

	// One success wipes the slate.
	sick.answers(nil)
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	parvistest.Eventually(t, "it is well again", func() bool { return program.Get(path(e)).JSON()["failing_since"] == nil })

	sick.answers(status(http.StatusInternalServerError))
	fail(5)
	since(5*24*time.Hour + time.Minute)
	fail(6)
	require.Equal(t, "failing", awaitStatus(t, program.Client, e["id"].(string), "disabled")["disabled_reason"])
	parvistest.Eventually(t, "the others are told", func() bool { return len(watcher.of("webhook_endpoint.disabled")) == 1 })
}

func TestLagIsShown(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t)
	r := newReceiver(t)
	e := subscribe(t, program.Client, r.URL, nil)
	release := make(chan struct{})
	r.answers(func(http.ResponseWriter, delivery) { <-release })
	emit(t, program.App.DB, program.Tenant, "tag.happened", 2)
	parvistest.Eventually(t, "it lags", func() bool { return program.Get(path(e)).JSON()["oldest_undelivered_at"] != nil })
	close(release)
	parvistest.Eventually(t, "it catches up", func() bool {
		now := program.Get(path(e)).JSON()
		return now["oldest_undelivered_at"] == nil && now["lag_seconds"] == float64(0) && now["last_success_at"] != nil
	})
}

func TestOldDeliveriesAreSwept(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t, quickly(2))
	kept, deleted := newReceiver(t), newReceiver(t)
	k, d := subscribe(t, program.Client, kept.URL, nil), subscribe(t, program.Client, deleted.URL, nil)
	emit(t, program.App.DB, program.Tenant, "tag.happened", 3)
	awaitDelivery(t, program.Client, k, "succeeded", 3)
	awaitDelivery(t, program.Client, d, "succeeded", 3)
	program.Delete(path(d), parvistest.IfMatch("*")).Is(http.StatusNoContent)
	conn := owner(t, program)
	count := func(e map[string]any) (n int) {
		require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from crm.webhook_deliveries where endpoint_id = $1 and kind = 'event'", e["id"]).Scan(&n))
		return n
	}
	purge := func(at time.Time) { require.NoError(t, program.Webhooks().PurgeAll(t.Context(), at)) }
	purge(time.Now().Add(29 * 24 * time.Hour))
	require.Equal(t, 3, count(k))
	require.Zero(t, count(d), "what a deleted endpoint leaves goes at once")
	purge(time.Now().Add(31 * 24 * time.Hour))
	require.Zero(t, count(k))
}
