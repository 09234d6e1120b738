package webhooks_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/app"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

func detail(t testing.TB, c *parvistest.Client, e map[string]any, id string) map[string]any {
	t.Helper()
	return c.Get(path(e) + "/deliveries/" + id).Is(http.StatusOK).JSON()
}

func awaitDelivery(t testing.TB, c *parvistest.Client, e map[string]any, want string, n int) []map[string]any {
	t.Helper()
	var found []map[string]any
	parvistest.Eventually(t, fmt.Sprintf("%d deliveries are %s", n, want), func() bool {
		found = c.Get(path(e) + "/deliveries?event_type=tag.*&status=" + want).Is(http.StatusOK).Data()
		return len(found) == n
	})
	return found
}

func TestFailuresAreRetriedOnTheScheduleAndThenGivenUp(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t, quickly(4))
	r := newReceiver(t)
	e := subscribe(t, program.Client, r.URL, nil)
	r.answers(func(w http.ResponseWriter, _ delivery) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write(make([]byte, 3000))
	})
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	failed := awaitDelivery(t, program.Client, e, "failed", 1)[0]
	require.EqualValues(t, 4, failed["attempts"])
	require.EqualValues(t, 500, failed["response_status"])
	require.Nil(t, failed["next_attempt_at"])
	sent := r.of("tag.happened")
	require.Len(t, sent, 4)
	for _, d := range sent {
		require.Equal(t, failed["id"], d.id())
		require.Equal(t, sent[0].body, d.body)
	}
	d := detail(t, program.Client, e, failed["id"].(string))
	require.Len(t, d["attempt_log"], 4)
	first := d["attempt_log"].([]any)[0].(map[string]any)
	require.Equal(t, "status", first["error"])
	require.LessOrEqual(t, len(first["response_body"].(string)), 1024)

	// Sent again by hand, it succeeds.
	r.answers(nil)
	program.Post(path(e)+"/deliveries/"+failed["id"].(string)+"/retry", nil).Is(http.StatusAccepted)
	awaitDelivery(t, program.Client, e, "succeeded", 1)
	require.Len(t, detail(t, program.Client, e, failed["id"].(string))["attempt_log"], 5)
	require.NotNil(t, program.Get(path(e)).JSON()["last_success_at"])
}

func TestARedirectIsAFailureAndNeverFollowed(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t, quickly(2))
	r, target := newReceiver(t), newReceiver(t)
	e := subscribe(t, program.Client, r.URL, nil)
	r.answers(func(w http.ResponseWriter, _ delivery) {
		w.Header().Set("Location", target.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	failed := awaitDelivery(t, program.Client, e, "failed", 1)[0]
	log := detail(t, program.Client, e, failed["id"].(string))["attempt_log"].([]any)
	require.Equal(t, "redirect", log[0].(map[string]any)["error"])
	require.Empty(t, target.of("tag.happened"))
}

func TestReceiversCanEndDeliveries(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t, quickly(5))
	watcher := newReceiver(t)
	subscribe(t, program.Client, watcher.URL, map[string]any{"event_types": []string{"webhook_endpoint.*"}})

	gone := newReceiver(t)
	e := subscribe(t, program.Client, gone.URL, map[string]any{"event_types": []string{"tag.*", "webhook_endpoint.*"}})
	gone.answers(status(http.StatusGone))
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	require.Equal(t, "gone", awaitStatus(t, program.Client, e["id"].(string), "disabled")["disabled_reason"])
	parvistest.Eventually(t, "the other endpoint is told", func() bool { return len(watcher.of("webhook_endpoint.disabled")) == 1 })
	require.Equal(t, "gone", watcher.of("webhook_endpoint.disabled")[0].members(t)["data"].(map[string]any)["facts"].(map[string]any)["reason"])
	require.Empty(t, gone.of("webhook_endpoint.disabled"))

	polite := newReceiver(t)
	polite.answers(func(w http.ResponseWriter, _ delivery) {
		w.Header().Set("webhook-delivery", "abort-message")
		w.WriteHeader(http.StatusBadRequest)
	})
	p := subscribe(t, program.Client, polite.URL, nil)
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	require.EqualValues(t, 1, awaitDelivery(t, program.Client, p, "failed", 1)[0]["attempts"])
	require.Equal(t, "active", program.Get(path(p)).JSON()["status"])

	polite.answers(func(w http.ResponseWriter, _ delivery) { w.Header().Set("webhook-delivery", "disable") })
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	require.Equal(t, "receiver", awaitStatus(t, program.Client, p["id"].(string), "disabled")["disabled_reason"])
}

// One dead receiver of ten: the other nine get everything while it still holds
// its first requests open.
func TestADeadReceiverDelaysNobody(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t)
	release := make(chan struct{})
	var held atomic.Int64
	dead := newReceiver(t)
	dead.answers(func(http.ResponseWriter, delivery) { held.Add(1); <-release })
	t.Cleanup(func() { close(release) })
	subscribe(t, program.Client, dead.URL, nil)
	living := make([]*receiver, 9)
	for i := range living {
		living[i] = newReceiver(t)
		subscribe(t, program.Client, living[i].URL, nil)
	}
	const each = 300
	emit(t, program.App.DB, program.Tenant, "tag.happened", each)
	for _, r := range living {
		parvistest.Eventually(t, "a living receiver gets all", func() bool { return r.distinct("tag.happened") == each })
	}
	require.EqualValues(t, 8, held.Load(), "the dead one has its eight requests open and no more")
	require.Len(t, dead.of("tag.happened"), 8)
}

func TestRecoverySendsAPeriodAgain(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t, quickly(2))
	r := newReceiver(t)
	e := subscribe(t, program.Client, r.URL, nil)
	since := time.Now().Add(-time.Second).UTC().Format(time.RFC3339Nano)
	emit(t, program.App.DB, program.Tenant, "tag.happened", 3)
	awaitDelivery(t, program.Client, e, "succeeded", 3)
	r.answers(status(http.StatusInternalServerError))
	emit(t, program.App.DB, program.Tenant, "tag.failed", 4)
	awaitDelivery(t, program.Client, e, "failed", 4)
	r.answers(nil)
	// A witness tells when the log has been given out beyond what is missed.
	w := newReceiver(t)
	subscribe(t, program.Client, w.URL, nil)
	program.Patch(path(e), map[string]any{"status": "disabled"}).Is(http.StatusOK)
	emit(t, program.App.DB, program.Tenant, "tag.missed", 5)
	parvistest.Eventually(t, "the witness has it", func() bool { return w.distinct("tag.missed") == 5 })
	program.Post(path(e)+"/recover", map[string]any{"since": since}).Problem(http.StatusConflict, "webhook-endpoint-not-active")
	undone := program.Get(path(e) + "/deliveries?status=failed").Data()[0]["id"].(string)
	program.Post(path(e)+"/deliveries/"+undone+"/retry", nil).Problem(http.StatusConflict, "webhook-endpoint-not-active")
	require.Equal(t, "failed", program.Get(path(e) + "/deliveries/" + undone).JSON()["status"])
	program.Post(path(e)+"/verify", nil).Is(http.StatusAccepted)
	awaitStatus(t, program.Client, e["id"].(string), "active")

	program.Post(path(e)+"/recover", map[string]any{"since": since, "until": since}).Problem(http.StatusUnprocessableEntity, "invalid")
	ahead := program.Post(path(e)+"/recover", map[string]any{"since": "2999-01-01T00:00:00Z"}).Problem(http.StatusUnprocessableEntity, "invalid")
	require.Equal(t, "#/since", ahead["errors"].([]any)[0].(map[string]any)["pointer"])
	recoverPeriod := func(body map[string]any) int {
		started := program.Post(path(e)+"/recover", body).Is(http.StatusAccepted)
		var o map[string]any
		parvistest.Eventually(t, "the recovery ends", func() bool {
			o = program.Get(started.Header.Get("Location")).Is(http.StatusOK).JSON()
			return o["finished_at"] != nil
		})
		require.Equal(t, "succeeded", o["status"], "%v", o)
		return int(o["result"].(map[string]any)["deliveries_queued"].(float64))
	}
	require.Equal(t, 9, recoverPeriod(map[string]any{"since": since}))
	awaitDelivery(t, program.Client, e, "succeeded", 12)
	require.Len(t, r.of("tag.happened"), 3, "what was delivered is not sent again")
	require.Equal(t, 12, recoverPeriod(map[string]any{"since": since, "only_failed": false}))
	parvistest.Eventually(t, "all is sent again", func() bool { return len(r.of("tag.happened")) == 6 })
	require.Equal(t, 3, r.distinct("tag.happened"), "under the same ids")
}

func TestDeliveriesAreListedInPages(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t)
	r := newReceiver(t)
	e := subscribe(t, program.Client, r.URL, nil)
	emit(t, program.App.DB, program.Tenant, "tag.happened", 25)
	emit(t, program.App.DB, program.Tenant, "tag.ended", 5)
	awaitDelivery(t, program.Client, e, "succeeded", 30)
	all := program.Walk(path(e) + "/deliveries?limit=7&event_type=tag.happened")
	require.Len(t, all, 25)
	seen := map[any]bool{}
	for i, d := range all {
		seen[d["id"]] = true
		if i > 0 {
			require.Less(t, d["id"], all[i-1]["id"], "newest first")
		}
	}
	require.Len(t, seen, 25)
	require.Empty(t, program.Get(path(e)+"/deliveries?since=2099-01-01T00:00:00Z").Is(http.StatusOK).Data())
	program.Get(path(e)+"/deliveries/"+ids.New().String()).Problem(http.StatusNotFound, "not-found")
}

func TestSandboxesMarkTheirEvents(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t)
	conn := owner(t, program)
	_, err := conn.Exec(t.Context(), "update crm.tenants set mode = 'test' where tenant_id = $1", program.Tenant)
	require.NoError(t, err)
	key := testKey(t, program)
	r := newReceiver(t)
	subscribe(t, key, r.URL, nil)
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	parvistest.Eventually(t, "it arrives", func() bool { return len(r.of("tag.happened")) == 1 })
	require.Equal(t, true, r.of("tag.happened")[0].members(t)["test"])
	require.Equal(t, true, r.of("webhook_endpoint.verification")[0].members(t)["test"])
}

const childVariable = "PARVIS_WEBHOOKS_CHILD"

// child is a program in a process of its own that only delivers.
func child(databaseURL string) int {
	cfg, err := config.Load()
	if err != nil {
		return 1
	}
	cfg.DatabaseURL, cfg.MigrationURL, cfg.ListenURL, cfg.Workers = databaseURL, databaseURL, databaseURL, true
	cfg.WebhookAllowCIDRs = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	a, err := app.New(context.Background(), cfg, app.Options{Log: slog.New(slog.DiscardHandler), MasterKey: make([]byte, 32)})
	if err != nil {
		return 1
	}
	_ = a.Run(context.Background(), nil)
	return 0
}

// A process that is killed after the receiver got the event and before that was
// recorded: the event is delivered again, under the same id.
func TestAKilledDispatcherLosesNothing(t *testing.T) {
	t.Parallel()
	db := parvistest.Database(t)
	quiet := parvistest.WithConfig(func(c *config.Config) { c.Workers = false })
	program := parvistest.NewOn(t, db, quiet, sameKey)
	r := newReceiver(t)
	made := program.Post(endpoints, map[string]any{"url": r.URL, "event_types": []string{"tag.*"}}).Is(http.StatusCreated).JSON()

	process := exec.CommandContext(t.Context(), os.Args[0])
	process.Env = append(os.Environ(), childVariable+"="+db.AppURL, "PARVIS_DATA_DIR="+t.TempDir())
	require.NoError(t, process.Start())
	awaitStatus(t, program.Client, made["id"].(string), "active")
	killed := make(chan struct{})
	r.answers(func(http.ResponseWriter, delivery) {
		select {
		case <-killed:
		default:
			_ = process.Process.Kill()
			_ = process.Wait()
			close(killed)
		}
	})
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	select {
	case <-killed:
	case <-time.After(20 * time.Second):
		require.Fail(t, "nothing was sent")
	}
	first := r.of("tag.happened")[0]
	require.EqualValues(t, 0, detail(t, program.Client, made, first.id())["attempts"], "nothing was recorded")

	// The lease runs out; a test does not wait for it.
	conn := owner(t, program)
	_, err := conn.Exec(t.Context(), "update crm.webhook_queues set leased_until = now() - interval '1 second'")
	require.NoError(t, err)
	r.answers(nil)
	parvistest.NewOn(t, db, sameKey)
	awaitDelivery(t, program.Client, made, "succeeded", 1)
	got := r.of("tag.happened")
	require.Len(t, got, 2)
	require.Equal(t, first.id(), got[1].id())
	require.Equal(t, first.body, got[1].body)
}
