package audit_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

func open(t *testing.T) (*parvistest.DB, *pg.DB) {
	t.Helper()
	test := parvistest.Database(t)
	db, err := pg.Open(t.Context(), test.AppURL, pg.Options{MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return test, db
}

func newLog(db *pg.DB, folder string) *audit.ReadLog {
	return audit.NewReadLog(db, clock.System{}, slog.New(slog.DiscardHandler), folder, audit.MostKept)
}

// run starts a log and returns what ends it.
func run(t *testing.T, log *audit.ReadLog) func() {
	t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- log.Run(ctx) }()
	return func() {
		leave()
		require.NoError(t, <-ended)
	}
}

// readsOf walks through everything that a contact's log holds.
func readsOf(t *testing.T, db *pg.DB, tenant uuid.UUID, f audit.ReadFilter, page int) []audit.Read {
	t.Helper()
	service := audit.NewService(db, nil)
	var before *audit.Position
	var all []audit.Read
	for {
		rows, err := service.Reads(t.Context(), tenant, f, before, page)
		require.NoError(t, err)
		all = append(all, rows...)
		if len(rows) < page {
			return all
		}
		last := rows[len(rows)-1]
		before = &audit.Position{At: last.OccurredAt, ID: last.ID}
	}
}

func TestReadsOutliveTheProgram(t *testing.T) {
	t.Parallel()
	_, db := open(t)
	folder := t.TempDir()
	log := newLog(db, folder)
	stop := run(t, log)
	tenant, contact := ids.New(), ids.New()
	actor := web.SystemActor(tenant, "test")
	const count = 6000
	for range count {
		require.NoError(t, record(log)(t.Context(), actor, "getContact", []uuid.UUID{contact, contact}))
	}
	stop()
	reads := readsOf(t, db, tenant, audit.ReadFilter{Contact: &contact}, 500)
	require.Len(t, reads, count)
	require.Equal(t, []uuid.UUID{contact}, reads[0].Subjects, "nobody is named twice")
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left, "what is in the database is in no file")
}

func TestADatabaseThatIsAwayLosesNoRead(t *testing.T) {
	t.Parallel()
	test, db := open(t)
	conn, err := pgx.Connect(t.Context(), test.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	log := newLog(db, t.TempDir())
	stop := run(t, log)
	tenant := ids.New()
	for range 40 {
		require.NoError(t, record(log)(t.Context(), web.SystemActor(tenant, "test"), "getContact", []uuid.UUID{ids.New()}))
		_, err := conn.Exec(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`)
		require.NoError(t, err)
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), `select count(*) from crm.access_log`).Scan(&n))
	require.Equal(t, 40, n)
}

// Folding into the index loses nothing, repeats nothing and keeps the order,
// wherever the mark is; nor does what a dead process left for later.
func TestReadsAreFoundFoldedOrNot(t *testing.T) {
	t.Parallel()
	test, db := open(t)
	conn, err := pgx.Connect(t.Context(), test.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	tenant := ids.New()
	contacts := make([]uuid.UUID, 300)
	for i := range contacts {
		contacts[i] = ids.New()
	}
	behind := newLog(db, t.TempDir()) // of a process that writes only at the end
	require.NoError(t, record(behind)(t.Context(), web.SystemActor(tenant, "late"), "getContact", contacts[:7]))
	log := newLog(db, t.TempDir())
	stop := run(t, log)
	const pages = 9000
	want := map[uuid.UUID]int{}
	for i := range pages {
		from := i * 7 % 280
		page := contacts[from : from+20]
		require.NoError(t, record(log)(t.Context(), web.SystemActor(tenant, fmt.Sprint("actor", i%3)), "listContacts", page))
		for _, c := range page {
			want[c]++
		}
	}
	var folded, unfolded int
	count := func() {
		require.NoError(t, conn.QueryRow(t.Context(), `select coalesce(sum(length(entries) / 40), 0) from crm.access_log_index`).Scan(&folded))
		require.NoError(t, conn.QueryRow(t.Context(), `select count(*) from crm.access_log where occurred_at > (select folded_to from crm.access_log_marks)`).Scan(&unfolded))
	}
	parvistest.Eventually(t, "some reads are folded", func() bool { count(); return folded > 0 })
	stop()
	for range 10 {
		require.NoError(t, record(log)(t.Context(), web.SystemActor(tenant, "actor9"), "getContact", contacts[:1]))
	}
	want[contacts[0]] += 10
	run(t, log)() // what came after the end
	run(t, behind)()
	for _, c := range contacts[:7] {
		want[c]++
	}
	count()
	t.Logf("%d entries folded, %d reads not", folded, unfolded)
	require.Positive(t, folded)
	require.Positive(t, unfolded)
	for _, c := range []uuid.UUID{contacts[0], contacts[6], contacts[20], contacts[150], contacts[299]} {
		reads := readsOf(t, db, tenant, audit.ReadFilter{Contact: &c}, 97)
		require.Equal(t, want[c], len(reads)) //nolint:testifylint // the reads would fill pages
		seen := map[uuid.UUID]bool{}
		for i, r := range reads {
			require.Contains(t, r.Subjects, c)
			require.False(t, seen[r.ID])
			seen[r.ID] = true
			require.True(t, i == 0 || !r.OccurredAt.After(reads[i-1].OccurredAt), "newest first")
		}
		actor := "actor1"
		of := readsOf(t, db, tenant, audit.ReadFilter{Contact: &c, Actor: &actor}, 97)
		require.Equal(t, slices.DeleteFunc(slices.Clone(reads), func(r audit.Read) bool { return r.ActorID != actor }), of)
		if len(reads) > 2 {
			middle := reads[len(reads)/2].OccurredAt
			since := readsOf(t, db, tenant, audit.ReadFilter{Contact: &c, Since: &middle}, 1000)
			until := readsOf(t, db, tenant, audit.ReadFilter{Contact: &c, Until: &middle}, 1000)
			require.Len(t, reads, len(since)+len(until))
		}
	}
	foreign := readsOf(t, db, ids.New(), audit.ReadFilter{Contact: &contacts[0]}, 10)
	require.Empty(t, foreign)
}

// A segment that ends in the middle of an entry gives all entries before it.
func TestATornSegmentGivesWhatIsWhole(t *testing.T) {
	t.Parallel()
	_, db := open(t)
	a := parvistest.New(t)
	folder := t.TempDir()
	dead := newLog(db, folder)
	contact := ids.New()
	for range 3 {
		require.NoError(t, record(dead)(t.Context(), web.SystemActor(a.Tenant, "test"), "getContact", []uuid.UUID{contact}))
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.reads"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	raw, err := os.ReadFile(files[0])
	require.NoError(t, err)
	other := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "0.reads"), raw[:len(raw)-5], 0o600))
	run(t, newLog(a.App.DB, other))()
	require.Len(t, readsOf(t, a.App.DB, a.Tenant, audit.ReadFilter{Contact: &contact}, 10), 2)
}

func TestReadsOfAnotherDatabaseWaitForTheirOwn(t *testing.T) {
	t.Parallel()
	_, db := open(t)
	a := parvistest.New(t)
	folder := t.TempDir()
	contact := ids.New()
	log := newLog(db, folder)
	require.NoError(t, record(log)(t.Context(), web.SystemActor(ids.New(), "test"), "getContact", []uuid.UUID{contact}))
	files, err := filepath.Glob(filepath.Join(folder, "*.reads"))
	require.NoError(t, err)
	raw, err := os.ReadFile(files[0])
	require.NoError(t, err)
	other := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "0.reads"), raw, 0o600))
	run(t, newLog(a.App.DB, other))()
	left, err := os.ReadDir(other)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

// No answer without its entry: where the spool takes none, the read is refused.
func TestAReadThatCannotBeNotedIsRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	a := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.DataDir = folder }))
	id := a.Post("/v1/contacts", map[string]any{"kind": "person", "family_name": "Secrète"}).Is(http.StatusCreated).ID()
	a.Get("/v1/contacts/" + id).Is(http.StatusOK)
	parvistest.Eventually(t, "the read is in the log", func() bool { return len(a.Get("/v1/audit/reads?contact_id="+id).Data()) == 1 })
	require.NoError(t, os.RemoveAll(filepath.Join(folder, "reads")))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "reads"), nil, 0o600)) // a file where the folder should be
	for _, path := range []string{"/v1/contacts/" + id, "/v1/contacts", "/v1/contacts?count=exact", "/v1/contacts?fields=family_name"} {
		answer := a.Get(path)
		answer.Problem(http.StatusServiceUnavailable, "unavailable")
		require.NotContains(t, string(answer.Body), "Secr")
		require.Empty(t, answer.ETag())
		require.NotEmpty(t, answer.Header.Get("Retry-After"))
	}
	a.Get("/v1/tags").Is(http.StatusOK)
	require.NoError(t, os.Remove(filepath.Join(folder, "reads")))
	a.Get("/v1/contacts/" + id).Is(http.StatusOK)
	full := audit.NewReadLog(a.App.DB, clock.System{}, slog.New(slog.DiscardHandler), t.TempDir(), 150)
	actor := web.SystemActor(a.Tenant, "test")
	require.NoError(t, record(full)(t.Context(), actor, "getContact", []uuid.UUID{ids.New()}))
	require.Error(t, record(full)(t.Context(), actor, "getContact", []uuid.UUID{ids.New()}), "more than may be kept")
}

// A reader who already has the present version is given nothing that was not
// noted when it got it.
func TestAnUnchangedAnswerIsNoRead(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	id := a.Post("/v1/contacts", map[string]any{"kind": "person", "family_name": "Noël"}).Is(http.StatusCreated).ID()
	etag := a.Get("/v1/contacts/" + id).Is(http.StatusOK).ETag()
	a.Get("/v1/contacts/"+id, parvistest.Header("If-None-Match", etag)).Is(http.StatusNotModified)
	a.Get("/v1/contacts/" + id).Is(http.StatusOK)
	parvistest.Eventually(t, "two reads are noted", func() bool { return len(a.Get("/v1/audit/reads?contact_id="+id).Data()) >= 2 })
	require.Len(t, a.Get("/v1/audit/reads?contact_id="+id).Data(), 2)
}

// TestMain lets the test's own binary be the process that is killed.
func TestMain(m *testing.M) {
	if url := os.Getenv("PARVIS_TEST_READER"); url != "" {
		read(url, os.Getenv("PARVIS_TEST_FOLDER"), os.Getenv("PARVIS_TEST_TENANT"))
	}
	if url := os.Getenv("PARVIS_TEST_REFUSER"); url != "" {
		refuse(url, os.Getenv("PARVIS_TEST_FOLDER"), os.Getenv("PARVIS_TEST_TENANT"))
	}
	os.Exit(m.Run())
}

// read notes reads as fast as it can and says each as answered.
func read(url, folder, tenant string) {
	db, err := pg.Open(context.Background(), url, pg.Options{MaxConns: 4})
	if err != nil {
		panic(err)
	}
	log := newLog(db, folder)
	go func() { _ = log.Run(context.Background()) }()
	answered := make(chan string, 64)
	for w := range 4 {
		go func() {
			for n := 0; ; n++ {
				contact := ids.New()
				if err := record(log)(context.Background(), web.SystemActor(uuid.MustParse(tenant), fmt.Sprint(w)), "getContact", []uuid.UUID{contact}); err != nil {
					panic(err)
				}
				answered <- contact.String()
			}
		}()
	}
	for contact := range answered {
		_, _ = os.Stdout.WriteString(contact + "\n")
	}
}

// Whatever was answered before kill -9 is in the log after the next start.
func TestAKilledProcessLosesNoRead(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	folder := t.TempDir()
	answered := map[uuid.UUID]bool{}
	for range 5 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "PARVIS_TEST_READER="+a.DB.AppURL, "PARVIS_TEST_FOLDER="+folder, "PARVIS_TEST_TENANT="+a.Tenant.String())
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; n < 3000 && lines.Scan(); n++ {
			answered[uuid.MustParse(strings.TrimSpace(lines.Text()))] = true
		}
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() { // what it said before it died
			if id, err := uuid.Parse(lines.Text()); err == nil && len(lines.Text()) == 36 {
				answered[id] = true
			}
		}
		_ = cmd.Wait()
	}
	run(t, newLog(a.App.DB, folder))()
	conn, err := pgx.Connect(t.Context(), a.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(t.Context(), `select subjects[1] from crm.access_log where tenant_id = $1`, a.Tenant.String())
	require.NoError(t, err)
	noted, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	require.NoError(t, err)
	kept := map[uuid.UUID]bool{}
	for _, id := range noted {
		require.False(t, kept[id], "a read is noted once")
		kept[id] = true
	}
	lost := 0
	for id := range answered {
		if !kept[id] {
			lost++
		}
	}
	require.Zero(t, lost, "of %d answered reads", len(answered))
	require.GreaterOrEqual(t, len(answered), 15_000)
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
}

// record is Record without the name of the entry.
func record(log *audit.ReadLog) func(context.Context, web.Actor, string, []uuid.UUID) error {
	return func(ctx context.Context, actor web.Actor, operation string, subjects []uuid.UUID) error {
		_, err := log.Record(ctx, actor, operation, subjects)
		return err
	}
}
