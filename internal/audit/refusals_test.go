package audit_test

import (
	"bufio"
	"context"
	"fmt"
	"hash/crc32"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// refusals waits for the refusals of an institution that these parameters find.
func refusals(t *testing.T, a *parvistest.App, query string) []map[string]any {
	t.Helper()
	var out []map[string]any
	parvistest.Eventually(t, "the refusal is in the log", func() bool {
		out = a.Get("/v1/audit/entries?kinds=refusal" + query).Is(http.StatusOK).Data()
		return len(out) > 0
	})
	return out
}

// forged is a well-formed key with the id of another and a secret of its own.
func forged(t *testing.T, of string) string {
	t.Helper()
	mine, err := apikey.Parse(of)
	require.NoError(t, err)
	other, err := apikey.Generate(apikey.Live, apikey.Secret)
	require.NoError(t, err)
	body := "pv_live_sk_" + mine.ID() + "_" + other.Reveal()[len("pv_live_sk_")+apikey.IDLength+1:apikey.Length-6]
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := []byte("000000")
	for i, n := len(sum)-1, crc32.ChecksumIEEE([]byte(body)); n > 0; i, n = i-1, n/62 {
		sum[i] = digits[n%62]
	}
	return body + string(sum)
}

func TestARefusalTellsWhoAndByWhichRule(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	poor := a.As("contacts:read")
	poor.Get("/v1/audit/entries").Problem(http.StatusForbidden, "insufficient-scope")
	r := refusals(t, a, "")[0]
	require.Equal(t, "listAuditEntries", r["operation"])
	require.EqualValues(t, 403, r["status"])
	require.Equal(t, "insufficient-scope", r["code"])
	require.Equal(t, "audit:read", r["rule"])
	require.Equal(t, true, r["proven"])
	require.Equal(t, "failure", r["outcome"])
	require.Equal(t, "api_key", r["actor"].(map[string]any)["kind"])
	require.Equal(t, "127.0.0.1", r["address"])

	// A key that exists, with another secret: of the institution, and not proven.
	guesser := a.As("contacts:read")
	guesser.Key = forged(t, guesser.Key)
	guesser.Get("/v1/contacts").Problem(http.StatusUnauthorized, "unauthenticated")
	r = refusals(t, a, "&operation=listContacts")[0]
	require.EqualValues(t, 401, r["status"])
	require.Equal(t, "secret", r["rule"])
	require.Equal(t, false, r["proven"])
	require.NotNil(t, r["actor"])

	// A key that nobody has is the installation's, not any institution's.
	stranger := a.Anonymous()
	unknown, err := apikey.Generate(apikey.Live, apikey.Secret)
	require.NoError(t, err)
	stranger.Key = unknown.Reveal()
	stranger.Get("/v1/departments").Problem(http.StatusUnauthorized, "unauthenticated")
	service := audit.NewService(a.App.DB, nil)
	parvistest.Eventually(t, "the attempt is in the installation's log", func() bool {
		entries, _, _, err := service.Entries(pg.WithSight(t.Context(), pg.Everything()), uuid.Nil, audit.EntryFilter{Kinds: []string{audit.KindRefusal}}, audit.EntryPosition{}, 10)
		require.NoError(t, err)
		for _, e := range entries {
			if e.Operation == "listDepartments" {
				require.Equal(t, unknown.ID(), e.ActorID)
				require.Equal(t, "unknown", e.Rule)
				return true
			}
		}
		return false
	})
	require.Empty(t, a.Get("/v1/audit/entries?kinds=refusal&operation=listDepartments").Data())
}

// What is kept from somebody by sight is told in the log, and what is not there
// is not; nor is what another institution has.
func TestARecordOutOfSightIsARefusalAndAMissingOneIsNot(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	there := someone(t, a)
	a.AsOwner("update crm.contacts set restricted = true where id = $1", uuid.MustParse(there))
	theirs := a.OtherTenant().Post("/v1/contacts", map[string]any{"kind": "person", "family_name": "Noël"}).Is(http.StatusCreated).ID()
	reader := a.As("contacts:read")
	for _, id := range []string{theirs, ids.New().String(), there} { // the last one is in the log last
		reader.Get("/v1/contacts/"+id).Problem(http.StatusNotFound, "not-found")
	}
	found := refusals(t, a, "")
	require.Len(t, found, 1)
	require.Equal(t, there, found[0]["subject"].(map[string]any)["id"])
	require.Equal(t, "sight", found[0]["rule"])
	require.EqualValues(t, 404, found[0]["status"])
	// Who does not see the contact does not learn from the log that there was one to
	// be refused: asking for it and for nothing would be told apart.
	auditor := a.As("audit:read")
	require.Empty(t, auditor.Get("/v1/audit/entries?kinds=refusal").Data())
}

func TestWhoAsksTooOftenIsToldOnceWithTheNumber(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.RateBulk = 2 }))
	for range 2 {
		a.Get("/v1/audit/verification").Is(http.StatusOK)
	}
	for range 30 {
		a.Get("/v1/audit/verification").Problem(http.StatusTooManyRequests, "quota-exceeded")
	}
	total := func() (rows int, repeated float64) {
		for _, r := range a.Get("/v1/audit/entries?kinds=refusal").Is(http.StatusOK).Data() {
			require.Equal(t, "bulk", r["rule"])
			rows, repeated = rows+1, repeated+r["repeated"].(float64)
		}
		return rows, repeated
	}
	parvistest.Eventually(t, "all are counted", func() bool { _, n := total(); return n == 30 })
	rows, _ := total()
	require.Less(t, rows, 30)
}

func newRefusalLog(db *pg.DB, folder string) *audit.RefusalLog {
	return audit.NewRefusalLog(db, clock.System{}, slog.New(slog.DiscardHandler), folder, audit.MostRefusalsKept, installation)
}

func runRefusals(t *testing.T, log *audit.RefusalLog) func() {
	t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- log.Run(ctx) }()
	return func() {
		leave()
		require.NoError(t, <-ended)
	}
}

// refuse notes refusals as fast as it can and says each, in a process of its own.
func refuse(url, folder, tenant string) {
	db, err := pg.Open(context.Background(), url, pg.Options{MaxConns: 4})
	if err != nil {
		panic(err)
	}
	log := newRefusalLog(db, folder)
	go func() { _ = log.Run(context.Background()) }()
	for n := 0; ; n++ {
		name := fmt.Sprintf("%d-%d", os.Getpid(), n)
		log.Refused(context.Background(), web.Refusal{Tenant: uuid.MustParse(tenant), Kind: web.APIKey, ID: name, Operation: "getContact", Status: 403, Code: "x"})
		_, _ = os.Stdout.WriteString(name + "\n")
	}
}

// Whatever was refused before kill -9 is in the log after the next start, once,
// and the chain agrees.
func TestAKilledProcessLosesNoRefusal(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	folder := t.TempDir()
	said := map[string]bool{}
	for range 4 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "PARVIS_TEST_REFUSER="+a.DB.AppURL, "PARVIS_TEST_FOLDER="+folder, "PARVIS_TEST_TENANT="+a.Tenant.String())
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; n < 2000 && lines.Scan(); n++ {
			said[lines.Text()] = true
		}
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	runRefusals(t, newRefusalLog(a.App.DB, folder))()
	conn, err := pgx.Connect(t.Context(), a.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(t.Context(), `select actor_id from crm.refusals where tenant_id = $1`, a.Tenant)
	require.NoError(t, err)
	kept, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	once := map[string]bool{}
	for _, id := range kept {
		require.False(t, once[id], "a refusal is noted once")
		once[id] = true
	}
	lost := 0
	for id := range said {
		if !once[id] {
			lost++
		}
	}
	require.Zero(t, lost, "of %d", len(said))
	require.GreaterOrEqual(t, len(said), 8000)
	report, err := audit.NewService(a.App.DB, nil).VerifyRefusals(t.Context(), a.Tenant, nil)
	require.NoError(t, err)
	require.True(t, report.Intact(), "%+v", report.Break)
	require.EqualValues(t, len(kept), report.Entries)
}

// refusedTwice has a log of refusals in two batches, the second ten days younger.
func refusedTwice(t *testing.T, now *clock.Fixed) (*parvistest.DB, *pg.DB, uuid.UUID) {
	t.Helper()
	test, db := open(t)
	tenant, folder := ids.New(), t.TempDir()
	for range 2 {
		log := audit.NewRefusalLog(db, now, slog.New(slog.DiscardHandler), folder, audit.MostRefusalsKept, installation)
		stop := runRefusals(t, log)
		for i := range 3 {
			log.Refused(t.Context(), web.Refusal{
				Tenant: tenant, Kind: web.User, ID: strconv.Itoa(i), Proven: true, Operation: "getContact", Status: 403, Code: "insufficient-scope", Rule: "contacts:read",
				Address: netip.MustParseAddr("192.0.2.7"), Request: "r",
			})
		}
		stop()
		now.Advance(10 * 24 * time.Hour)
	}
	return test, db, tenant
}

func TestWhatWasAlteredInTheLogOfRefusalsIsFound(t *testing.T) {
	t.Parallel()
	const one = `(select id from crm.refusals where tenant_id = $1 order by id limit 1)`
	for name, c := range map[string]struct{ statement, kind string }{
		"who":            {`update crm.refusals set actor_id = 'nobody' where tenant_id = $1 and id = ` + one, audit.EntryAltered},
		"proven":         {`update crm.refusals set proven = false where tenant_id = $1 and id = ` + one, audit.EntryAltered},
		"the rule":       {`update crm.refusals set rule = 'x' where tenant_id = $1 and id = ` + one, audit.EntryAltered},
		"how often":      {`update crm.refusals set repeated = 7 where tenant_id = $1 and id = ` + one, audit.EntryAltered},
		"from where":     {`update crm.refusals set address = '::1' where tenant_id = $1 and id = ` + one, audit.EntryAltered},
		"an entry gone":  {`delete from crm.refusals where tenant_id = $1 and id = ` + one, audit.EntryMissing},
		"an entry added": {`insert into crm.refusals select tenant_id, gen_random_uuid(), occurred_at, actor_kind, actor_id, proven, operation, status, code, rule, subject_id, address, request_id, repeated from crm.refusals where tenant_id = $1 and id = ` + one, audit.EntryUnsealed},
		"a batch gone":   {`delete from crm.audit_batches where tenant_id = $1 and log = 'refusals' and number = 1`, audit.BatchMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test, db, tenant := refusedTwice(t, clock.NewFixed(time.Now()))
			alter(t, test, c.statement, tenant)
			r, err := audit.NewService(db, nil).VerifyRefusals(t.Context(), tenant, nil)
			require.NoError(t, err)
			require.NotNil(t, r.Break)
			require.Equal(t, c.kind, r.Break.Kind)
		})
	}
}

func TestRefusalsHaveARetentionOfTheirOwn(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Now().AddDate(0, -14, 0))
	_, db, tenant := refusedTwice(t, now)
	purger := audit.NewPurger(db, now, slog.New(slog.DiscardHandler), installation)
	now.Advance(-20 * 24 * time.Hour)
	start := now.Now()
	now.Advance(start.AddDate(0, 12, 0).Add(24 * time.Hour).Sub(start))
	n, err := purger.Purge(t.Context(), tenant, "reads")
	require.NoError(t, err)
	require.Zero(t, n, "the other log is not touched")
	n, err = purger.Purge(t.Context(), tenant, "refusals")
	require.NoError(t, err)
	require.EqualValues(t, 3, n, "those of ten days later are kept")
	r, err := audit.NewService(db, nil).VerifyRefusals(t.Context(), tenant, nil)
	require.NoError(t, err)
	require.True(t, r.Intact(), "%+v", r.Break)
	require.EqualValues(t, 3, r.Purged)
	require.EqualValues(t, 3, r.Entries)

	a := parvistest.New(t)
	said := a.Put("/v1/audit/retention", map[string]any{"log": "refusals", "months": 24}).Is(http.StatusOK).JSON()
	require.EqualValues(t, 24, said["refusal_months"])
	require.EqualValues(t, 12, said["months"])
}
