package docs_test

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/parvis-crm/parvis/internal/parvistest/browser"
)

// operations returns the operation ids under one member of a contract, "paths"
// or "webhooks".
func operations(t *testing.T, source []byte, member string) []string {
	t.Helper()
	var document map[string]yaml.Node
	require.NoError(t, yaml.Unmarshal(source, &document))
	if _, found := document[member]; !found {
		return nil
	}
	items := map[string]map[string]yaml.Node{}
	node := document[member]
	require.NoError(t, node.Decode(&items))
	var ids []string
	for _, item := range items {
		for name, node := range item {
			if !slices.Contains([]string{"get", "put", "post", "patch", "delete", "head", "options"}, name) {
				continue
			}
			var operation struct {
				ID string `yaml:"operationId"`
			}
			require.NoError(t, node.Decode(&operation))
			ids = append(ids, operation.ID)
		}
	}
	return ids
}

// The published contract of this very product, whatever it has grown to: both
// applications show each of its operations and break no rule.
func TestOwnContractIsShownWhole(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../../openapi.yaml")
	require.NoError(t, err)
	b, origin := browser.New(t), portalOf(t, source)
	ids := operations(t, source, "paths")
	require.NotEmpty(t, ids)

	b.Navigate(origin + "/docs")
	b.WaitVisible("#reference h1")
	b.WaitFor(`!document.getElementById("loading")`)
	for _, id := range ids {
		b.WaitFor(`document.getElementById("operation/` + id + `") || document.querySelector("[data-section-id$='operation/` + id + `']")`)
	}
	for _, id := range operations(t, source, "webhooks") {
		b.WaitFor(`document.querySelector("[data-section-id$='operation/` + id + `']")`)
	}
	picture(b, "own-reference")

	b.Navigate(origin + "/docs/try")
	// A hundred operations drawn at once would keep a visitor waiting: their
	// groups are there, and each opens.
	b.WaitFor(fmt.Sprintf(`window.ui && window.ui.specSelectors.operations().size === %d`, len(ids)))
	b.WaitVisible(".opblock-tag[data-tag='Operations']")
	b.Click(".opblock-tag[data-tag='Operations']")
	b.WaitVisible("#operations-Operations-listOperations")
	picture(b, "own-explorer")
	requireClean(t, b, origin)
}
