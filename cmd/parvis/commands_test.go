package main_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func examine(t *testing.T, environment ...string) (string, int) {
	t.Helper()
	p := launch(t, environment, "doctor")
	err := p.wait(t)
	return p.out.String(), exitCode(err)
}

func TestDoctorSaysWhatToDo(t *testing.T) {
	t.Parallel()
	database := parvistest.Database(t)
	sound := []string{"PARVIS_DATA_DIR=" + folder(t), "PARVIS_DATABASE_URL=" + database.AppURL, "PARVIS_MIGRATION_URL=" + database.OwnerURL}

	text, code := examine(t, sound...)
	require.Zero(t, code, text)
	require.Contains(t, text, "which cannot bypass the walls")
	require.Contains(t, text, "Announcements of new events arrive")
	require.Contains(t, text, "as it should be")
	require.Contains(t, text, "warning  No mail server is configured")

	text, code = examine(t, append(sound, "PARVIS_PUBLIC_URL=http://crm.exemple.fr")...)
	require.Equal(t, 1, code)
	require.Contains(t, text, "is not https")

	text, code = examine(t, "PARVIS_DATA_DIR="+folder(t), "PARVIS_DATABASE_URL="+database.OwnerURL)
	require.Zero(t, code, text)
	require.Contains(t, text, "logs in as the superuser")

	text, code = examine(t, "PARVIS_DATA_DIR="+folder(t), "PARVIS_DATABASE_URL=postgres://parvis:hush@127.0.0.1:1/parvis")
	require.Equal(t, 1, code)
	require.Contains(t, text, "cannot be reached")
	require.NotContains(t, text, "hush")

	text, code = examine(t, "PARVIS_LOG_FORMAT=verse", "PARVIS_RATE_DEFAULT=0")
	require.Equal(t, 1, code)
	require.Contains(t, text, "PARVIS_LOG_FORMAT")
	require.Contains(t, text, "PARVIS_RATE_")

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	owner, err := pgx.Connect(ctx, database.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = owner.Close(context.WithoutCancel(ctx)) }()
	_, err = owner.Exec(ctx, "update crm.schema_migrations set dirty = true")
	require.NoError(t, err)
	text, code = examine(t, sound...)
	require.Equal(t, 1, code)
	require.Contains(t, text, "did not end: run `parvis migrate`")
	_, err = owner.Exec(ctx, "update crm.schema_migrations set dirty = false, version = version - 1")
	require.NoError(t, err)
	text, code = examine(t, sound...)
	require.Equal(t, 1, code)
	require.Contains(t, text, "run `parvis migrate`")
}

func TestWorkRunsBesideServersAndEndsInOrder(t *testing.T) {
	t.Parallel()
	database := parvistest.Database(t)
	p := launch(t, []string{"PARVIS_DATA_DIR=" + folder(t), "PARVIS_DATABASE_URL=" + database.AppURL}, "work")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	owner, err := pgx.Connect(ctx, database.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = owner.Close(context.WithoutCancel(ctx)) }()
	eventually(t, "a worker leads the job queue", func() bool {
		var leaders int
		require.NoError(t, owner.QueryRow(ctx, "select count(*) from river.river_leader").Scan(&leaders))
		return leaders == 1
	})
	require.NoError(t, p.end(t, syscall.SIGTERM))

	alone := launch(t, []string{"PARVIS_DATA_DIR=" + folder(t)}, "work")
	require.Equal(t, 1, exitCode(alone.wait(t)))
	require.Contains(t, alone.out.String(), "PARVIS_DATABASE_URL")
}
