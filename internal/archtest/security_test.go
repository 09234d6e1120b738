package archtest

import (
	_ "embed"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// mostGaps is how many requirements may be known not to be met. It only ever
// gets smaller.
const mostGaps = 0

// asvsIDs are the requirements of levels 1 and 2 of OWASP ASVS 5.0.0, each with
// its level, so that none can be left out of the table.
//
//go:embed testdata/asvs-5.0.0-ids.txt
var asvsIDs string

// requirement is a line of a table in docs/security.
type requirement struct {
	ID       string   `yaml:"id"`
	Level    int      `yaml:"level"`
	Title    string   `yaml:"title"`
	Status   string   `yaml:"status"`
	Reason   string   `yaml:"reason"`
	Evidence []string `yaml:"evidence"`
}

func requirements(t *testing.T, file string) []requirement {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "docs", "security", file))
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	var all []requirement
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	require.NoError(t, d.Decode(&all))
	require.NotEmpty(t, all)
	return all
}

var testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z]\w*)\(\w+ \*testing\.[TF]\) \{$`)

// testsByName are all tests of the module, as internal/web.TestQuota.
func testsByName(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, p := range packages(t) {
		for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			require.NoError(t, err)
			for _, m := range testFunction.FindAllStringSubmatch(string(text), -1) {
				all[p.path()+"."+m[1]] = true
			}
		}
	}
	return all
}

// flaws says what is wrong with a line of a table, nothing if it is in order.
func flaws(r requirement, tests map[string]bool) (out []string) {
	if strings.TrimSpace(r.Title) == "" {
		out = append(out, "has no title")
	}
	switch r.Status {
	case "not-applicable", "gap":
		if len(strings.TrimSpace(r.Reason)) < 8 {
			out = append(out, "is "+r.Status+" without a reason")
		}
		if len(r.Evidence) > 0 {
			out = append(out, "is "+r.Status+" and has evidence")
		}
	case "covered":
		if len(r.Evidence) == 0 {
			out = append(out, "is covered and has no evidence")
		}
	default:
		out = append(out, "has the status "+strconv.Quote(r.Status)+": covered, not-applicable or gap")
	}
	for _, e := range r.Evidence {
		if tests[e] {
			continue
		}
		if info, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(e))); err != nil || info.IsDir() {
			out = append(out, "names "+e+", which is neither a test nor a file")
		}
	}
	return out
}

// What is claimed of security is shown by a test that exists, or admitted.
func TestSecurityClaimsHaveEvidence(t *testing.T) {
	t.Parallel()
	tests := testsByName(t)
	require.True(t, tests["internal/archtest.TestSecurityClaimsHaveEvidence"])
	gaps := 0
	for _, file := range []string{"owasp-asvs-5.0.yaml", "owasp-api-top-10-2023.yaml"} {
		seen := map[string]bool{}
		for _, r := range requirements(t, file) {
			if seen[r.ID] {
				t.Errorf("%s: %s stands twice", file, r.ID)
			}
			seen[r.ID] = true
			for _, flaw := range flaws(r, tests) {
				t.Errorf("%s: %s %s", file, r.ID, flaw)
			}
			if r.Status == "gap" {
				gaps++
				t.Logf("gap: %s %s: %s", r.ID, r.Title, r.Reason)
			}
		}
	}
	if gaps > mostGaps {
		t.Errorf("%d requirements are not met, more than %d: the number only gets smaller", gaps, mostGaps)
	}
	if gaps < mostGaps {
		t.Errorf("only %d requirements are not met any more: lower mostGaps from %d, so that none comes back", gaps, mostGaps)
	}
}

func TestSecurityTablesAreWhole(t *testing.T) {
	t.Parallel()
	levels := map[string]int{}
	for _, r := range requirements(t, "owasp-asvs-5.0.yaml") {
		levels[r.ID] = r.Level
	}
	known := 0
	for line := range strings.Lines(asvsIDs) {
		id, level, _ := strings.Cut(strings.TrimSpace(line), " ")
		known++
		if strconv.Itoa(levels[id]) != level {
			t.Errorf("%s of level %s is not in the table", id, level)
		}
	}
	require.Equal(t, 253, known)
	require.Len(t, levels, known)
	var risks []string
	for _, r := range requirements(t, "owasp-api-top-10-2023.yaml") {
		risks = append(risks, r.ID)
	}
	require.Equal(t, []string{"API1", "API2", "API3", "API4", "API5", "API6", "API7", "API8", "API9", "API10"}, risks)
}

// A claim without evidence does not get through.
func TestClaimsWithoutEvidenceAreSeen(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{"internal/web.TestQuota": true}
	require.Empty(t, flaws(requirement{ID: "X", Title: "x", Status: "covered", Evidence: []string{"internal/web.TestQuota", "go.mod"}}, tests))
	for name, r := range map[string]requirement{
		"no evidence":      {Title: "x", Status: "covered"},
		"no such test":     {Title: "x", Status: "covered", Evidence: []string{"internal/web.TestNothing"}},
		"no such file":     {Title: "x", Status: "covered", Evidence: []string{"docs/nothing.md"}},
		"no reason":        {Title: "x", Status: "not-applicable"},
		"gap and evidence": {Title: "x", Status: "gap", Reason: "it is to come", Evidence: []string{"go.mod"}},
		"unknown status":   {Title: "x", Status: "planned", Reason: "it is to come"},
		"no title":         {Status: "covered", Evidence: []string{"go.mod"}},
	} {
		require.NotEmpty(t, flaws(r, tests), name)
	}
}
