package app_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/app"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

var keyText = regexp.MustCompile(`pv_(live|test)_[a-z]{2}_[0-9A-Za-z_]+`)

func TestOperatorMakesInstitutionsAndKeys(t *testing.T) {
	t.Parallel()
	p := parvistest.New(t)
	said := &bytes.Buffer{}
	run := func(err error) *parvistest.Client {
		t.Helper()
		require.NoError(t, err)
		client := *p.Client
		client.Key = keyText.FindString(said.String())
		said.Reset()
		return &client
	}
	operator := run(p.AdminCreateKey(t.Context(), app.CreateKeyCommand{Name: "Console", Scopes: []string{"operations:read"}}, said))
	require.Equal(t, p.Tenant.String(), operator.Get("/v1/me").Is(200).JSON()["institution"].(map[string]any)["id"], "the only institution needs no name")
	operator.Get("/v1/operations").Is(200)
	operator.Get("/v1/users").Problem(403, "insufficient-scope")
	bound := run(p.AdminCreateKey(t.Context(), app.CreateKeyCommand{Name: "Console", Scopes: []string{"operations:read"}, Source: "billetterie"}, said))
	require.Equal(t, "billetterie", bound.Get("/v1/me").Is(200).JSON()["source"])
	require.ErrorContains(t, p.AdminCreateKey(t.Context(), app.CreateKeyCommand{Scopes: []string{"nothing:known"}}, said), "operations:read")

	second := run(p.AdminCreateTenant(t.Context(), app.CreateTenantCommand{Name: "Musée", Test: true}, said))
	institution := second.Get("/v1/institution").Is(200)
	require.Equal(t, "test", institution.JSON()["mode"])
	require.ErrorContains(t, p.AdminCreateKey(t.Context(), app.CreateKeyCommand{Scopes: []string{"*"}}, said), "--tenant")
	require.ErrorContains(t, p.AdminCreateKey(t.Context(), app.CreateKeyCommand{Tenant: "x", Scopes: []string{"*"}}, said), "--tenant")
	third := run(p.AdminCreateKey(t.Context(), app.CreateKeyCommand{Tenant: institution.ID(), Name: "Console", Scopes: []string{"*"}}, said))
	require.Contains(t, third.Key, "pv_test_sk_")
	third.Get("/v1/users").Is(200)
}

func TestOperatorReplacesTheAdministratorKey(t *testing.T) {
	t.Parallel()
	p := parvistest.New(t)
	kept := filepath.Join(p.Config.DataDir, "admin.key")
	require.NoError(t, os.WriteFile(kept, []byte(p.Key+"\n"), 0o600))
	p.Get("/v1/me").Is(200)
	said := &bytes.Buffer{}
	require.NoError(t, p.AdminRotateKey(t.Context(), app.RotateAdminKeyCommand{}, said))
	p.Get("/v1/me").Problem(401, "unauthenticated")
	left, err := os.ReadFile(kept)
	require.NoError(t, err)
	p.Client.Key = keyText.FindString(string(left))
	require.Contains(t, said.String(), p.Client.Key)
	p.Get("/v1/api-keys?status=revoked").Is(200)
	require.Len(t, p.Walk("/v1/api-keys?status=active"), 1)
	info, err := os.Stat(kept)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
}
