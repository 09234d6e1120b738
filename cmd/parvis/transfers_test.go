package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/transfers"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// crowd is how many contacts the institution of these tests has: enough for an
// export and an import to be caught half way.
const crowd = 7_000

var institution struct {
	sync.Mutex
	path, tenant string
}

// source gives the archive of an institution with some of everything.
func source(t *testing.T) (path, tenant string) {
	t.Helper()
	institution.Lock()
	defer institution.Unlock()
	if institution.path != "" {
		return institution.path, institution.tenant
	}
	app := parvistest.New(t)
	sql, err := os.ReadFile("../../internal/transfers/testdata/furnish.sql")
	require.NoError(t, err)
	asOwner(t, app.DB, "set app.tenant = '"+app.Tenant.String()+"'; set app.seed = '"+ids.New().String()+"';\n"+string(sql)+fmt.Sprintf(`;
		insert into contacts (tenant_id, id, kind, given_name, family_name, display_name, sort_name)
			select pg_temp.here(), pg_temp.ref('many' || n), 'person', 'Camille', 'Martin' || n, 'Camille Martin' || n, 'martin' || n from generate_series(1, %d) n;
		insert into contact_points (tenant_id, id, contact_id, kind, value, normalized, is_primary)
			select pg_temp.here(), pg_temp.ref('mail' || n), pg_temp.ref('many' || n), 'email', 'm' || n || '@example.org', 'm' || n || '@example.org', true from generate_series(1, %[1]d) n`, crowd))
	folder, err := os.MkdirTemp("", "parvis-source-") //nolint:usetesting // it serves several tests
	require.NoError(t, err)
	path = filepath.Join(folder, "source.zip")
	require.NoError(t, transfers.Whole(path, func(w io.Writer) error {
		_, err := app.Transfers().Write(t.Context(), w, transfers.Export{Tenant: app.Tenant})
		return err
	}))
	institution.path, institution.tenant = path, app.Tenant.String()
	return path, institution.tenant
}

func asOwner(t *testing.T, db *parvistest.DB, sql string) {
	t.Helper()
	conn := ownerOf(t, db)
	_, err := conn.Exec(t.Context(), sql)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
}

func ownerOf(t *testing.T, db *parvistest.DB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(t.Context(), "set search_path = crm")
	require.NoError(t, err)
	return conn
}

func number(t *testing.T, db *parvistest.DB, sql string, args ...any) (n int64) {
	t.Helper()
	conn := ownerOf(t, db)
	defer func() { _ = conn.Close(t.Context()) }()
	require.NoError(t, conn.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}

// barrier holds a lock until it is opened: whoever needs the table waits.
func barrier(t *testing.T, db *parvistest.DB, lock string) (lift func()) {
	t.Helper()
	conn := ownerOf(t, db)
	_, err := conn.Exec(t.Context(), "begin; "+lock)
	require.NoError(t, err)
	return func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }
}

// held waits until somebody stands before a barrier.
func held(t *testing.T, db *parvistest.DB) {
	t.Helper()
	conn := ownerOf(t, db)
	defer func() { _ = conn.Close(t.Context()) }()
	eventually(t, "somebody waits for the lock", func() bool {
		var waiting bool
		require.NoError(t, conn.QueryRow(t.Context(), "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')").Scan(&waiting))
		return waiting
	})
}

// command runs parvis to its end.
func command(t *testing.T, environment []string, arguments ...string) (string, int) {
	t.Helper()
	p := launch(t, environment, arguments...)
	err := p.wait(t)
	return p.out.String(), exitCode(err)
}

func succeed(t *testing.T, environment []string, arguments ...string) string {
	t.Helper()
	text, code := command(t, environment, arguments...)
	require.Zero(t, code, "parvis %s: %s", strings.Join(arguments, " "), text)
	return text
}

func (s *site) call(t *testing.T, method, path, media string, body []byte) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+s.key)
	request.Header.Set("Idempotency-Key", ids.New().String())
	if media != "" {
		request.Header.Set("Content-Type", media)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, raw
}

func (s *site) begin(t *testing.T, path, media string, body []byte) (operation string) {
	t.Helper()
	status, raw := s.call(t, http.MethodPost, path, media, body)
	require.Equal(t, http.StatusAccepted, status, "%s", raw)
	var o struct{ ID string }
	require.NoError(t, json.Unmarshal(raw, &o))
	return o.ID
}

type operation struct {
	Status   string
	Progress struct{ Done int64 }
	Result   struct {
		DownloadURL string `json:"download_url"`
		Rows        int64
	}
	Problem any
}

func (s *site) operation(t *testing.T, id string) (o operation) {
	t.Helper()
	status, raw := s.call(t, http.MethodGet, "/v1/operations/"+id, "", nil)
	require.Equal(t, http.StatusOK, status, "%s", raw)
	require.NoError(t, json.Unmarshal(raw, &o))
	return o
}

func (s *site) ends(t *testing.T, id, status string) operation {
	t.Helper()
	var o operation
	eventually(t, "the operation ends", func() bool {
		o = s.operation(t, id)
		return o.Status != "queued" && o.Status != "running"
	})
	require.Equal(t, status, o.Status, "%v", o.Problem)
	return o
}

// onDatabase is a site whose database outlives it.
func onDatabase(t *testing.T) (*site, *parvistest.DB) {
	t.Helper()
	db := parvistest.Database(t)
	// What a killed program was at is taken up when its lease has run out.
	return newSite(t, "PARVIS_DATABASE_URL="+db.AppURL, "PARVIS_MIGRATION_URL="+db.OwnerURL, "PARVIS_OPERATION_LEASE=5s"), db
}

// withInstitution is a site that serves the institution of source.
func withInstitution(t *testing.T) (*site, *parvistest.DB) {
	t.Helper()
	path, _ := source(t)
	s, db := onDatabase(t)
	told := succeed(t, s.env, "import", path)
	_, key, found := strings.Cut(told, "pv_")
	require.True(t, found, told)
	key = "pv_" + strings.Fields(key)[0]
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "admin.key"), []byte(key), 0o600))
	s.start(t)
	return s, db
}

func parts(t *testing.T, pattern ...string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(pattern...))
	require.NoError(t, err)
	return found
}

// halfWay waits until an archive is being written: a part of it is there, and
// grows.
func halfWay(t *testing.T, pattern ...string) {
	t.Helper()
	eventually(t, "a part of the archive is written", func() bool {
		for _, name := range parts(t, pattern...) {
			if info, err := os.Stat(name); err == nil && info.Size() > 100<<10 {
				return true
			}
		}
		return false
	})
}

func TestKilledExportGoesOnByItself(t *testing.T) {
	t.Parallel()
	s, db := withInstitution(t)
	// What waited where the institution comes from, such as telling of merged
	// contacts, is done where it is now.
	eventually(t, "the program has nothing left to do by itself", func() bool {
		return number(t, db, `select (select count(*) from ticketing_rematches) + (select count(*) from indicator_notes)
			+ (select count(*) from ticketing_moves where told_id is null)`) == 0
	})
	before := filepath.Join(s.dir, "before.zip")
	succeed(t, s.env, "export", "-o", before)
	id := s.begin(t, "/v1/exports", "application/json", []byte("{}"))
	halfWay(t, s.dir, "exports", "*", "*.partial")
	require.Error(t, s.running.end(t, syscall.SIGKILL))
	require.NotEmpty(t, parts(t, s.dir, "exports", "*", "*.partial"), "it was not killed half way")
	require.Empty(t, parts(t, s.dir, "exports", "*", "*.zip"))

	s.start(t)
	status, raw := s.call(t, http.MethodGet, "/v1/exports/"+id+"/archive", "", nil)
	require.Equal(t, http.StatusConflict, status, "half an archive is offered: %.100s", raw)
	o := s.ends(t, id, "succeeded")
	require.Empty(t, parts(t, s.dir, "exports", "*", "*.partial"), "the killed attempt's part is still there")
	status, raw = s.call(t, http.MethodGet, o.Result.DownloadURL, "", nil)
	require.Equal(t, http.StatusOK, status)
	there := filepath.Join(s.dir, "downloaded.zip")
	require.NoError(t, os.WriteFile(there, raw, 0o600))
	succeed(t, nil, "verify", there)
	onlyDiffersIn(t, before, there, "api_keys", "events", "event_sequence", "event_heads", "access_log", "operations", "webhook_cursors")
	require.EqualValues(t, 1, number(t, db, "select count(*) from events where type = 'export.ready'"))
	require.EqualValues(t, 1, number(t, db, "select count(*) from events where type = 'operation.finished' and subject_id = $1", id))
}

// onlyDiffersIn compares two archives but for the traces of the export itself.
func onlyDiffersIn(t *testing.T, first, second string, tables ...string) {
	t.Helper()
	a, err := archive.Open(first)
	require.NoError(t, err)
	defer func() { _ = a.Close() }()
	b, err := archive.Open(second)
	require.NoError(t, err)
	defer func() { _ = b.Close() }()
	differences, err := archive.Compare(t.Context(), a, b, 1000)
	require.NoError(t, err)
	// What follows from the log of reads grows with it and nothing of it changes: what
	// waited to be sealed is in a batch that is new.
	sealed := slices.ContainsFunc(differences, func(d archive.Difference) bool { return d.Table == "audit_batches" })
	for _, d := range differences {
		switch {
		case !slices.Contains(tables, "access_log"):
		case d.Table == "access_log_index", d.Table == "audit_batches":
			require.Equal(t, "is only in the second archive", d.What, "%s", d)
			continue
		case d.Table == "audit_unsealed" && d.What == "is only in the first archive":
			require.True(t, sealed, "%s, and no batch holds it", d)
			continue
		}
		require.Contains(t, tables, d.Table, "%s", d)
	}
}

// identical exports an institution anew and compares it with the source.
func identical(t *testing.T, s *site, path, tenant string) {
	t.Helper()
	again := filepath.Join(s.dir, "again.zip")
	succeed(t, s.env, "export", "-o", again, "--tenant", tenant)
	succeed(t, nil, "verify", again)
	require.Contains(t, succeed(t, nil, "compare", path, again), "Identical")
}

func TestKilledImportGoesOnByItself(t *testing.T) {
	t.Parallel()
	path, tenant := source(t)
	s, db := onDatabase(t)
	s.start(t)
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	// Loading stops at a table in the middle.
	lift := barrier(t, db, "lock table webhook_endpoints in share mode")
	id := s.begin(t, "/v1/imports/archive", "application/zip", body)
	held(t, db)
	require.Equal(t, "running", s.operation(t, id).Status)
	require.Error(t, s.running.end(t, syscall.SIGKILL))
	lift()
	require.Zero(t, number(t, db, "select count(*) from tenants where tenant_id = $1", tenant), "half an institution is there")
	s.start(t)
	s.ends(t, id, "succeeded")
	require.EqualValues(t, 1, number(t, db, "select count(*) from events where type = 'import.finished'"))
	eventually(t, "the upload is removed", func() bool { return len(parts(t, s.dir, "imports", "*", "*")) == 0 })
	require.NoError(t, s.running.end(t, syscall.SIGTERM))
	identical(t, s, path, tenant)
}

// The program is killed when all is loaded and committed, and the operation does
// not know yet. A wish to cancel comes too late then.
func TestImportKilledBeforeItsReportIsNotLostNorRepeated(t *testing.T) {
	t.Parallel()
	path, tenant := source(t)
	s, db := onDatabase(t)
	s.start(t)
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	asOwner(t, db, `create function late() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(1); return new; end $$;
		create trigger late before update on operations for each row when (new.status = 'succeeded') execute function late()`)
	lift := barrier(t, db, "select pg_advisory_xact_lock(1)")
	id := s.begin(t, "/v1/imports/archive", "application/zip", body)
	held(t, db)
	require.EqualValues(t, 1, number(t, db, "select count(*) from tenants where tenant_id = $1", tenant))
	require.Error(t, s.running.end(t, syscall.SIGKILL))
	lift()
	require.EqualValues(t, 1, number(t, db, "with o as (update operations set cancel_requested = true where id = $1 returning 1) select count(*) from o", id))
	s.start(t)
	o := s.ends(t, id, "succeeded")
	require.Positive(t, o.Result.Rows)
	require.EqualValues(t, 1, number(t, db, "select count(*) from events where type = 'import.finished'"))
	status, raw := s.call(t, http.MethodPost, "/v1/imports/"+id+"/administrator-key", "", nil)
	require.Equal(t, http.StatusCreated, status, "%s", raw)
}

func TestEndingHandsWorkOver(t *testing.T) {
	t.Parallel()
	path, tenant := source(t)
	s, db := onDatabase(t)
	s.env = append(s.env, "PARVIS_SHUTDOWN_GRACE=1s")
	s.start(t)
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	lift := barrier(t, db, "lock table webhook_endpoints in share mode")
	id := s.begin(t, "/v1/imports/archive", "application/zip", body)
	held(t, db)
	require.NoError(t, s.running.end(t, syscall.SIGTERM))
	lift()
	require.EqualValues(t, 1, number(t, db, "select count(*) from operations where id = $1 and status = 'queued'", id), "it has to wait for the lease")
	s.start(t)
	s.ends(t, id, "succeeded")
	require.EqualValues(t, 1, number(t, db, "select count(*) from tenants where tenant_id = $1", tenant))
}

func TestInterruptedCommandsLeaveNothing(t *testing.T) {
	t.Parallel()
	path, tenant := source(t)
	s, db := onDatabase(t)
	lift := barrier(t, db, "lock table webhook_endpoints in share mode")
	p := launch(t, s.env, "import", path)
	held(t, db)
	require.Equal(t, 1, exitCode(p.end(t, syscall.SIGINT)))
	require.Contains(t, p.out.String(), "cancelled: nothing was imported")
	require.Zero(t, number(t, db, "select count(*) from tenants"))
	lift()
	succeed(t, s.env, "import", path, "--without-key")

	lift = barrier(t, db, "lock table webhook_endpoints in access exclusive mode")
	file := filepath.Join(s.dir, "interrupted.zip")
	p = launch(t, s.env, "export", "-o", file)
	held(t, db)
	require.NotEmpty(t, parts(t, file+"*"))
	require.Equal(t, 1, exitCode(p.end(t, syscall.SIGINT)))
	require.Contains(t, p.out.String(), "cancelled: no file was written")
	require.Empty(t, parts(t, file+"*"))
	lift()
	identical(t, s, path, tenant)

	// Reading an archive can be interrupted too, at once.
	p = launch(t, nil, "verify", path)
	require.NoError(t, p.command.Process.Signal(syscall.SIGSTOP))
	require.NoError(t, p.command.Process.Signal(syscall.SIGINT))
	require.Error(t, p.end(t, syscall.SIGCONT))
}

// The commands, and with them their private PostgreSQL, are killed at moments
// that nobody chose, and run again until they get through.
func TestKilledCommandsAreRunAgain(t *testing.T) {
	t.Parallel()
	path, tenant := source(t)
	env := []string{"PARVIS_DATA_DIR=" + folder(t), "PARVIS_LOG_LEVEL=error"}
	insist := func(arguments ...string) (text string, killed int) {
		for grace := 400 * time.Millisecond; ; grace *= 2 {
			p := launch(t, env, arguments...)
			timer := time.NewTimer(grace)
			select {
			case <-p.ended:
				require.NoError(t, p.err, "%s", p.out)
				return p.out.String(), killed
			case <-timer.C:
				if err := p.command.Process.Kill(); err != nil {
					require.ErrorIs(t, err, os.ErrProcessDone)
				}
				if p.wait(t) == nil {
					return p.out.String(), killed // it got through in that instant
				}
				killed++
			}
		}
	}
	text, killed := insist("import", path)
	require.GreaterOrEqual(t, killed, 3)
	// The last one to be killed may have shown the key, or been about to.
	require.True(t, strings.Contains(text, "Administrator key") || strings.Contains(text, "rotate-admin-key"), "%s", text)
	again := succeed(t, env, "import", path)
	require.Contains(t, again, "already")
	require.NotContains(t, again, "Administrator key", "a second key was made")
	require.Contains(t, again, "rotate-admin-key")
	file := filepath.Join(folder(t), "killed.zip")
	_, killed = insist("export", "-o", file, "--tenant", tenant)
	require.GreaterOrEqual(t, killed, 1)
	require.Len(t, parts(t, file+"*"), 1)
	succeed(t, nil, "verify", file)
	onlyDiffersIn(t, path, file, "api_keys", "events", "event_sequence", "event_heads", "event_changes")
}
