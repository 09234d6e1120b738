package conformance_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/examples/box-office/boxoffice"
	"github.com/parvis-crm/parvis/internal/conformance"
	"github.com/parvis-crm/parvis/internal/conformance/report"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

var (
	update = flag.Bool("update", false, "write the fixtures of the example anew")
	whole  = flag.Bool("whole", false, "try every mistake in every scenario")
)

// The reference vendor passes everything, two mistakes are tried in every
// scenario, and all others where they show and in some scenarios that they leave
// alone. All trials go on at once in one installation: most of one is waiting
// for what does not come.
func TestTrials(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, parvistest.WithConfig(few))
	told := &calls{}
	good := begin(t, app.Sandbox(), vendor(t, "", told.keep), 60)
	var begun []struct {
		*begunTrial
		round
	}
	for _, r := range rounds(t) {
		begun = append(begun, struct {
			*begunTrial
			round
		}{begin(t, app.Sandbox(), r.vendor(t), 15), r})
	}
	t.Run("the reference vendor passes everything", func(t *testing.T) {
		run := good.end(t)
		require.Empty(t, failed(run))
		require.Equal(t, "passed", run["verdict"])
		r := run["report"].(m)
		require.Equal(t, []any{"passed", true, 30.0, 0.0}, []any{r["verdict"], r["complete"], r["passed"], r["failed"]})
		require.Len(t, good.sandbox.Get("/v1/conformance-runs").Is(200).Data(), 1)
		for _, k := range good.sandbox.Get("/v1/api-keys?limit=200").Is(200).Data() {
			if k["name"] != "Administrator" {
				require.NotNil(t, k["revoked_at"], "a key of the run was left: %v", k["name"])
			}
		}
		fixtures(t, told)
		verified(t, app, good.sandbox, run["id"].(string))
	})
	for _, b := range begun {
		t.Run(b.name, func(t *testing.T) {
			found := failed(b.end(t))
			for _, s := range conformance.Scenarios() {
				mistake := b.round.mistakes[s.ID]
				if slices.Contains(mistakes[mistake], s.ID) {
					require.Contains(t, found, s.ID, "the mistake %s was not found by %s", mistake, s.ID)
				} else {
					require.NotContains(t, found, s.ID, "%s fails for the mistake %s, which does not show there", s.ID, mistake)
				}
			}
		})
	}
}

// The fixtures that vendors get are what the trial tells and what the reference
// vendor sends for it.
func fixtures(t *testing.T, told *calls) {
	t.Helper()
	folder := filepath.Join("..", "..", "examples", "box-office", "fixtures")
	for _, s := range conformance.Scenarios() {
		story, err := boxoffice.Say(told.of(s.ID))
		require.NoError(t, err)
		got, err := json.MarshalIndent(m{"scenario": s.ID, "steps": story}, "", "  ")
		require.NoError(t, err)
		file := filepath.Join(folder, fmt.Sprintf("%02d-%s.json", s.Number, s.ID))
		if *update {
			require.NoError(t, os.WriteFile(file, append(got, '\n'), 0o600))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(got), s.ID)
	}
}

// verified: the report is believed by the published key, by nobody else's, and
// not once it was altered.
func verified(t *testing.T, app *parvistest.App, sandbox *parvistest.Client, id string) {
	t.Helper()
	var keys report.KeySet
	app.Anonymous().Get("/.well-known/conformance-keys.json").Is(http.StatusOK).Into(&keys)
	var run struct {
		Report json.RawMessage `json:"report"`
	}
	sandbox.Get("/v1/conformance-runs/" + id).Into(&run)
	r, err := report.Verify(run.Report, keys)
	require.NoError(t, err)
	require.Equal(t, "passed", r.Verdict)
	for _, change := range []func(m){
		func(d m) { d["connector"].(m)["version"] = "9" },
		func(d m) { d["scenarios"] = d["scenarios"].([]any)[1:] },
		func(d m) { d["more"] = "said later" },
	} {
		var d m
		require.NoError(t, json.Unmarshal(run.Report, &d))
		change(d)
		altered, err := json.Marshal(d)
		require.NoError(t, err)
		_, err = report.Verify(altered, keys)
		require.ErrorIs(t, err, report.ErrForged)
	}
	twice := append([]byte(`{"verdict": "passed",`), bytes.TrimPrefix(bytes.TrimSpace(run.Report), []byte("{"))...)
	_, err = report.Verify(twice, keys)
	require.ErrorIs(t, err, report.ErrAmbiguous, "two readers would read two verdicts")
	public, _, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	_, err = report.Verify(run.Report, report.KeySet{Keys: []report.Key{report.PublicKey(public)}})
	require.ErrorIs(t, err, report.ErrUnknownKey)
	impostor := report.PublicKey(public)
	impostor.Kid = keys.Keys[0].Kid
	_, err = report.Verify(run.Report, report.KeySet{Keys: []report.Key{impostor}})
	require.ErrorIs(t, err, report.ErrForged)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	in := m{"hook_url": "http://127.0.0.1:9/", "connector": m{"name": "Guichet", "version": "1"}}
	app.Post("/v1/conformance-runs", in).Problem(409, "conformance-sandbox-only")
	sandbox := app.Sandbox()
	sandbox.Post("/v1/conformance-runs", parvistest.With(in, m{"scenarios": []string{"create", "dance"}})).Points("#/scenarios/1")
	sandbox.Post("/v1/conformance-runs", parvistest.With(in, m{"hook_url": "http://10.0.0.1/"})).Points("#/hook_url")
	sandbox.Post("/v1/conformance-runs", parvistest.With(in, m{"patience_seconds": 1})).Problem(400, "invalid-request")
	// A hook that cannot be reached fails the scenario, not the run.
	found := failed(trial(t, sandbox, "http://127.0.0.1:9/", 2, "create"))
	require.Contains(t, found["create"][0], "hook-failed")
}
