package audit_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
)

// lived is an institution in which something of each kind has happened.
func lived(t *testing.T) (a *parvistest.App, contact string) {
	t.Helper()
	a = parvistest.New(t)
	contact = someone(t, a)
	a.Get("/v1/contacts/" + contact).Is(http.StatusOK)
	a.As("contacts:read").Get("/v1/audit/entries").Problem(http.StatusForbidden, "insufficient-scope")
	a.Put("/v1/audit/retention", map[string]any{"months": 24}).Is(http.StatusOK)
	a.Anonymous().Post("/v1/sessions", map[string]any{"institution_id": a.Tenant.String(), "email": "nobody@theatre.example", "password": "not this one at all"}, parvistest.Header("Idempotency-Key", "")).Problem(http.StatusUnauthorized, "sign-in-refused")
	for _, kind := range []string{"data", "read", "refusal", "configuration", "rights", "sign_in"} {
		parvistest.Eventually(t, "there is an entry of the kind "+kind, func() bool { return len(a.Get("/v1/audit/entries?kinds="+kind).Is(http.StatusOK).Data()) > 0 })
	}
	return a, contact
}

func TestEntriesOfEachKindAreFound(t *testing.T) {
	t.Parallel()
	a, contact := lived(t)
	one := func(query string) map[string]any {
		return a.Get("/v1/audit/entries?" + query).Is(http.StatusOK).Data()[0]
	}
	require.Equal(t, "contact.created", one("kinds=data")["action"])
	require.Equal(t, "audit_retention.updated", one("kinds=configuration")["action"])
	require.Equal(t, "api_key.created", one("kinds=rights")["action"])
	require.Equal(t, "listAuditEntries", one("kinds=refusal")["operation"])
	signIn := one("kinds=sign_in")
	require.Equal(t, "sign_in.failed", signIn["action"])
	require.Equal(t, "failure", signIn["outcome"])
	read := one("kinds=read&operation=getContact")
	require.Equal(t, []any{contact}, read["contact_ids"])
	require.Equal(t, "/v1/audit/reads?contact_id="+contact, read["url"])

	for _, e := range a.Get("/v1/audit/entries?subject_id=" + contact).Is(http.StatusOK).Data() {
		require.Equal(t, contact, e["subject"].(map[string]any)["id"])
	}
	both := a.Get("/v1/audit/entries?subject_id=" + contact).Data()
	require.Len(t, both, 2, "it was made and it was read")
	require.Empty(t, a.Get("/v1/audit/entries?occurred_at_lt=2001-01-01T00:00:00Z").Is(http.StatusOK).Data())
	require.NotEmpty(t, a.Get("/v1/audit/entries?kinds=data&occurred_at_gte=2001-01-01T00:00:00Z").Is(http.StatusOK).Data())
	a.Get("/v1/audit/entries?kinds=gossip").Problem(http.StatusBadRequest, "invalid-request")
	a.Get("/v1/audit/entries?cursor=nonsense").Problem(http.StatusBadRequest, "cursor-invalid")
}

func TestAWalkMeetsEveryEntryOnce(t *testing.T) {
	t.Parallel()
	a, _ := lived(t)
	whole := a.Get("/v1/audit/entries?limit=200").Is(http.StatusOK).Data()
	until := "&occurred_at_lt=" + time.Now().UTC().Format(time.RFC3339Nano)
	seen := map[any]bool{}
	last := ""
	for _, e := range a.Walk("/v1/audit/entries?limit=2" + until) {
		require.False(t, seen[e["id"]])
		seen[e["id"]] = true
		at := e["occurred_at"].(string)
		require.True(t, last == "" || at <= last || strings.TrimRight(at, "Z") <= strings.TrimRight(last, "Z"), "newest first: %s after %s", at, last)
		last = at
	}
	for _, e := range whole {
		require.True(t, seen[e["id"]], "%v", e)
	}
	lines := 0
	ndjson := a.Get("/v1/audit/entries?limit=200", parvistest.Header("Accept", "application/x-ndjson")).Is(http.StatusOK)
	for scanner := bufio.NewScanner(bytes.NewReader(ndjson.Body)); scanner.Scan(); lines++ {
		var e map[string]any
		require.NoError(t, json.Unmarshal(scanner.Bytes(), &e))
	}
	require.GreaterOrEqual(t, lines, len(whole))
}

// The logs prove what happened and are no means to watch people at work (CNIL,
// recommendation on logging measures): nothing sorts, groups or counts by agent.
func TestNothingSortsOrCountsByAgent(t *testing.T) {
	t.Parallel()
	a, _ := lived(t)
	for _, query := range []string{"sort=actor_id", "sort=-actor.id", "count=exact", "count=estimate", "group_by=actor_id", "aggregate=actor", "fields=actor"} {
		a.Get("/v1/audit/entries?"+query).Problem(http.StatusBadRequest, "unknown-parameter")
		a.Get("/v1/audit/reads?"+query).Problem(http.StatusBadRequest, "unknown-parameter")
	}
	for id, op := range api.Operations {
		if !strings.HasPrefix(op.Path, "/v1/audit/") && !strings.HasSuffix(op.Path, "/access-log") {
			continue
		}
		for _, q := range op.Query {
			require.NotContains(t, []string{"sort", "count", "group_by"}, q.Name, id)
			require.True(t, q.Name != "actor_id" || slices.Contains(op.Scopes, "audit:actors"), "%s asks for no scope of its own", id)
		}
	}
}

// Following meets every entry of each log once and in its order, from any place
// on.
func TestFollowingMissesNothing(t *testing.T) {
	t.Parallel()
	a, _ := lived(t)
	service := a.Auditing()
	ctx := pg.WithSight(t.Context(), pg.Everything())
	whole, err := service.Follow(ctx, a.Tenant, audit.Place{}, 1000)
	require.NoError(t, err)
	var stepwise []audit.Entry
	for at := (audit.Place{}); ; {
		page, err := service.Follow(ctx, a.Tenant, at, 2)
		require.NoError(t, err)
		if len(page) == 0 || len(stepwise) >= len(whole) {
			break
		}
		at = page[len(page)-1].Place
		read, ok := audit.ParsePlace(at.String())
		require.True(t, ok)
		require.Equal(t, at, read)
		stepwise = append(stepwise, page...)
	}
	require.GreaterOrEqual(t, len(stepwise), len(whole))
	for _, log := range []string{"events", "reads", "refusals"} {
		of := func(all []audit.Entry) (ids []string) {
			for _, e := range all {
				if e.Log == log {
					ids = append(ids, e.ID.String())
				}
			}
			return ids
		}
		require.NotEmpty(t, of(whole), log)
		require.Equal(t, of(whole), of(stepwise)[:len(of(whole))], log)
	}
	for _, wrong := range []string{"", "e1", "e-1-r0.0-f0.0", "e1-r0.0-f0.0 ", "e01-r0.0-f0.0", "x"} {
		_, ok := audit.ParsePlace(wrong)
		require.False(t, ok, wrong)
	}
}
