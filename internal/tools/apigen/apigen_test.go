package main

import (
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// theatre copies the example contract, so that a test may spoil its own.
func theatre(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.CopyFS(root, os.DirFS("testdata/theatre")))
	return root
}

// spoil replaces text in a file of the contract; the text must be there.
func spoil(t *testing.T, root, file, old, replacement string) {
	t.Helper()
	path := filepath.Join(root, "api", file)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(content), old)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(content), old, replacement, 1)), 0o600))
}

func TestGeneratedFilesAreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	root := theatre(t)
	require.NoError(t, run([]string{"generate", "-root", root}, io.Discard))
	for _, o := range everything {
		have, err := os.ReadFile(filepath.Join(root, o.path))
		require.NoError(t, err)
		golden := filepath.Join("testdata/golden", filepath.Base(o.path)+".golden")
		if *update {
			require.NoError(t, os.WriteFile(golden, have, 0o644))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), string(have), "%s: run go test -update if the change is meant", o.path)
	}
}

func TestTheJSONSaysWhatTheYAMLSays(t *testing.T) {
	t.Parallel()
	root := theatre(t)
	require.NoError(t, run([]string{"generate", "-root", root}, io.Discard))
	var fromYAML, fromJSON any
	content, err := os.ReadFile(filepath.Join(root, "openapi.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, &fromYAML))
	content, err = os.ReadFile(filepath.Join(root, "internal/api/openapi.gen.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, &fromJSON))
	want, err := json.Marshal(fromYAML)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(content))
}

func TestCheckComparesWithWhatIsCommitted(t *testing.T) {
	t.Parallel()
	root := theatre(t)
	require.ErrorContains(t, run([]string{"check", "-root", root}, io.Discard), "openapi.yaml")
	require.NoError(t, run([]string{"generate", "-root", root}, io.Discard))
	require.NoError(t, run([]string{"check", "-root", root}, io.Discard))

	spoil(t, root, "contacts.yaml", "summary: List contacts", "summary: List all contacts")
	err := run([]string{"check", "-root", root}, io.Discard)
	for _, file := range []string{"openapi.yaml", "openapi.gen.json", "interfaces.gen.go"} {
		require.ErrorContains(t, err, file)
	}
	require.NotContains(t, err.Error(), "operations.gen.go")
}

func TestBundleWritesOnlyTheBundle(t *testing.T) {
	t.Parallel()
	root := theatre(t)
	require.NoError(t, run([]string{"bundle", "-root", root}, io.Discard))
	require.FileExists(t, filepath.Join(root, "openapi.yaml"))
	require.NoDirExists(t, filepath.Join(root, "internal"))
}

func TestAnUnchangedFileIsNotWrittenAgain(t *testing.T) {
	t.Parallel()
	root := theatre(t)
	var first, second strings.Builder
	require.NoError(t, run([]string{"generate", "-root", root}, &first))
	require.NoError(t, run([]string{"generate", "-root", root}, &second))
	require.Contains(t, first.String(), "openapi.yaml")
	require.Empty(t, second.String())
}

func TestRefusesUnknownCommands(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(nil, io.Discard), "usage")
	require.ErrorContains(t, run([]string{"sing", "-root", theatre(t)}, io.Discard), `unknown command "sing"`)
	require.ErrorContains(t, run([]string{"check", "-root", t.TempDir()}, io.Discard), "api.yaml: not found")
}

// TestGoNames holds names that oapi-codegen 2.8.2 gave to these operationIds.
func TestGoNames(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"listContacts":              "ListContacts",
		"getContactById":            "GetContactByID",
		"upsertContactByExternalId": "UpsertContactByExternalID",
		"listApiKeys":               "ListAPIKeys",
		"getHtmlPreview":            "GetHTMLPreview",
		"getOauthMetadata":          "GetOauthMetadata",
		"getOpenapiJson":            "GetOpenapiJSON",
		"getJwks":                   "GetJwks",
		"exportUtf8":                "ExportUTF8",
		"step2Done":                 "Step2Done",
		"getIds":                    "GetIds",
		"mergeVip":                  "MergeVip",
	} {
		require.Equal(t, want, goName(id))
	}
	require.Equal(t, "WebhookEndpoints", goName("webhook-endpoints"))
}
