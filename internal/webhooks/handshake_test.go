package webhooks_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// careful is a receiver that speaks the handshake: it agrees as its headers
// say, and notes when deliveries come.
type careful struct {
	*httptest.Server
	mu       sync.Mutex
	agree    map[string]string
	asked    []http.Header
	got      []http.Header
	arrivals []time.Time
}

func newCareful(t *testing.T, agree map[string]string) *careful {
	t.Helper()
	c := &careful{agree: agree}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if r.Method == http.MethodOptions {
			c.asked = append(c.asked, r.Header.Clone())
			w.Header().Set("Allow", "POST")
			for name, value := range c.agree {
				w.Header().Set(name, value)
			}
			return
		}
		c.got, c.arrivals = append(c.got, r.Header.Clone()), append(c.arrivals, time.Now())
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *careful) agrees(headers map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.agree = headers
}

func (c *careful) counts() (asked, got int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asked), len(c.got)
}

func named(host string) parvistest.Option {
	return parvistest.WithConfig(func(c *config.Config) { c.PublicURL = "https://" + host })
}

func byHandshake(url string) map[string]any {
	return map[string]any{"url": url, "event_types": []string{"tag.*"}, "verification": "options"}
}

func TestHandshakeVerifiesAndItsRateIsKept(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t, quickly(3), named("crm.theatre.example"))
	c := newCareful(t, map[string]string{"WebHook-Allowed-Origin": "crm.theatre.example", "WebHook-Allowed-Rate": "240"})
	made := program.Post(endpoints, byHandshake(c.URL)).Is(http.StatusCreated).JSON()
	e := awaitStatus(t, program.Client, made["id"].(string), "active")
	require.Equal(t, "options", e["verification"])
	require.EqualValues(t, 240, e["allowed_rate"])
	require.Equal(t, "crm.theatre.example", c.asked[0].Get("WebHook-Request-Origin"))
	require.Equal(t, "6000", c.asked[0].Get("WebHook-Request-Rate"))
	require.NotEmpty(t, c.asked[0].Get("webhook-signature"))

	emit(t, program.App.DB, program.Tenant, "tag.happened", 5)
	awaitDelivery(t, program.Client, made, "succeeded", 5)
	asked, _ := c.counts()
	require.Equal(t, 1, asked)
	for i, header := range c.got {
		require.Equal(t, "crm.theatre.example", header.Get("WebHook-Request-Origin"), "each delivery names its sender")
		if i > 0 {
			require.GreaterOrEqual(t, c.arrivals[i].Sub(c.arrivals[i-1]), 200*time.Millisecond, "240 a minute is one every 250 ms")
		}
	}

	// The rate also holds for who takes the queue over: the lane leaves it after
	// 200 ms, and what comes then still waits its turn.
	c.agrees(map[string]string{"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "20"})
	program.Patch(path(made), map[string]any{"status": "disabled"}).Is(http.StatusOK)
	program.Post(path(made)+"/verify", nil).Is(http.StatusAccepted)
	awaitStatus(t, program.Client, made["id"].(string), "active")
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	awaitDelivery(t, program.Client, made, "succeeded", 6)
	conn := owner(t, program)
	parvistest.Eventually(t, "the queue is left with its pace", func() bool {
		var paced bool
		require.NoError(t, conn.QueryRow(t.Context(), "select leased_by is null and paced_until > now() from crm.webhook_queues where endpoint_id = $1", made["id"]).Scan(&paced))
		return paced
	})
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	awaitDelivery(t, program.Client, made, "succeeded", 7)
	require.GreaterOrEqual(t, c.arrivals[6].Sub(c.arrivals[5]), 2500*time.Millisecond, "20 a minute is one every 3 s")
}

// A success without the words is no consent.
func TestHandshakeIsRefused(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t, quickly(3), named("crm.theatre.example"))
	for name, headers := range map[string]map[string]string{
		"nothing said":   {},
		"somebody else":  {"WebHook-Allowed-Origin": "other.example", "WebHook-Allowed-Rate": "*"},
		"no such rate":   {"WebHook-Allowed-Origin": "crm.theatre.example", "WebHook-Allowed-Rate": "0"},
		"rate of a word": {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "often"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCareful(t, headers)
			made := program.Post(endpoints, byHandshake(c.URL)).Is(http.StatusCreated).JSON()
			e := awaitStatus(t, program.Client, made["id"].(string), "disabled")
			require.Equal(t, "unverified", e["disabled_reason"])
			asked, got := c.counts()
			require.Equal(t, 3, asked, "on the schedule")
			require.Zero(t, got)
			d := program.Get(path(made) + "/deliveries").Data()[0]
			detail := program.Get(path(made) + "/deliveries/" + d["id"].(string)).JSON()
			require.Equal(t, "handshake", detail["attempt_log"].([]any)[0].(map[string]any)["error"])
		})
	}
}

// Without a limit there is none; and one way of agreeing does not stand for the
// other.
func TestHandshakeWithoutLimitAndChangeOfTheWay(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t, quickly(3))
	c := newCareful(t, map[string]string{"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "*"})
	made := program.Post(endpoints, map[string]any{"url": c.URL, "event_types": []string{"tag.*"}}).Is(http.StatusCreated).JSON()
	require.Equal(t, "event", awaitStatus(t, program.Client, made["id"].(string), "active")["verification"])
	changed := program.Patch(path(made), map[string]any{"verification": "options"}).Is(http.StatusOK).JSON()
	require.Equal(t, "pending", changed["status"])
	e := awaitStatus(t, program.Client, made["id"].(string), "active")
	require.Nil(t, e["allowed_rate"])
	asked, _ := c.counts()
	require.Equal(t, 1, asked)
	program.Patch(path(made), map[string]any{"verification": "carrier-pigeon"}).Problem(http.StatusBadRequest, "invalid-request")
	program.As("webhooks:read").Patch(path(made), map[string]any{"verification": "event"}).Problem(http.StatusForbidden, "insufficient-scope")
	program.OtherTenant().Patch(path(made), map[string]any{"verification": "event"}).Problem(http.StatusNotFound, "not-found")
}
