package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/parvis-crm/parvis"

// pkg is what go list says of a package.
type pkg struct {
	ImportPath   string
	Dir          string
	Name         string
	Doc          string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
}

// path inside the module: internal/contacts, cmd/parvis.
func (p pkg) path() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

// unit is the domain or kit that the package belongs to: contacts for
// internal/contacts and all below it, cmd for cmd/parvis.
func (p pkg) unit() string { return unitOf(p.ImportPath) }

func unitOf(importPath string) string {
	parts := strings.Split(strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/"), "/")
	if parts[0] == "internal" && len(parts) > 1 {
		return parts[1]
	}
	return parts[0]
}

func (p pkg) generatedQueries() bool { return strings.HasSuffix(filepath.Dir(p.path()), "/internal") }

// domain tells whether the package has business of its own.
func (p pkg) domain() bool {
	return p.path() == "internal/"+p.unit() && tiers[p.unit()].number >= 2 && tiers[p.unit()].number <= 5
}

var list = sync.OnceValues(func() ([]pkg, error) {
	command := exec.Command("go", "list", "-json=ImportPath,Dir,Name,Doc,GoFiles,TestGoFiles,XTestGoFiles,Imports", module+"/...")
	command.Dir = filepath.Join("..", "..")
	var failure bytes.Buffer
	command.Stderr = &failure
	output, err := command.Output()
	if err != nil {
		return nil, errors.Join(err, errors.New(failure.String()))
	}
	var all []pkg
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := list()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

type tier struct {
	number int
	// peers: whether packages of the tier may use each other.
	peers  bool
	reason string
}

// tiers is the house from the ground up.
var tiers = floors(
	floor{tier{0, false, "a leaf knows nothing of the program, so that everything may use it"},
		"fault money ids clock country seal"},
	floor{tier{1, true, "the kit serves every domain and therefore knows none"},
		"pg web config api pgembed egress telemetry db"},
	floor{tier{2, true, "the platform is what every domain stands on: it may use its own parts, and no domain"},
		"access accounts federation signin rights scim events audit dictionary operations documents mail vault quotas"},
	floor{tier{3, true, "contacts and consents are the core: what is built on them must not be needed by them"},
		"contacts consents register sensitive"},
	floor{tier{4, false, "domains never use each other, so that each can be understood, changed and left out alone"},
		"ticketing indicators sibil forms preferences cases segments campaigns fundraising bookings sales activities surveys knowledge"},
	floor{tier{5, false, "what works over all domains is handed to them through small interfaces when the program is wired"},
		"automation reports transfers webhooks siem privacy conformance connectors"},
	floor{tier{6, false, "the root knows everything, so nothing may know the root"}, "app"},
	floor{tier{7, true, "commands and tests start the program"}, "cmd parvistest readmetest sdktest isolationtest webtest mailtest archtest bench examples sdk tools"},
)

type floor struct {
	tier
	units string
}

func floors(all ...floor) map[string]tier {
	out := map[string]tier{}
	for _, f := range all {
		for unit := range strings.FieldsSeq(f.units) {
			out[unit] = f.tier
		}
	}
	return out
}

func TestPackagesImportOnlyWhatIsBelowThem(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		own, known := tiers[p.unit()]
		if !known {
			t.Errorf("%s has no tier: decide what it may use and enter it in internal/archtest", p.path())
			continue
		}
		for _, imported := range p.Imports {
			if !strings.HasPrefix(imported, module+"/") || unitOf(imported) == p.unit() {
				continue
			}
			other := tiers[unitOf(imported)]
			if other.number < own.number || (other.number == own.number && own.peers) {
				continue
			}
			t.Errorf("%s (tier %d) imports %s (tier %d): %s",
				p.path(), own.number, strings.TrimPrefix(imported, module+"/"), other.number, own.reason)
		}
	}
}

func TestOnlyTheCommandAndTheTestHarnessImportApp(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if slices.Contains(p.Imports, module+"/internal/app") && !slices.Contains([]string{"cmd", "parvistest", "bench"}, p.unit()) {
			t.Errorf("%s imports internal/app, which knows everything: hand what is needed over in app's wiring", p.path())
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 && !p.generatedQueries() {
			t.Errorf("%s has no package comment: a reader should not have to open its files to learn what it is for", p.path())
		}
	}
}

func TestNoPackageIsADrawer(t *testing.T) {
	t.Parallel()
	drawers := []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "lib", "base", "types", "models"}
	for _, p := range packages(t) {
		if slices.Contains(drawers, p.Name) {
			t.Errorf("%s is called %s, which says nothing: name it after what it knows", p.path(), p.Name)
		}
	}
}
