package contacts_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// What has neither letter nor digit is the beginning of no name.
func TestAPrefixOfNothingFindsNobody(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	app.Post("/v1/contacts", map[string]any{"kind": "person", "family_name": "Castellan"}).Is(201)
	app.Post("/v1/tags", map[string]any{"name": "Ami"}).Is(201)
	for _, prefix := range []string{"%25", "'", "%F0%9F%8E%AD"} {
		require.Empty(t, app.Get("/v1/contacts?name_prefix="+prefix).Is(200).Data(), prefix)
		require.Empty(t, app.Get("/v1/tags?name_prefix="+prefix).Is(200).Data(), prefix)
	}
	require.Empty(t, app.Post("/v1/contacts/search", map[string]any{"filter": map[string]any{"field": "name", "op": "prefix", "value": "%"}}).Is(200).Data())
	require.Len(t, app.Get("/v1/contacts?name_prefix=cas").Is(200).Data(), 1)
}
