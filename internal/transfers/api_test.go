package transfers_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/transfers"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// finished follows an operation to its end.
func finished(t *testing.T, c *parvistest.Client, id string) map[string]any {
	t.Helper()
	var o map[string]any
	parvistest.Eventually(t, "the operation ends", func() bool {
		o = c.Get("/v1/operations/" + id).Is(http.StatusOK).JSON()
		if o["finished_at"] == nil {
			require.Equal(t, "/v1/operations/"+id+"/cancel", o["cancel_url"])
		}
		return o["finished_at"] != nil
	})
	require.Nil(t, o["cancel_url"], "what has ended cannot be cancelled")
	return o
}

func startExport(t *testing.T, c *parvistest.Client, body map[string]any) string {
	t.Helper()
	a := c.Post("/v1/exports", body).Is(http.StatusAccepted)
	require.Equal(t, "/v1/operations/"+a.ID(), a.Header.Get("Location"))
	require.NotEmpty(t, a.Header.Get("Retry-After"))
	return a.ID()
}

func zipBody(r *http.Request) { r.Header.Set("Content-Type", "application/zip") }

func TestExportAndImportOverTheAPI(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	furnish(t, app, app.Tenant)
	o := finished(t, app.Client, startExport(t, app.Client, map[string]any{}))
	require.Equal(t, "succeeded", o["status"], "%v", o["problem"])
	result := o["result"].(map[string]any)
	url := result["download_url"].(string)

	whole := app.Get(url).Is(http.StatusOK)
	require.Equal(t, strconv.Itoa(len(whole.Body)), whole.Header.Get("Content-Length"))
	require.Contains(t, whole.Header.Get("Content-Disposition"), "attachment")
	require.Equal(t, `"`+result["sha256"].(string)+`"`, whole.ETag())
	require.InDelta(t, result["bytes"], float64(len(whole.Body)), 0)
	beyond := app.Get(url, parvistest.Header("Range", "bytes=999999999-"))
	beyond.Problem(http.StatusRequestedRangeNotSatisfiable, "range-not-satisfiable")
	require.Equal(t, fmt.Sprintf("bytes */%d", len(whole.Body)), beyond.Header.Get("Content-Range"))
	for _, unreadable := range []string{"bytes=9-3", "lines=1-2", "bytes=x-", "bytes=-"} {
		require.Equal(t, whole.Body, app.Get(url, parvistest.Header("Range", unreadable)).Is(http.StatusOK).Body, unreadable)
	}
	require.Equal(t, whole.Body[len(whole.Body)-10:], app.Get(url, parvistest.Header("Range", "bytes=-10")).Is(http.StatusPartialContent).Body)
	rest := app.Get(url, parvistest.Header("Range", "bytes=100-"), parvistest.Header("If-Range", whole.ETag())).Is(http.StatusPartialContent)
	require.Equal(t, whole.Body[100:], rest.Body)
	require.Equal(t, whole.Body, app.Get(url, parvistest.Header("Range", "bytes=100-"), parvistest.Header("If-Range", `"other"`)).Is(http.StatusOK).Body)
	parvistest.Eventually(t, "export.ready is in the log", func() bool {
		return len(app.Get("/v1/events?types=export.ready").Is(http.StatusOK).Data()) == 1
	})

	there := parvistest.New(t)
	in := finished(t, there.Client, there.Do(http.MethodPost, "/v1/imports/archive", whole.Body, zipBody).Is(http.StatusAccepted).ID())
	require.Equal(t, "succeeded", in["status"], "%v", in["problem"])
	require.Equal(t, app.Tenant.String(), in["result"].(map[string]any)["tenant_id"])
	path := "/v1/imports/" + in["id"].(string) + "/administrator-key"
	there.As("imports:create").Post(path, nil).Problem(http.StatusNotFound, "not-found")
	key := there.Post(path, nil).Is(http.StatusCreated).JSON()["key"].(string)
	there.Post(path, nil).Problem(http.StatusConflict, "import-key-made")
	restored := there.Anonymous()
	restored.Key = key
	require.Len(t, restored.Get("/v1/operations?kind=import").Is(http.StatusOK).Data(), 1)
	require.Equal(t, count(t, app, "select count(*) from contacts"), count(t, there, "select count(*) from contacts"))

	// The numbers go on where they stopped.
	parvistest.Eventually(t, "the new key has its event", func() bool {
		return count(t, there, "select count(*) from event_sequence s join events e on e.tenant_id = s.tenant_id and e.id = s.event_id where e.tenant_id = $1 and e.type = 'api_key.created' and s.sequence > 50", app.Tenant) == 1
	})

	// A second time there is something there.
	there.Do(http.MethodPost, "/v1/imports/archive", whole.Body, zipBody).Problem(http.StatusConflict, "not-empty")
	app.Do(http.MethodPost, "/v1/imports/archive", whole.Body, zipBody).Problem(http.StatusConflict, "not-empty")
}

func TestExportLeavesOutWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	furnish(t, app, app.Tenant)
	o := finished(t, app.Client, startExport(t, app.Client, map[string]any{"include_events": false, "include_access_log": false}))
	path := filepath.Join(t.TempDir(), "a.zip")
	require.NoError(t, os.WriteFile(path, app.Get(o["result"].(map[string]any)["download_url"].(string)).Is(http.StatusOK).Body, 0o600))
	a := open(t, path)
	require.Contains(t, a.Manifest.Omitted, "events")
	require.Contains(t, a.Manifest.Omitted, "access_log")
	_, err := archive.Verify(t.Context(), a, nil)
	require.NoError(t, err)
	there := parvistest.New(t)
	_, err = there.Transfers().Read(t.Context(), a, transfers.Import{})
	require.NoError(t, err)
}

func TestImportRefusesWhatIsNoArchive(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.MaxArchive = 1000 }))
	app.Do(http.MethodPost, "/v1/imports/archive", "this is no zip", zipBody).Problem(http.StatusUnprocessableEntity, "archive-invalid")
	app.Do(http.MethodPost, "/v1/imports/archive", strings.Repeat("x", 1001), zipBody).Problem(http.StatusRequestEntityTooLarge, "too-large")
	app.Do(http.MethodPost, "/v1/imports/archive", map[string]any{}).Problem(http.StatusUnsupportedMediaType, "unsupported-media-type")
	files, err := filepath.Glob(filepath.Join(app.Config.DataDir, "imports", "*", "*"))
	require.NoError(t, err)
	require.Empty(t, files)
}

func TestOldArchivesGo(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Now())
	app := parvistest.New(t, parvistest.WithClock(now))
	url := finished(t, app.Client, startExport(t, app.Client, map[string]any{}))["result"].(map[string]any)["download_url"].(string)
	app.Get(url).Is(http.StatusOK)
	require.NoError(t, app.Exports().Sweep())
	app.Get(url).Is(http.StatusOK)
	now.Advance(8 * 24 * time.Hour)
	require.NoError(t, app.Exports().Sweep())
	app.Get(url).Problem(http.StatusGone, "export-expired")
	files, err := filepath.Glob(filepath.Join(app.Config.DataDir, "exports", "*", "*"))
	require.NoError(t, err)
	require.Empty(t, files)
}

func TestFullDiskOffersNoArchive(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=24k"); err != nil {
		t.Skip("a small disk cannot be mounted here: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(folder, 0) })
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.DataDir = folder }))
	furnish(t, app, app.Tenant)
	o := finished(t, app.Client, startExport(t, app.Client, map[string]any{}))
	require.Equal(t, "failed", o["status"])
	require.Equal(t, "disk-full", o["problem"].(map[string]any)["code"])
	app.Get("/v1/exports/"+o["id"].(string)+"/archive").Problem(http.StatusConflict, "export-unfinished")
	files, err := filepath.Glob(filepath.Join(folder, "exports", "*", "*"))
	require.NoError(t, err)
	require.Empty(t, files, "a part of an archive was left")
}

func TestTransfersNeedTheirRights(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	id := uuid.NewString()
	app.As("imports:create").Post("/v1/exports", map[string]any{}).Problem(http.StatusForbidden, "insufficient-scope")
	app.As("imports:create").Get("/v1/exports/"+id+"/archive").Problem(http.StatusForbidden, "insufficient-scope")
	app.As("exports:create").Do(http.MethodPost, "/v1/imports/archive", "x", zipBody).Problem(http.StatusForbidden, "insufficient-scope")
	app.As("exports:create").Post("/v1/imports/"+id+"/administrator-key", nil).Problem(http.StatusForbidden, "insufficient-scope")
	app.Anonymous().Post("/v1/exports", map[string]any{}).Problem(http.StatusUnauthorized, "unauthenticated")
	// The scope does not make anybody see restricted contacts, which an export holds.
	app.As("exports:create").Post("/v1/exports", map[string]any{}).Problem(http.StatusForbidden, "export-beyond-rights")
	made := app.Post("/v1/exports", map[string]any{}).Is(http.StatusAccepted).ID()
	parvistest.Eventually(t, "the export", func() bool { return app.Get("/v1/operations/" + made).JSON()["status"] == "succeeded" })
	app.As("exports:create", "operations:read").Get("/v1/exports/"+made+"/archive").Problem(http.StatusForbidden, "export-beyond-rights")
	app.Get("/v1/exports/" + made + "/archive").Is(http.StatusOK)
}

func TestTransfersKeepInstitutionsApart(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	other := app.OtherTenant()
	furnish(t, app, app.Tenant)
	theirs := uuid.UUID{}
	o := finished(t, app.Client, startExport(t, app.Client, map[string]any{}))
	url := o["result"].(map[string]any)["download_url"].(string)
	other.Get(url).Problem(http.StatusNotFound, "not-found")
	other.Post("/v1/imports/"+o["id"].(string)+"/administrator-key", nil).Problem(http.StatusNotFound, "not-found")
	app.Post("/v1/imports/"+o["id"].(string)+"/administrator-key", nil).Problem(http.StatusNotFound, "not-found")

	// The other institution's archive has nothing of this one.
	p := finished(t, other, startExport(t, other, map[string]any{}))
	path := filepath.Join(t.TempDir(), "other.zip")
	require.NoError(t, os.WriteFile(path, other.Get(p["result"].(map[string]any)["download_url"].(string)).Is(http.StatusOK).Body, 0o600))
	a := open(t, path)
	require.NotEqual(t, app.Tenant.String(), a.Manifest.Tenant.ID)
	require.NoError(t, theirs.UnmarshalText([]byte(a.Manifest.Tenant.ID)))
	for table, content := range data(t, a) {
		require.NotContains(t, content, app.Tenant.String(), table)
		if table == "contacts" || table == "ticketing_orders" || table == "consents" {
			require.Empty(t, content, table)
		}
	}
	// Nor may somebody who shares the installation import into it.
	other.Do(http.MethodPost, "/v1/imports/archive", "x", zipBody).Problem(http.StatusConflict, "not-empty")
}
