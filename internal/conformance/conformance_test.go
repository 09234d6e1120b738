package conformance_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/examples/box-office/boxoffice"
	"github.com/parvis-crm/parvis/internal/conformance"
	"github.com/parvis-crm/parvis/internal/conformance/report"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

var update = flag.Bool("update", false, "write the fixtures of the example anew")

// The fixtures that vendors get are what the trial tells and what the reference
// vendor sends for it.
func TestReferenceVendorPassesEverything(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	told := &calls{}
	sandbox := app.Sandbox()
	run := trial(t, sandbox, vendor(t, "", told.keep), 60)
	require.Empty(t, failed(run))
	r := run["report"].(m)
	require.Equal(t, "passed", run["verdict"])
	require.Equal(t, []any{"passed", true, 30.0, 0.0}, []any{r["verdict"], r["complete"], r["passed"], r["failed"]})
	require.Len(t, sandbox.Get("/v1/conformance-runs").Is(200).Data(), 1)
	for _, k := range sandbox.Get("/v1/api-keys?limit=200").Is(200).Data() {
		if k["name"] != "Administrator" {
			require.NotNil(t, k["revoked_at"], "a key of the run was left: %v", k["name"])
		}
	}
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
	verified(t, app, sandbox, run["id"].(string))
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
	other := parvistest.New(t)
	var foreign report.KeySet
	other.Anonymous().Get("/.well-known/conformance-keys.json").Into(&foreign)
	_, err = report.Verify(run.Report, foreign)
	require.ErrorIs(t, err, report.ErrUnknownKey)
}

// Each mistake is found where it shows and nowhere else. Those that show in few
// scenarios are tried in these and in some that they leave alone.
func TestEachMistakeIsFound(t *testing.T) {
	t.Parallel()
	controls := []string{"create", "partial-refund", "exchange"}
	cases := map[string]struct {
		scenarios []string // all if there are none
		fails     []string
	}{
		"no-dedupe":         {fails: []string{"replay-other-key"}},
		"no-retry":          {fails: []string{"replay-same-key", "same-key-other-body", "stub-then-parent", "rate-limited", "unavailable", "oversized-batch"}},
		"float-money":       {fails: []string{"money-to-the-cent"}},
		"no-order":          {fails: []string{"out-of-order", "equal-timestamps", "tombstone-then-older"}},
		"naive-times":       {fails: []string{"stub-then-parent", "dst-times"}},
		"ignores-409-422":   {fails: []string{"same-key-other-body", "unavailable"}},
		"leaks-tests":       {fails: []string{"test-order"}},
		"impatient":         {scenarios: []string{"unavailable"}, fails: []string{"rate-limited"}},
		"seconds-only":      {scenarios: []string{"out-of-order"}, fails: []string{"equal-timestamps"}},
		"no-tombstones":     {fails: []string{"tombstone-then-older", "tombstone-then-newer"}, scenarios: []string{"reactivation"}},
		"no-catalogue":      {scenarios: []string{"out-of-order"}, fails: []string{"stub-then-parent", "dst-times"}},
		"ignores-results":   {scenarios: []string{"duplicated"}, fails: []string{"one-bad-record"}},
		"never-divides":     {scenarios: []string{"unavailable"}, fails: []string{"oversized-batch"}},
		"drops-with-key":    {scenarios: []string{"unavailable"}, fails: []string{"rotated-key"}},
		"account-by-mail":   {scenarios: []string{"box-office-without-name"}, fails: []string{"generic-mailbox", "shared-family-mail"}},
		"holder-from-buyer": {scenarios: []string{"shared-family-mail"}, fails: []string{"placeholder-holder"}},
		"counter-customer":  {scenarios: []string{"generic-mailbox"}, fails: []string{"box-office-without-name"}},
		"refunds-cancel":    {scenarios: []string{"reactivation"}, fails: []string{"partial-refund", "full-refund-valid-tickets"}},
		"lowers-refunded":   {scenarios: []string{"reactivation"}, fails: []string{"partial-refund", "full-refund-valid-tickets", "cancel-fee-kept"}},
		"drops-cancelled":   {fails: []string{"cancel-fee-kept", "exchange", "reactivation"}},
		"keeps-people":      {scenarios: []string{"box-office-without-name"}, fails: []string{"anonymise"}},
		"key-of-name":       {scenarios: []string{"out-of-order"}, fails: []string{}},
		"doubts-unchanged":  {scenarios: []string{"out-of-order"}, fails: []string{"duplicated"}},
		"scans-wait":        {scenarios: []string{"stub-then-parent"}, fails: []string{"scan-before-order"}},
	}
	require.Subset(t, slices.Collect(maps.Keys(boxoffice.Named())), slices.Collect(maps.Keys(cases)))
	app := parvistest.New(t)
	for defect, c := range cases {
		t.Run(defect, func(t *testing.T) {
			t.Parallel()
			var play []string
			if len(c.scenarios) > 0 {
				play = slices.Compact(slices.Sorted(slices.Values(slices.Concat(c.scenarios, c.fails, controls))))
			}
			found := failed(trial(t, app.Sandbox(), vendor(t, defect), 15, play...))
			require.ElementsMatch(t, c.fails, slices.Collect(maps.Keys(found)), "%v", found)
		})
	}
}

// The command is what most vendors will use.
func TestCommandTellsAndVerifies(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	folder := t.TempDir()
	binary := filepath.Join(folder, "parvis")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/parvis").CombinedOutput()
	require.NoError(t, err, "%s", built)
	sandbox := app.Sandbox()
	key, file := filepath.Join(folder, "key"), filepath.Join(folder, "report.json")
	require.NoError(t, os.WriteFile(key, []byte(sandbox.Key), 0o600))
	try := func(hook string) (string, error) {
		out, err := exec.CommandContext(t.Context(), binary, "conformance", "run", "--url", app.URL, "--key-file", key, "--hook", hook, "--connector", "Guichet", "--release", "1", "--scenarios", "create,test-order", "--patience", "60s", "-o", file).CombinedOutput()
		return string(out), err
	}
	out, err := try(vendor(t, "leaks-tests"))
	require.Error(t, err)
	require.Contains(t, out, "test-leaked")
	out, err = try(vendor(t, ""))
	require.NoError(t, err, out)
	require.Contains(t, out, "Guichet 1: passed (2 passed, 0 failed, of a choice of scenarios)")
	verify := func(args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), binary, append([]string{"conformance", "verify", file}, args...)...).CombinedOutput()
		return string(out), err
	}
	out, err = verify("--issuer", app.URL)
	require.NoError(t, err, out)
	require.Contains(t, out, "unaltered")
	_, err = verify()
	require.Error(t, err, "nobody was trusted")
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(string(raw[:len(raw)-2])+`, "verdict": "passed"}`), 0o600))
	_, err = verify("--issuer", app.URL)
	require.Error(t, err, "an altered report was believed")
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
