package main_test

import (
	"net/http"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/pgembed"
)

// Commands work beside a Parvis that runs on its private PostgreSQL, and leave it
// running.
func TestCommandsWorkBesideARunningParvis(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(t)
	ran := func(arguments ...string) string {
		p := launch(t, s.env, arguments...)
		require.NoError(t, p.wait(t), "%v: %s", arguments, p.out)
		return p.out.String()
	}
	require.Contains(t, ran("audit", "verify"), "events agree with their chain")
	text := ran("doctor")
	require.Contains(t, text, "is ready")
	require.Contains(t, text, "which cannot bypass the walls", "its database is examined")
	archive := filepath.Join(t.TempDir(), "all.zip")
	ran("export", "-o", archive)
	ran("verify", archive)
	require.Equal(t, http.StatusOK, s.status("/readyz"))

	// What another version of the program keeps is left alone.
	server, err := pgembed.Join(t.Context(), filepath.Join(s.dir, "postgres"))
	require.NoError(t, err)
	owner, err := pgx.Connect(t.Context(), server.URL(pgembed.Superuser, "postgres"))
	require.NoError(t, err)
	_, err = owner.Exec(t.Context(), "update crm.schema_migrations set version = version - 1")
	require.NoError(t, err)
	p := launch(t, s.env, "audit", "verify")
	require.Error(t, p.wait(t))
	require.Contains(t, p.out.String(), "use the program that runs, or stop it first")
	_, err = owner.Exec(t.Context(), "update crm.schema_migrations set version = version + 1")
	require.NoError(t, err)
	require.NoError(t, owner.Close(t.Context()))

	// And where none runs, by themselves.
	require.NoError(t, s.running.end(t, syscall.SIGTERM))
	require.Contains(t, ran("audit", "verify"), "events agree with their chain")
}
