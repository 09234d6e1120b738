package transfers_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/transfers"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// packed writes an archive with whatever else is put into it.
func (u unpacked) packed(t *testing.T, more func(z *zip.Writer)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hostile.zip")
	f, err := os.Create(path)
	require.NoError(t, err)
	z := zip.NewWriter(f)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	for name, content := range u {
		w, err := z.Create(name)
		require.NoError(t, err)
		_, err = w.Write(content)
		require.NoError(t, err)
	}
	more(z)
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
	return path
}

func put(t *testing.T, z *zip.Writer, header zip.FileHeader, content string) {
	t.Helper()
	w, err := z.CreateHeader(&header)
	require.NoError(t, err)
	_, err = io.WriteString(w, content)
	require.NoError(t, err)
}

func TestHostileArchivesAreRefused(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	furnish(t, app, app.Tenant)
	path, _ := export(t, app, app.Tenant)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	nothing := func(*zip.Writer) {}
	link := zip.FileHeader{Name: "data/link.ndjson"}
	link.SetMode(os.ModeSymlink | 0o777)
	cases := map[string]struct {
		make func(t *testing.T) string
		says string
	}{
		"a path upwards": {func(t *testing.T) string {
			return unpack(t, path).packed(t, func(z *zip.Writer) { put(t, z, zip.FileHeader{Name: "../../etc/passwd"}, "x") })
		}, "leaves the archive"},
		"an absolute path": {func(t *testing.T) string {
			return unpack(t, path).packed(t, func(z *zip.Writer) { put(t, z, zip.FileHeader{Name: "/etc/passwd"}, "x") })
		}, "leaves the archive"},
		"a path of another system": {func(t *testing.T) string {
			return unpack(t, path).packed(t, func(z *zip.Writer) { put(t, z, zip.FileHeader{Name: `data\..\..\x`}, "x") })
		}, "leaves the archive"},
		"a link": {func(t *testing.T) string {
			return unpack(t, path).packed(t, func(z *zip.Writer) { put(t, z, link, "/etc/passwd") })
		}, "is not a file"},
		"a file twice": {func(t *testing.T) string {
			return unpack(t, path).packed(t, func(z *zip.Writer) { put(t, z, zip.FileHeader{Name: "data/contacts.ndjson"}, "") })
		}, "is there twice"},
		"a table that is a bomb": {func(t *testing.T) string {
			u := unpack(t, path)
			u["data/tags.ndjson"] = bytes.Repeat([]byte(" "), 300<<20)
			u.forge(t)
			return u.packed(t, nothing)
		}, "times the size of the archive"},
		"a manifest that is a bomb": {func(t *testing.T) string {
			u := unpack(t, path)
			u["manifest.json"] = append(u["manifest.json"], bytes.Repeat([]byte(" "), 65<<20)...)
			return u.packed(t, nothing)
		}, "too large"},
		"a line without end": {func(t *testing.T) string {
			u := unpack(t, path)
			u["data/tags.ndjson"] = append([]byte(`{"x":"`), bytes.Repeat([]byte("x"), 40<<20)...)
			u.forge(t)
			return u.packed(t, nothing)
		}, "line is too long"},
		"more files than any": {func(t *testing.T) string {
			return unpack(t, path).packed(t, func(z *zip.Writer) {
				for i := range 10_001 {
					put(t, z, zip.FileHeader{Name: fmt.Sprint("x/", i)}, "")
				}
			})
		}, "more files"},
		"a file inside another": {func(t *testing.T) string { return overlapping(t, unpack(t, path)) }, "inside another file"},
		"a record where the program has no table": {func(t *testing.T) string {
			u := unpack(t, path)
			replace(t, u, "dictionary.json", `"name": "tags"`, `"name": "pg_authid"`)
			for _, kind := range []string{"data/%s.ndjson", "schemas/%s.schema.json", "lines/%s.crc32c"} {
				u[fmt.Sprintf(kind, "pg_authid")] = u[fmt.Sprintf(kind, "tags")]
				delete(u, fmt.Sprintf(kind, "tags"))
				replace(t, u, "manifest.json", fmt.Sprintf(kind, "tags"), fmt.Sprintf(kind, "pg_authid"))
			}
			replace(t, u, "manifest.json", `"table": "tags"`, `"table": "pg_authid"`)
			u.forge(t)
			return u.packed(t, nothing)
		}, ""},
		"tables in an order that cannot be loaded": {func(t *testing.T) string {
			u := unpack(t, path)
			// What refers comes before what it refers to.
			replace(t, u, "dictionary.json", `"name": "contacts"`, `"name": "~"`)
			replace(t, u, "dictionary.json", `"name": "contact_points"`, `"name": "contacts"`)
			replace(t, u, "dictionary.json", `"name": "~"`, `"name": "contact_points"`)
			u.forge(t)
			return u.packed(t, nothing)
		}, ""},
		"a column that the program does not have": {func(t *testing.T) string {
			u := unpack(t, path)
			for _, file := range []string{"dictionary.json", "schemas/contacts.schema.json", "data/contacts.ndjson"} {
				u[file] = bytes.ReplaceAll(u[file], []byte(`"birthdate"`), []byte(`"birthdats"`))
			}
			u.forge(t)
			return u.packed(t, nothing)
		}, "contacts.birthdats does not exist"},
		"a value that the schema allows and the database does not": {func(t *testing.T) string {
			u := unpack(t, path)
			replace(t, u, "data/tenants.ndjson", `"name":"`, `"name":"`+strings.Repeat("x", 300))
			replace(t, u, "schemas/tenants.schema.json", `"maxLength": 200`, `"maxLength": 2000`)
			u.forge(t)
			return u.packed(t, nothing)
		}, "database refuses"},
	}
	for _, at := range []int{1, 21, 22, 1000, len(whole) / 3, len(whole) - 1000, len(whole) - 30, len(whole) - 22, len(whole) - 1} {
		cases[fmt.Sprint("cut after ", at)] = struct {
			make func(t *testing.T) string
			says string
		}{func(t *testing.T) string {
			short := filepath.Join(t.TempDir(), "short.zip")
			require.NoError(t, os.WriteFile(short, whole[:at], 0o600))
			return short
		}, ""}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := c.make(t)
			there := parvistest.New(t)
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			answer := there.Do(http.MethodPost, "/v1/imports/archive", body, zipBody, parvistest.Header("Accept-Language", "en"))
			var problem map[string]any
			if answer.Status == http.StatusAccepted {
				o := finished(t, there.Client, answer.ID())
				require.Equal(t, "failed", o["status"])
				problem = o["problem"].(map[string]any)
			} else {
				problem = answer.Problem(http.StatusUnprocessableEntity, "archive-invalid")
				require.Contains(t, problem["detail"], "take the original archive again")
			}
			require.Equal(t, "archive-invalid", problem["code"], "%v", problem)
			require.Contains(t, problem["detail"], c.says)
			require.EqualValues(t, 1, count(t, there, "select count(*) from tenants"))
			parvistest.Eventually(t, "nothing is kept", func() bool {
				files, err := filepath.Glob(filepath.Join(there.Config.DataDir, "imports", "*", "*"))
				require.NoError(t, err)
				return len(files) == 0
			})
		})
	}
}

// overlapping makes two entries of the zip's directory point to one place, as
// bombs do that unpack one content a thousand times.
func overlapping(t *testing.T, u unpacked) string {
	t.Helper()
	file := u.packed(t, func(*zip.Writer) {})
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	header := []byte("PK\x01\x02")
	first := bytes.Index(raw, header)
	second := first + 4 + bytes.Index(raw[first+4:], header)
	// Offset of the local header: bytes 42 to 45 of an entry.
	binary.LittleEndian.PutUint32(raw[second+42:], binary.LittleEndian.Uint32(raw[first+42:]))
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	return file
}

// What a real archive shrinks by is far from what makes a bomb of it.
func TestRealArchivesAreNoBombs(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	furnish(t, app, app.Tenant)
	owner(t, app, `insert into access_log (tenant_id, id, occurred_at, actor_kind, actor_id, operation, request_id, subjects)
		select $1, gen_random_uuid(), now(), 'user', 'claire', 'listContacts', '', '{}' from generate_series(1, 20000)`, app.Tenant)
	path, a := export(t, app, app.Tenant)
	_, err := archive.Verify(t.Context(), a, nil)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	var size int64
	for _, f := range a.Manifest.Files {
		size += f.Bytes
	}
	require.Less(t, size/info.Size(), int64(20))
	_, err = parvistest.New(t).Transfers().Read(t.Context(), a, transfers.Import{})
	require.NoError(t, err)
}
