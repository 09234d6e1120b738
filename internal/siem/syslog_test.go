package siem_test

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// happen writes n events.
func happen(t *testing.T, a *parvistest.App, n int) {
	t.Helper()
	ctx := web.WithActor(context.Background(), web.SystemActor(a.Tenant, "test"))
	for n > 0 {
		var entries []events.Entry
		for range min(n, 1000) {
			entries = append(entries, events.Entry{Type: "contact.updated", Subject: events.Subject{Kind: "contact", ID: ids.New(), Version: 1}})
		}
		require.NoError(t, pg.InTx(ctx, a.App.DB, a.Tenant, func(ctx context.Context, tx pgx.Tx) error { return events.RecordTx(ctx, tx, entries...) }))
		n -= len(entries)
	}
}

// everything is what the logs have, by log, in their order.
func everything(t *testing.T, a *parvistest.App) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for at := (audit.Place{}); ; {
		page, err := a.Auditing().Follow(pg.WithSight(t.Context(), pg.Everything()), a.Tenant, at, 1000)
		require.NoError(t, err)
		if len(page) == 0 {
			return out
		}
		for _, e := range page {
			out[e.Log] = append(out[e.Log], e.ID.String())
		}
		at = page[len(page)-1].Place
	}
}

// RFC 5424 §6, with facility 13.
var messageForm = regexp.MustCompile(`^<(108|109)>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z [!-~]{1,255} parvis - [!-~]{1,32} - (\{.*\})$`)

type sent struct {
	Timestamp string `json:"@timestamp"`
	Event     struct {
		ID, Action, Outcome string
	}
	Parvis struct{ Log, Position string }
}

func parse(t *testing.T, message string) sent {
	t.Helper()
	m := messageForm.FindStringSubmatch(message)
	require.NotNil(t, m, message)
	var s sent
	require.NoError(t, json.Unmarshal([]byte(m[2]), &s))
	return s
}

// received are the ids that came, by log, in the order in which they came first,
// and how many came again.
func received(t *testing.T, r *receiver) (first map[string][]string, again int) {
	t.Helper()
	first = map[string][]string{}
	seen := map[string]bool{}
	for _, m := range r.messages(t) {
		s := parse(t, m)
		if seen[s.Event.ID] {
			again++
			continue
		}
		seen[s.Event.ID] = true
		first[s.Parvis.Log] = append(first[s.Parvis.Log], s.Event.ID)
	}
	return first, again
}

// A receiver that is killed in the middle of what it is sent, again and again,
// misses nothing: everything comes at least once, in the order of its log, and
// what comes again is told by its id.
func TestAKilledReceiverMissesNothing(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	r := newReceiver(t)
	made := a.Post("/v1/audit/forwarders", map[string]any{"name": "SOC", "url": "syslog+tls://" + r.address, "ca_certificates": r.authority, "start": "beginning"}).Is(201)
	path := made.Header.Get("Location")
	kill := r.start(t)
	a.As("contacts:read").Get("/v1/audit/entries").Is(403)
	parvistest.Eventually(t, "the receiver has had something to the end", func() bool { return a.Get(path).JSON()["health"].(map[string]any)["delivered"].(float64) > 0 })
	killedInTheMiddle := 0
	// As often as it takes to meet it in the middle of a batch: nobody chose the moment.
	for round := 0; round < 4 || (killedInTheMiddle == 0 && round < 20); round++ {
		before := len(r.messages(t))
		happen(t, a, 3000)
		parvistest.Eventually(t, "the receiver gets messages", func() bool { return len(r.messages(t)) > before+700 })
		kill()
		first, _ := received(t, r)
		if delivered := a.Get(path).JSON()["health"].(map[string]any)["delivered"].(float64); int(delivered) < len(first["events"]) {
			killedInTheMiddle++
		}
		parvistest.Eventually(t, "the failure shows", func() bool {
			health := a.Get(path).JSON()["health"].(map[string]any)
			return health["failing_since"] != nil && health["oldest_undelivered_at"] != nil && health["last_error"] != nil
		})
		kill = r.start(t)
	}
	defer func() { kill() }()
	parvistest.Eventually(t, "everything has been taken", func() bool {
		health := a.Get(path).JSON()["health"].(map[string]any)
		return health["oldest_undelivered_at"] == nil && health["failing_since"] == nil
	})
	want := everything(t, a)
	first, again := received(t, r)
	t.Logf("%d events, %d came again, %d kills in the middle of a batch", len(want["events"]), again, killedInTheMiddle)
	require.GreaterOrEqual(t, len(want["events"]), 12_000)
	for _, log := range []string{"events", "refusals"} {
		require.Equal(t, len(want[log]), len(first[log]), log) //nolint:testifylint // the ids would fill pages
		require.True(t, slices.Equal(want[log], first[log]), "%s came in their order", log)
	}
	require.Positive(t, again, "a kill in the middle has a batch sent again")
}

// Only the receiver that was named is sent to.
func TestAReceiverThatIsNotKnownGetsNothing(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	r, other := newReceiver(t), newReceiver(t)
	kill := r.start(t)
	defer kill()
	path := a.Post("/v1/audit/forwarders", map[string]any{"name": "SOC", "url": "syslog+tls://" + r.address, "ca_certificates": other.authority, "start": "beginning"}).Is(201).Header.Get("Location")
	parvistest.Eventually(t, "the certificate is refused", func() bool { return a.Get(path).JSON()["health"].(map[string]any)["last_error"] == "certificate" })
	require.Empty(t, r.messages(t))
	a.Patch(path, map[string]any{"ca_certificates": r.authority}).Is(200)
	parvistest.Eventually(t, "it is sent to", func() bool { return len(r.messages(t)) > 0 })
}
