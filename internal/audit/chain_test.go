package audit_test

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

var installation = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

// chained has a log of reads in several batches.
func chained(t *testing.T, c clock.Clock, batches int) (test *parvistest.DB, db *pg.DB, tenant, contact uuid.UUID) {
	t.Helper()
	test, db = open(t)
	tenant, contact = ids.New(), ids.New()
	folder := t.TempDir()
	for range batches {
		readTwice(t, db, c, folder, tenant, contact)
	}
	return test, db, tenant, contact
}

func readTwice(t *testing.T, db *pg.DB, c clock.Clock, folder string, tenant, contact uuid.UUID) {
	t.Helper()
	log := audit.NewReadLog(db, c, slog.New(slog.DiscardHandler), folder, audit.MostKept)
	log.Sign(installation)
	stop := run(t, log)
	ctx := web.WithStated(t.Context(), web.Stated{Reason: "dossier 114", Reads: true})
	for range 2 {
		require.NoError(t, record(log)(ctx, web.SystemActor(tenant, "test"), "getContact", []uuid.UUID{contact}))
	}
	stop()
}

func verify(t *testing.T, db *pg.DB, tenant uuid.UUID) audit.BatchReport {
	t.Helper()
	r, err := audit.NewService(db, nil).VerifyReads(t.Context(), tenant, nil)
	require.NoError(t, err)
	return r
}

func alter(t *testing.T, test *parvistest.DB, statement string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), test.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	tag, err := conn.Exec(t.Context(), statement, args...)
	require.NoError(t, err)
	require.Positive(t, tag.RowsAffected(), "the row to alter is there")
}

func TestTheLogOfReadsAgreesWithItsChain(t *testing.T) {
	t.Parallel()
	_, db, tenant, _ := chained(t, clock.System{}, 3)
	r := verify(t, db, tenant)
	require.True(t, r.Intact(), "%+v", r.Break)
	require.EqualValues(t, 3, r.Batches)
	require.EqualValues(t, 6, r.Entries)
	require.Len(t, r.Keys, 1)
	require.True(t, verify(t, db, ids.New()).Intact(), "nothing there yet")
}

func TestWhatWasAlteredInTheLogOfReadsIsFound(t *testing.T) {
	t.Parallel()
	const one = `(select id from crm.access_log where tenant_id = $1 order by id limit 1)`
	for name, c := range map[string]struct{ statement, kind string }{
		"the time":              {`update crm.access_log set occurred_at = occurred_at + interval '1 microsecond' where tenant_id = $1 and id = ` + one, audit.EntryAltered},
		"who":                   {`update crm.access_log set actor_id = 'nobody' where tenant_id = $1 and id = ` + one, audit.EntryAltered},
		"whose data":            {`update crm.access_log set subjects = '{}' where tenant_id = $1 and id = ` + one, audit.EntryAltered},
		"the reason":            {`update crm.access_log set reason = 'another' where tenant_id = $1 and id = ` + one, audit.EntryAltered},
		"the reason, hidden":    {`update crm.access_log set reason = 'another', reason_digest = sha256('dossier 114') where tenant_id = $1 and id = ` + one, audit.EntryAltered},
		"an entry gone":         {`delete from crm.access_log where tenant_id = $1 and id = ` + one, audit.EntryMissing},
		"an entry put beside":   {`insert into crm.access_log (tenant_id, id, occurred_at, actor_kind, actor_id, operation, request_id) values ($1, gen_random_uuid(), now(), 'user', 'x', 'getContact', '')`, audit.EntryUnsealed},
		"a batch gone":          {`delete from crm.audit_batches where tenant_id = $1 and number = 2`, audit.BatchMissing},
		"when it was sealed":    {`update crm.audit_batches set sealed_at = sealed_at - interval '1 day' where tenant_id = $1 and number = 2`, audit.BatchAltered},
		"the order in a batch":  {`update crm.audit_batches set entries = substring(entries from 49) || substring(entries from 1 for 48) where tenant_id = $1 and number = 2`, audit.BatchAltered},
		"the order of batches":  {`update crm.audit_batches set number = number + 7 where tenant_id = $1 and number = 2`, audit.BatchMissing},
		"the signature":         {`update crm.audit_batches set signature = sha256('x') || sha256('y') where tenant_id = $1 and number = 2`, audit.SignatureWrong},
		"a batch without one":   {`update crm.audit_batches set signature = null, public_key = null where tenant_id = $1 and number = 2`, audit.SignatureWrong},
		"a purge that was none": {`insert into crm.audit_gaps select tenant_id, log, 1, 1, digest, 2, now(), now(), public_key, signature from crm.audit_batches where tenant_id = $1 and number = 1`, audit.SignatureWrong},
		"the end, entries left": {`delete from crm.audit_batches where tenant_id = $1 and number = 3`, audit.EntryUnsealed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test, db, tenant, _ := chained(t, clock.System{}, 3)
			alter(t, test, c.statement, tenant)
			r := verify(t, db, tenant)
			require.NotNil(t, r.Break)
			require.Equal(t, c.kind, r.Break.Kind)
			if c.kind == audit.EntryAltered || c.kind == audit.EntryMissing || c.kind == audit.EntryUnsealed {
				require.NotNil(t, r.Break.Entry, "it is named")
			}
		})
	}
}

func TestTheApplicationCannotAlterItsLogs(t *testing.T) {
	t.Parallel()
	_, db, tenant, _ := chained(t, clock.System{}, 2)
	for _, statement := range []string{
		`update access_log set actor_id = 'x' where tenant_id = $1`, `delete from access_log where tenant_id = $1`,
		`update audit_batches set number = 9 where tenant_id = $1`, `delete from audit_batches where tenant_id = $1`,
		`update audit_gaps set entries = 0 where tenant_id = $1`, `delete from audit_gaps where tenant_id = $1`,
		`update events set actor_id = 'x' where tenant_id = $1`, `delete from events where tenant_id = $1`,
		`select purge_audit($1, 'reads', 1, 1, digest, 2, now(), now(), public_key, signature) from audit_batches where tenant_id = $1 and number = 1`,
		`select purge_audit($1, 'reads', 1, 1, digest, 2, now() - interval '1 year', now(), public_key, signature) from audit_batches where tenant_id = $1 and number = 1`,
	} {
		_, err := db.Tenant(tenant).Exec(t.Context(), statement, tenant)
		require.ErrorContains(t, err, "42501", statement)
	}
	require.True(t, verify(t, db, tenant).Intact())
}

func TestReadsArePurgedAfterTheirTime(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Now().AddDate(0, -14, 0))
	test, db, tenant, contact := chained(t, now, 2)
	folder := t.TempDir()
	now.Advance(10 * 24 * time.Hour)
	readTwice(t, db, now, folder, tenant, contact) // ten days younger
	purger := audit.NewPurger(db, now, slog.New(slog.DiscardHandler), installation)
	purge := func() int64 {
		n, err := purger.Purge(t.Context(), tenant, "reads")
		require.NoError(t, err)
		return n
	}
	first := now.Now().Add(-10 * 24 * time.Hour)
	now.Advance(first.AddDate(0, 12, 0).Add(-24 * time.Hour).Sub(now.Now()))
	require.Zero(t, purge(), "twelve months less a day")
	now.Advance(48 * time.Hour)
	require.EqualValues(t, 4, purge(), "twelve months and a day")
	require.Zero(t, purge())
	r := verify(t, db, tenant)
	require.True(t, r.Intact(), "%+v", r.Break)
	require.EqualValues(t, 4, r.Purged)
	require.EqualValues(t, 2, r.Entries)
	now.Advance(10 * 24 * time.Hour)
	require.EqualValues(t, 2, purge(), "the last ones too")
	readTwice(t, db, now, folder, tenant, contact)
	r = verify(t, db, tenant)
	require.True(t, r.Intact(), "%+v", r.Break)
	require.EqualValues(t, 1, r.Batches)
	require.EqualValues(t, 6, r.Purged)

	alter(t, test, `update crm.audit_gaps set entries = 1 where tenant_id = $1 and to_number = 2`, tenant)
	require.Equal(t, audit.SignatureWrong, verify(t, db, tenant).Break.Kind, "a certificate says what was signed")
}

func TestHowLongReadsAreKeptIsSaid(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	require.EqualValues(t, 12, a.Get("/v1/audit/retention").Is(http.StatusOK).JSON()["months"])
	a.Put("/v1/audit/retention", map[string]any{"months": 5}).Problem(http.StatusBadRequest, "invalid-request")
	a.Put("/v1/audit/retention", map[string]any{"months": 37}).Problem(http.StatusBadRequest, "invalid-request")
	a.Put("/v1/audit/retention", map[string]any{"months": 24, "valid_from": "2001-01-01T00:00:00Z"}).Problem(http.StatusUnprocessableEntity, "invalid")
	later := a.Put("/v1/audit/retention", map[string]any{"months": 24, "valid_from": "2101-01-01T00:00:00Z"}).Is(http.StatusOK).JSON()
	require.EqualValues(t, 12, later["months"])
	require.Len(t, later["said"], 1)
	require.EqualValues(t, 6, a.Put("/v1/audit/retention", map[string]any{"months": 6}).Is(http.StatusOK).JSON()["months"])
	a.As("audit:read").Put("/v1/audit/retention", map[string]any{"months": 6}).Problem(http.StatusForbidden, "insufficient-scope")
	require.EqualValues(t, 12, a.OtherTenant().Get("/v1/audit/retention").JSON()["months"])
}

func TestAllChainsAreVerifiedAsAnOperation(t *testing.T) {
	t.Parallel()
	a := written(t, 5)
	contact := someone(t, a)
	a.Get("/v1/contacts/" + contact).Is(http.StatusOK)
	ctx := web.WithActor(t.Context(), web.SystemActor(a.Tenant, "test"))
	require.NoError(t, pg.InTx(ctx, a.App.DB, a.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		return audit.RecordReadTx(ctx, tx, "getSensitiveFact", "dossier 114", uuid.MustParse(contact))
	}))
	result := func() map[string]any {
		started := a.Post("/v1/audit/verifications", nil).Is(http.StatusAccepted)
		var o map[string]any
		parvistest.Eventually(t, "it has ended", func() bool {
			o = a.Get("/v1/operations/" + started.ID()).JSON()
			return o["status"] == "succeeded"
		})
		return o["result"].(map[string]any)
	}
	parvistest.Eventually(t, "everything is sealed", func() bool {
		r := result()
		return r["reads"].(map[string]any)["entries"].(float64) >= 2 && r["intact"] == true
	})
	keys := result()["reads"].(map[string]any)["keys"].([]any)
	require.Len(t, keys, 1)
	require.Equal(t, true, keys[0].(map[string]any)["own"])
	require.Len(t, a.Anonymous().Get("/.well-known/audit-keys.json").Is(http.StatusOK).JSON()["keys"], 1)
	owner(t, a, `update access_log set actor_id = 'nobody' where id = (select id from access_log limit 1)`)
	r := result()
	require.Equal(t, false, r["intact"])
	require.Equal(t, audit.EntryAltered, r["reads"].(map[string]any)["first_break"].(map[string]any)["kind"])
}

func TestErasingAPersonBreaksNoChain(t *testing.T) {
	t.Parallel()
	a, contact := historied(t)
	a.Get("/v1/contacts/"+contact, parvistest.Header("Parvis-Reason", "Martin m'a appelé")).Is(http.StatusOK)
	other := someone(t, a)
	parvistest.Eventually(t, "the read is there", func() bool {
		return slices.ContainsFunc(a.Get("/v1/contacts/"+contact+"/access-log").Data(), func(r map[string]any) bool { return r["reason"] != "" })
	})
	ctx := web.WithActor(t.Context(), web.SystemActor(a.Tenant, "test"))
	var erased audit.Erased
	require.NoError(t, pg.InTx(ctx, a.App.DB, a.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		erased, err = audit.EraseSubjectTx(ctx, tx, uuid.MustParse(contact))
		return err
	}))
	require.EqualValues(t, 4, erased.Changes)
	require.EqualValues(t, 1, erased.Reasons)
	for _, e := range a.Get("/v1/contacts/" + contact + "/history").Data() {
		for _, c := range e["changes"].([]any) {
			require.Nil(t, c.(map[string]any)["before"])
			require.Nil(t, c.(map[string]any)["after"])
		}
	}
	for _, r := range a.Get("/v1/contacts/" + contact + "/access-log").Data() {
		require.Empty(t, r["reason"])
	}
	parvistest.Eventually(t, "everything is numbered", func() bool { return len(a.Get("/v1/contacts/"+other+"/history").Data()) == 1 })
	require.True(t, slices.ContainsFunc(a.Get("/v1/contacts/" + other + "/history").Data()[0]["changes"].([]any), func(c any) bool {
		return c.(map[string]any)["after"] == "Martin"
	}), "others keep theirs")
	service := audit.NewService(a.App.DB, events.NewService(a.App.DB, events.NewHub()))
	found, err := service.VerifyAll(t.Context(), a.Tenant, nil)
	require.NoError(t, err)
	require.True(t, found.Intact())
	require.EqualValues(t, 4, found.Erased)
	require.True(t, verify(t, a.App.DB, a.Tenant).Intact())
}
