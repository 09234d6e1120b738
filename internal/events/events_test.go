package events_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gowebpki/jcs"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
)

// record writes events of subjects straight into the log of a program.
func record(a *parvistest.App, entries ...events.Entry) {
	err := pg.InTx(as(a.Tenant), a.App.DB, a.Tenant, func(ctx context.Context, tx pgx.Tx) error { return events.RecordTx(ctx, tx, entries...) })
	if err != nil {
		panic(err)
	}
}

func entry(typ, kind string) events.Entry {
	return events.Entry{Type: typ, Subject: events.Subject{Kind: kind, ID: ids.New(), Version: 1}, Facts: map[string]any{"amount": 1250, "à": "é<&>"},
		Changes: []events.Change{{Pointer: "/family_name", Before: nil, After: "Lefèvre <&>"}}}
}

// feed waits until the log has n events and returns them as they are served.
func feed(tb testing.TB, c *parvistest.Client, n int) []map[string]any {
	tb.Helper()
	var page []map[string]any
	parvistest.Eventually(tb, fmt.Sprint(n, " events"), func() bool {
		page = c.Get("/v1/events?limit=1000").Is(http.StatusOK).Data()
		return len(page) >= n
	})
	return page
}

func TestAnyoneCanComputeTheChainFromTheFeed(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	for range 5 {
		record(a, entry("contact.updated", "contact"))
	}
	page := feed(t, a.Client, 6) // the first is the administrator's key
	digest := make([]byte, 32)
	rolling := sha256.New()
	for _, e := range page {
		fmt.Fprintf(rolling, "%.0f %s %s\n", e["sequence"], e["id"], e["digest"])
		want := e["digest"]
		for _, name := range []string{"digest", "api_version", "test"} {
			delete(e, name)
		}
		delete(e["data"].(map[string]any), "url")
		raw, err := json.Marshal(e)
		require.NoError(t, err)
		canonical, err := jcs.Transform(raw)
		require.NoError(t, err)
		sum := sha256.Sum256(slices.Concat(digest, canonical))
		digest = sum[:]
		require.Equal(t, want, hex.EncodeToString(digest), "at %v", e["sequence"])
	}
	var d struct {
		From, To, Count, Head int64
		First, Last           struct{ Sequence int64 }
		Before                string `json:"digest_before"`
		Digest                string
		Rolling               string `json:"rolling_hash"`
		Next                  *int64 `json:"next_from"`
	}
	a.Get("/v1/events/digest").Is(http.StatusOK).Into(&d)
	require.Equal(t, strings.Repeat("0", 64), d.Before)
	require.Equal(t, hex.EncodeToString(digest), d.Digest)
	require.Equal(t, hex.EncodeToString(rolling.Sum(nil)), d.Rolling)
	require.Equal(t, []int64{1, 6, 6, 6, 1, 6}, []int64{d.From, d.To, d.Count, d.Head, d.First.Sequence, d.Last.Sequence})

	second := d.Digest
	a.Get("/v1/events/digest?from=3&to=4").Is(http.StatusOK).Into(&d)
	require.Equal(t, []int64{3, 4, 2}, []int64{d.From, d.To, d.Count})
	require.NotEqual(t, second, d.Digest)
	a.Get("/v1/events/digest?from=7").Is(http.StatusOK).Into(&d)
	require.Equal(t, int64(0), d.Count)
	require.Equal(t, second, d.Before)
	a.Get("/v1/events/digest?from=8").Problem(http.StatusUnprocessableEntity, "invalid")
	a.Get("/v1/events/digest?from=4&to=3").Problem(http.StatusUnprocessableEntity, "invalid")
}

func TestOneEventAndItsChanges(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	record(a, entry("contact.created", "contact"))
	e := feed(t, a.Client, 2)[1]
	path := "/v1/events/" + e["id"].(string)
	one := a.Get(path).Is(http.StatusOK)
	require.Equal(t, e, one.JSON())
	a.Get(path, parvistest.Header("If-None-Match", one.ETag())).Is(http.StatusNotModified)
	a.Get("/v1/events/"+ids.New().String()).Problem(http.StatusNotFound, "not-found")

	changes := a.Get(path + "/changes").Is(http.StatusOK).JSON()
	require.Equal(t, false, changes["erased"])
	require.Equal(t, []any{map[string]any{"pointer": "/family_name", "before": nil, "after": "Lefèvre <&>"}}, changes["data"])
	raw, err := json.Marshal(changes["data"])
	require.NoError(t, err)
	digest, err := events.ChangesDigest(raw)
	require.NoError(t, err)
	require.Equal(t, e["changes_digest"], hex.EncodeToString(digest))

	require.NoError(t, pg.InTx(as(a.Tenant), a.App.DB, a.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "delete from event_changes where tenant_id = $1", a.Tenant)
		return err
	}))
	changes = a.Get(path + "/changes").Is(http.StatusOK).JSON()
	require.Equal(t, true, changes["erased"])
	require.Empty(t, changes["data"])
}

func TestFiltersLeaveNothingOut(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	kept := entry("tag.created", "tag")
	record(a, entry("contact.created", "contact"), kept, entry("contact_merge.created", "contact"), entry("contact.updated", "contact"))
	feed(t, a.Client, 5)
	types := func(query string) (out []any) {
		for _, e := range a.Get("/v1/events?" + query).Is(http.StatusOK).Data() {
			out = append(out, e["type"])
		}
		return out
	}
	require.Equal(t, []any{"contact.created", "contact.updated"}, types("types=contact.*"))
	require.Equal(t, []any{"contact.created", "tag.created"}, types("types=contact.created,tag.*"))
	require.Equal(t, []any{"tag.created"}, types("subject_id="+kept.Subject.ID.String()))
	require.Empty(t, types("types=contact.*&subject_id="+kept.Subject.ID.String()))
	require.EqualValues(t, 5, a.Get("/v1/events?types=form.*").JSON()["next_after"])
	for _, never := range []string{"nothing.*", "contact", "contact.created,consent.given"} { // nobody waits for what never comes
		require.Equal(t, "unknown-event-type", a.Get("/v1/events?types="+never).Problem(http.StatusUnprocessableEntity, "invalid")["errors"].([]any)[0].(map[string]any)["code"])
		a.Get("/v1/events/stream?types="+never).Problem(http.StatusUnprocessableEntity, "invalid")
	}
	require.EqualValues(t, 2, a.Get("/v1/events?types=contact.*&limit=1").JSON()["next_after"])
}

func TestALongPollEndsWithTheFirstEvent(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	feed(t, a.Client, 1)
	answered := make(chan []map[string]any, 1)
	go func() { answered <- a.Get("/v1/events?after=1&wait=30").Data() }()
	record(a, entry("contact.created", "contact"))
	select {
	case page := <-answered:
		require.Len(t, page, 1)
	case <-time.After(10 * time.Second):
		require.Fail(t, "the poll was not woken")
	}
	require.Empty(t, a.Get("/v1/events?after=2&wait=1").Data())
}

// A position that the log has not come to is of another log, or of one that was
// restored since: waiting for it would miss what comes before it.
func TestAPositionBeyondTheLogIsRefused(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	record(a, entry("contact.created", "contact"))
	feed(t, a.Client, 2)
	for _, path := range []string{"/v1/events?after=3", "/v1/events?after=3&wait=30", "/v1/events?after=3&types=contact.*", "/v1/events/stream?after=3"} {
		p := a.Get(path).Problem(http.StatusUnprocessableEntity, "position-beyond-head")
		require.Equal(t, "after", p["errors"].([]any)[0].(map[string]any)["parameter"], path)
	}
	for _, unreadable := range []string{"abc", "-1", "1.5", "1e2"} {
		a.Get("/v1/events/stream", parvistest.Header("Last-Event-ID", unreadable)).Problem(http.StatusBadRequest, "invalid-request")
	}
	a.Get("/v1/events/stream", parvistest.Header("Last-Event-ID", "99999999999999999999")).Problem(http.StatusUnprocessableEntity, "position-beyond-head")
	require.Empty(t, a.Get("/v1/events?after=2").Is(http.StatusOK).Data())
	record(a, entry("contact.updated", "contact"))
	feed(t, a.Client, 3)
	require.Len(t, a.Get("/v1/events?after=2").Is(http.StatusOK).Data(), 1)
}

// frame is one server-sent event.
type frame struct{ id, event, data string }

// follow opens a stream and gives its frames one by one; a comment is a frame
// whose event is ":".
func follow(tb testing.TB, ctx context.Context, a *parvistest.App, query, lastID string) func() (frame, bool) {
	tb.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+"/v1/events/stream"+query, nil)
	require.NoError(tb, err)
	r.Header.Set("Authorization", "Bearer "+a.Key)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Accept-Encoding", "gzip")
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = response.Body.Close() })
	require.Equal(tb, http.StatusOK, response.StatusCode)
	require.Contains(tb, response.Header.Get("Content-Type"), "text/event-stream")
	require.Empty(tb, response.Header.Get("Content-Encoding"))
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	return func() (frame, bool) {
		var f frame
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case lines.Text() == "" && f != (frame{}):
				return f, true
			case lines.Text() == ": ping":
				f.event = ":"
			case name == "id":
				f.id = value
			case name == "event":
				f.event = value
			case name == "data":
				f.data = value
			}
		}
		return f, false
	}
}

func TestTheStreamGivesWhatTheFeedGives(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	record(a, entry("contact.created", "contact"), entry("order.paid", "order"))
	feed(t, a.Client, 3)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	next := follow(t, ctx, a, "?after=1&types=contact.*", "")
	f, ok := next()
	require.True(t, ok)
	require.Equal(t, "2", f.id)
	require.Equal(t, "contact.created", f.event)
	var served map[string]any
	require.NoError(t, json.Unmarshal([]byte(f.data), &served))
	require.Equal(t, feed(t, a.Client, 3)[1], served)

	// Live, without asking again; without a position only what is new.
	fromNow := follow(t, ctx, a, "", "")
	resumed := follow(t, ctx, a, "?after=3", "1")
	f, _ = resumed()
	require.Equal(t, "2", f.id, "Last-Event-ID goes before after")
	f, _ = resumed()
	require.Equal(t, "3", f.id)
	record(a, entry("contact.updated", "contact"))
	for _, read := range []func() (frame, bool){next, fromNow, resumed} {
		f, ok = read()
		require.True(t, ok)
		require.Equal(t, frame{"4", "contact.updated", f.data}, f)
	}
	a.Stop()
	_, ok = fromNow()
	require.False(t, ok, "the stream ends with the server")
}

func TestTheCatalogueIsTheContracts(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	by := map[string]map[string]any{}
	for _, e := range a.Get("/v1/event-types").Is(http.StatusOK).Data() {
		by[e["name"].(string)] = e
	}
	finished := by["operation.finished"]
	require.NotNil(t, finished)
	require.Equal(t, "operations:read", finished["scope"])
	require.Equal(t, "/v1/openapi.json#/components/schemas/Event", finished["schema"])
	require.Equal(t, "operation.finished", finished["example"].(map[string]any)["type"])
}

func TestDurablePositions(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	record(a, entry("contact.created", "contact"), entry("contact.created", "contact"))
	feed(t, a.Client, 3)
	const path = "/v1/event-consumers/newsletter-sync"
	a.Get(path).Problem(http.StatusNotFound, "not-found")
	made := a.Put(path, map[string]any{"sequence": 2}).Is(http.StatusOK)
	require.EqualValues(t, 1, made.JSON()["lag"])
	a.Put(path, map[string]any{"sequence": 4}).Problem(http.StatusUnprocessableEntity, "position-beyond-head")
	a.Put(path, map[string]any{"sequence": 1}).Problem(http.StatusConflict, "position-behind")
	a.Put(path, map[string]any{"sequence": 2}).Is(http.StatusOK)
	back := a.Put(path, map[string]any{"sequence": 1, "force": true}).Is(http.StatusOK)
	require.EqualValues(t, 1, back.JSON()["sequence"])
	a.Put(path, map[string]any{"sequence": 3}, parvistest.IfMatch(made.ETag())).Problem(http.StatusPreconditionFailed, "stale-version")
	for _, name := range []string{"a", "b", "c"} {
		a.Put("/v1/event-consumers/"+name, map[string]any{"sequence": 0}).Is(http.StatusOK)
	}
	require.Len(t, a.Walk("/v1/event-consumers?limit=2"), 4)
	require.Len(t, feed(t, a.Client, 3), 3, "a position is no event")
	a.Delete(path).Problem(http.StatusPreconditionRequired, "precondition-required")
	a.Delete(path, parvistest.IfMatch(made.ETag())).Problem(http.StatusPreconditionFailed, "stale-version")
	a.Delete(path, parvistest.IfMatch(back.ETag())).Is(http.StatusNoContent)
	a.Get(path).Is(http.StatusNotFound)
}

func TestPositionsOfOurOwnReaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1)
	ctx := context.Background()
	at := func() int64 {
		n, err := h.log.Position(ctx, h.tenant, "test.reader")
		require.NoError(t, err)
		return n
	}
	require.Zero(t, at())
	for _, step := range []int64{5, 3, 9} {
		require.NoError(t, pg.InTx(ctx, h.db, h.tenant, func(ctx context.Context, tx pgx.Tx) error {
			return h.log.AdvanceTx(ctx, tx, h.tenant, "test.reader", step)
		}))
	}
	require.Equal(t, int64(9), at())
	_, err := h.log.Consumer(ctx, h.tenant, "test.reader")
	require.Error(t, err, "not shown to integrators")
}

func TestAQuietStreamSaysThatItLives(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1)
	h.log.SetPing(20 * time.Millisecond)
	h.sequence(h.db)
	body := h.stream(t, 0, "form.*")
	require.Equal(t, ": ping", <-body)
	_, err := h.change(h.tenant, ids.New(), nil, nil)
	require.NoError(t, err)
	for line := range body {
		if line == "id: 1" {
			return // the position passed what the filter left out
		}
	}
	require.Fail(t, "the position did not move")
}
