package events_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/events"
)

// Every type of event that an operation says it brings about is in the catalogue:
// or nobody could ask for it.
func TestTheCatalogueKnowsWhatOperationsBringAbout(t *testing.T) {
	t.Parallel()
	types, err := events.Types(api.SpecJSON)
	require.NoError(t, err)
	var contract struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(api.SpecJSON, &contract))
	told := 0
	for path, methods := range contract.Paths {
		for method, raw := range methods {
			var operation struct {
				Types []string `json:"x-event-types"`
			}
			if method == "parameters" || json.Unmarshal(raw, &operation) != nil {
				continue
			}
			for _, name := range operation.Types {
				told++
				require.True(t, slices.ContainsFunc(types, func(i events.TypeInfo) bool { return i.Name == name }), "%s %s brings about %s, which no `webhooks` of the contract describes", method, path, name)
			}
		}
	}
	require.Greater(t, told, 200)
}
