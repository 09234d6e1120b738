package transfers_test

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/transfers"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// unpacked is an archive as its files.
type unpacked map[string][]byte

func unpack(t *testing.T, path string) unpacked {
	t.Helper()
	z, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer func() { _ = z.Close() }()
	out := unpacked{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		out[f.Name], err = io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
	}
	return out
}

func (u unpacked) pack(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "changed.zip")
	f, err := os.Create(path)
	require.NoError(t, err)
	z := zip.NewWriter(f)
	for name, content := range u {
		w, err := z.Create(name)
		require.NoError(t, err)
		_, err = w.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
	return path
}

// forge makes digests, counts and signature fit the content again, as somebody
// with a key of their own could.
func (u unpacked) forge(t *testing.T) {
	t.Helper()
	var m archive.Manifest
	require.NoError(t, json.Unmarshal(u["manifest.json"], &m))
	for i, f := range m.Files {
		sum := sha256.Sum256(u[f.Path])
		m.Files[i].SHA256, m.Files[i].Bytes = hex.EncodeToString(sum[:]), int64(len(u[f.Path]))
		if f.Table != "" {
			m.Files[i].Rows = int64(bytes.Count(u[f.Path], []byte("\n")))
		}
	}
	raw, err := json.Marshal(m)
	require.NoError(t, err)
	public, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	u["manifest.json"] = raw
	u["signature.json"], err = json.Marshal(archive.Signature{Algorithm: "Ed25519",
		PublicKey: base64.StdEncoding.EncodeToString(public), Signature: base64.StdEncoding.EncodeToString(ed25519.Sign(key, raw))})
	require.NoError(t, err)
}

func verify(t *testing.T, path string) error {
	t.Helper()
	a, err := archive.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	_, err = archive.Verify(t.Context(), a, nil)
	return err
}

func replace(t *testing.T, u unpacked, name, before, after string) {
	t.Helper()
	require.Contains(t, string(u[name]), before)
	u[name] = []byte(strings.Replace(string(u[name]), before, after, 1))
}

func TestVerifyNamesWhatWasAltered(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	furnish(t, app, app.Tenant)
	path, _ := export(t, app, app.Tenant)
	require.NoError(t, verify(t, path))

	line := func(u unpacked, name, text string) int64 {
		at := strings.Index(string(u[name]), text)
		require.GreaterOrEqual(t, at, 0)
		return int64(strings.Count(string(u[name])[:at], "\n")) + 1
	}
	drop := func(name, text string) func(*testing.T, unpacked) {
		return func(_ *testing.T, u unpacked) {
			kept := []string{}
			for l := range strings.Lines(string(u[name])) {
				if !strings.Contains(l, text) {
					kept = append(kept, l)
				}
			}
			u[name] = []byte(strings.Join(kept, ""))
		}
	}
	cases := map[string]struct {
		change func(*testing.T, unpacked)
		forge  bool
		file   string
		at     string // text of the line that must be named
		says   string
	}{
		"one letter of a name": {func(t *testing.T, u unpacked) {
			replace(t, u, "data/contacts.ndjson", `"family_name":"Nom77"`, `"family_name":"Nom78"`)
		}, false, "data/contacts.ndjson", `"display_name":"Prénom77 Nom77"`, "SHA-256"},
		"a digit of the manifest":   {func(t *testing.T, u unpacked) { replace(t, u, "manifest.json", `"rows": 301`, `"rows": 300`) }, false, "manifest.json", "", "signature"},
		"a file that is not listed": {func(_ *testing.T, u unpacked) { u["data/more.ndjson"] = []byte("{}\n") }, false, "data/more.ndjson", "", "not in the manifest"},
		"a file that is missing":    {func(_ *testing.T, u unpacked) { delete(u, "data/tags.ndjson") }, false, "data/tags.ndjson", "", "not in the archive"},
		"a document":                {func(t *testing.T, u unpacked) { replace(t, u, "README.md", "Parvis", "Jarvis") }, false, "README.md", "", "SHA-256"},
		"a value that is not allowed": {func(t *testing.T, u unpacked) {
			replace(t, u, "data/contacts.ndjson", `"kind":"organisation"`, `"kind":"robot"`)
		}, true, "data/contacts.ndjson", `"kind":"robot"`, "not allowed"},
		"a member too many": {func(t *testing.T, u unpacked) { replace(t, u, "data/tags.ndjson", `{`, `{"aaa":1,`) }, true, "data/tags.ndjson", `{"aaa"`, "not in the schema"},
		"text where a date should be": {func(t *testing.T, u unpacked) {
			replace(t, u, "data/addresses.ndjson", `"valid_from":"2020-02-29"`, `"valid_from":"2021-02-29"`)
		}, true, "data/addresses.ndjson", `2021-02-29`, "date"},
		"spaces": {func(t *testing.T, u unpacked) { replace(t, u, "data/tags.ndjson", `":`, `": `) }, true, "data/tags.ndjson", `": `, "canonical"},
		"a record twice": {func(_ *testing.T, u unpacked) {
			u["data/departments.ndjson"] = append(u["data/departments.ndjson"], u["data/departments.ndjson"]...)
		}, true, "data/departments.ndjson", "", "order"},
		"a contact that others refer to": {drop("data/contacts.ndjson", `"family_name":"Nom5"`), true, "data/contact_points.ndjson", `"normalized":"p5@example.org"`, "names a record of contacts"},
		"an event":                       {drop("data/events.ndjson", `"contact.updated"`), true, "data/event_changes.ndjson", "", ""},
		"the order of events": {func(t *testing.T, u unpacked) {
			replace(t, u, "data/events.ndjson", `"subject_version":1`, `"subject_version":9`)
		}, true, "data/event_sequence.ndjson", "", "digest"},
		"the last events": {func(_ *testing.T, u unpacked) {
			lines := strings.SplitAfter(strings.TrimSuffix(string(u["data/event_sequence.ndjson"]), "\n"), "\n")
			u["data/event_sequence.ndjson"] = []byte(strings.Join(lines[:len(lines)-2], ""))
		}, true, "data/event_sequence.ndjson", "", "head"},
		"a change in an event": {func(t *testing.T, u unpacked) {
			replace(t, u, "data/event_changes.ndjson", `"after":"É"`, `"after":"E"`)
		}, true, "data/event_changes.ndjson", `"after":"E"`, "digest"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := unpack(t, path)
			c.change(t, u)
			if c.forge {
				u.forge(t)
			}
			err := verify(t, u.pack(t))
			f, ok := archive.IsFlaw(err)
			require.True(t, ok, "%v", err)
			if c.says != "" {
				require.Equal(t, c.file, f.File, "%v", f)
				require.Contains(t, f.What, c.says)
			}
			if c.at != "" {
				require.Equal(t, line(u, c.file, c.at), f.Line, "%v", f)
			}
			other := parvistest.New(t)
			a, err := archive.Open(u.pack(t))
			if err != nil {
				return
			}
			defer func() { _ = a.Close() }()
			_, err = other.Transfers().Read(t.Context(), a, transfers.Import{})
			require.Error(t, err, "it was imported all the same")
			require.Zero(t, count(t, other, "select count(*) from tenants where tenant_id = $1", app.Tenant))
		})
	}
}

// A stranger's tools agree: every record is valid by its schema, and a file that
// was cut short is refused.
func TestArchiveIsReadableWithoutUs(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	furnish(t, app, app.Tenant)
	path, a := export(t, app, app.Tenant)
	u := unpack(t, path)
	for _, table := range a.Dictionary.Tables {
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(u["schemas/"+table.Name+".schema.json"]))
		require.NoError(t, err)
		require.NoError(t, c.AddResource("schema.json", raw))
		schema, err := c.Compile("schema.json")
		require.NoError(t, err)
		for l := range bytes.Lines(u["data/"+table.Name+".ndjson"]) {
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(l))
			require.NoError(t, err)
			require.NoError(t, schema.Validate(value), "%s: %s", table.Name, l)
		}
		for _, lang := range []string{"fr", "en"} {
			require.Contains(t, string(u["dictionary."+lang+".md"]), "## "+table.Name+"\n")
		}
	}
	require.NotContains(t, string(bytes.Join([][]byte{u["data/webhook_endpoints.ndjson"], u["data/api_keys.ndjson"]}, nil)), "secret")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, part := range []int{0, len(whole) / 2, len(whole) - 1} {
		short := filepath.Join(t.TempDir(), "short.zip")
		require.NoError(t, os.WriteFile(short, whole[:part], 0o600))
		require.Error(t, verify(t, short))
	}
}
