package sdktest

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestGoClient(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	out := run(t, app, "../../sdk/go", "go", "test", "-count=1", "-v", ".")
	require.Contains(t, out, "--- PASS: TestClient", "it is not left out")
	// What a user of the client downloads with it.
	require.NotContains(t, run(t, nil, "../../sdk/go", "go", "list", "-deps", "."), "echo")
}

func TestTypeScriptClient(t *testing.T) {
	t.Parallel()
	if os.Getenv("PARVIS_TEST_NODE") == "skip" {
		t.Skip("there is no Node on this machine")
	}
	_, err := exec.LookPath("node")
	require.NoError(t, err, "the TypeScript client needs Node: apt-get install nodejs npm")
	run(t, nil, "../..", "make", "--no-print-directory", "sdk/typescript/node_modules")
	run(t, nil, "../../sdk/typescript", "node", "node_modules/typescript/bin/tsc", "--project", "tsconfig.test.json")
	require.Contains(t, run(t, parvistest.New(t), "../../sdk/typescript", "node", ".build/test/client.js"), "agrees")
}

// run runs a command in a folder; with a program to speak to, its address and a
// key are in the environment.
func run(t *testing.T, app *parvistest.App, folder, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = folder
	cmd.Env = os.Environ()
	if app != nil {
		cmd.Env = append(cmd.Env, "PARVIS_URL="+app.URL, "PARVIS_KEY="+app.Key)
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}
