package readmetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
)

// guide reads a page of docs; it must have so many steps at least.
func guide(t *testing.T, root, name string, least int) []step {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", name))
	require.NoError(t, err)
	todo, err := steps(string(page))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(todo), least, name)
	return todo
}

// guided is a reader with a program that was built, who keeps the files that a
// page has written to a folder of their own.
func guided(t *testing.T, root string, ports, files []string) *reader {
	t.Helper()
	r := newReader(t, ports...)
	program := filepath.Join(r.folder, "program")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, filepath.Join(root, "cmd", "parvis")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	r.swap["bin/parvis"] = program
	for _, name := range files {
		r.swap[name] = filepath.Join(r.folder, name)
	}
	return r
}

// The guide for vendors, from nothing to a report that is verified.
func TestVendorGuide(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	r := guided(t, root, []string{"8080", "9090"}, []string{"sandbox.key", "report.json", "parvis.log", "box-office.log"})
	r.swap["conformance run"] = "conformance run --url http://127.0.0.1:" + r.ports["8080"] // it is 8080 unless told otherwise
	r.logs = append(r.logs, filepath.Join(r.folder, "parvis.log"), filepath.Join(r.folder, "box-office.log"))
	r.follow(newShell(t, root, r.env()), "the guide for vendors", guide(t, root, "ticketing-vendors.md", 2))
}

// The reference for vendors with its file of history, and then the connectors',
// whose vendor is a fake one.
func TestTicketingGuides(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	r := guided(t, root, []string{"8080"}, []string{"batch.json", "answer.json", "import.json"})
	vendor := pretixtest.New(t)
	vendor.Put("events", pretixtest.Event("saison", nil))
	r.swap["https://billets.theatre.example"], r.swap["theatre-des-arcades"], r.swap["\"…\""] = vendor.URL, vendor.Organizer, "\""+vendor.Token+"\""
	sh := newShell(t, root, append(r.env(), "PARVIS_WEBHOOK_ALLOW_CIDRS=127.0.0.0/8"))
	r.logs = append(r.logs, sh.background(r.swap["bin/parvis"]+" serve"))
	out, status := sh.run(r.elsewhere("until curl -sf http://127.0.0.1:8080/readyz > /dev/null; do sleep 0.2; done"))
	require.Zero(t, status, out)
	r.follow(sh, "the reference for vendors", guide(t, root, "ticketing.md", 7))
	r.swap["guichet"] = "billets"
	r.follow(sh, "the page on connectors", guide(t, root, "connectors.md", 1))
	require.NotZero(t, vendor.Asked("/webhooks/"), "the address was registered")
}
