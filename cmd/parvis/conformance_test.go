package main_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/examples/box-office/boxoffice"
)

// The command is what most vendors will use, against the same program.
func TestConformanceTellsAndVerifies(t *testing.T) {
	t.Parallel()
	s, _ := onDatabase(t)
	s.env = append(s.env, "PARVIS_WEBHOOK_ALLOW_CIDRS=127.0.0.0/8", "PARVIS_DB_MAX_CONNS=4")
	s.start(t)
	status, raw := s.call(t, http.MethodPost, "/v1/institution/sandbox", "application/json", []byte(`{"name": "Bac à sable"}`))
	require.Equal(t, http.StatusCreated, status, "%s", raw)
	var sandbox struct {
		APIKey struct{ Secret string } `json:"api_key"`
	}
	require.NoError(t, json.Unmarshal(raw, &sandbox))
	key, file := filepath.Join(s.dir, "sandbox.key"), filepath.Join(s.dir, "report.json")
	require.NoError(t, os.WriteFile(key, []byte(sandbox.APIKey.Secret+"\n"), 0o600))
	try := func(d boxoffice.Defects) (string, int) {
		hook := httptest.NewServer(boxoffice.New(t.Context(), 60*time.Millisecond, d))
		defer hook.Close()
		return command(t, nil, "conformance", "run", "--url", s.url, "--key-file", key, "--hook", hook.URL, "--connector", "Guichet", "--release", "1", "--scenarios", "create,test-order", "-o", file)
	}
	verify := func(args ...string) (string, int) {
		return command(t, nil, append([]string{"conformance", "verify", file}, args...)...)
	}
	told, code := try(boxoffice.Defects{LeaksTests: true})
	require.NotZero(t, code, told)
	require.Contains(t, told, "test-leaked")
	require.Contains(t, told, "Guichet 1: failed (1 passed, 1 failed, of a choice of scenarios)")
	told, code = verify("--issuer", s.url)
	require.Zero(t, code, "the report of a failure is as true: %s", told)

	told, code = try(boxoffice.Defects{})
	require.Zero(t, code, told)
	require.Contains(t, told, "Guichet 1: passed (2 passed, 0 failed, of a choice of scenarios)")
	told, code = verify("--issuer", s.url)
	require.Zero(t, code, told)
	require.Contains(t, told, "unaltered")
	told, code = verify()
	require.NotZero(t, code, "nobody was trusted: %s", told)

	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, altered := range [][]byte{
		bytes.Replace(whole, []byte(`"failed": 0`), []byte(`"failed": 1`), 1),
		append([]byte(`{"verdict": "failed",`), bytes.TrimPrefix(whole, []byte("{"))...),
	} {
		require.NotEqual(t, whole, altered)
		require.NoError(t, os.WriteFile(file, altered, 0o600))
		told, code = verify("--issuer", s.url)
		require.NotZero(t, code, "an altered report was believed: %s", told)
	}
}
