package sibil_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/sibil/sibiltest"
)

func TestReturnsOfAnotherInstitutionAreNotThere(t *testing.T) {
	t.Parallel()
	app := institution(t)
	server := sibiltest.New(t)
	var s seq
	send(t, app.Client, s.evening()...)
	connect(app, server)
	mine := submit(t, app, m{"quarter": "2026-Q4"})
	other := app.OtherTenant()
	require.Equal(t, 0.0, other.Get(quarter).Is(200).JSON()["declarations"])
	require.Empty(t, other.Get(quarter+"/declarations").Is(200).Data())
	require.Empty(t, other.Get(sends).Is(200).Data())
	other.Get(fmt.Sprint(sends, "/", mine["id"])).Problem(404, "not-found")
	require.Nil(t, other.Get(settings).Is(200).JSON()["username"])
	// The other's settings are its own.
	other.Patch(settings, m{"base_url": server.URL, "username": "u", "password": "p", "is_enabled": true}).Is(200)
	soir := declarations(app, "2026-Q4")["soir"]["id"]
	other.Post(sends, m{"quarter": "2026-Q4", "performance_ids": []any{soir}}).Points("#/performance_ids/0")
	require.Equal(t, sibiltest.Username, app.Get(settings).Is(200).JSON()["username"])
}
