package app_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/app"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/seal"
)

// settings are those of an operator, on a database.
func settings(t *testing.T, database *parvistest.DB, more map[string]string) config.Config {
	t.Helper()
	for name, value := range map[string]string{
		"PARVIS_ADDR": parvistest.FreeAddress(t), "PARVIS_DATA_DIR": t.TempDir(), "PARVIS_LOG_LEVEL": "error",
		"PARVIS_DATABASE_URL": database.AppURL, "PARVIS_MIGRATION_URL": database.OwnerURL,
	} {
		t.Setenv(name, value)
	}
	for name, value := range more {
		t.Setenv(name, value)
	}
	cfg, err := config.Load()
	require.NoError(t, err)
	return cfg
}

// served runs the program until it is ready, and ends it.
func served(t *testing.T, cfg config.Config) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ctx, cfg, true, &bytes.Buffer{}) }()
	parvistest.Eventually(t, "ready", func() bool {
		answer, err := http.Get("http://" + cfg.Addr + "/readyz")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	cancel()
	require.NoError(t, <-ended)
}

func notServed(t *testing.T, cfg config.Config) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return app.Serve(ctx, cfg, true, &bytes.Buffer{})
}

func examined(t *testing.T) (string, error) {
	t.Helper()
	var said bytes.Buffer
	err := app.Doctor(t.Context(), &said)
	return said.String(), err
}

// A database whose keys a master key has wrapped is served by nobody without it:
// neither with one that is made for the occasion nor with another.
func TestNothingStartsWithoutTheMasterKeyOfTheDatabase(t *testing.T) {
	database := parvistest.Database(t)
	first := settings(t, database, nil)
	served(t, first)
	served(t, first) // which makes no other institution, nor key

	elsewhere := settings(t, database, nil)
	require.ErrorContains(t, notServed(t, elsewhere), "restore "+filepath.Join(elsewhere.DataDir, "master.key"))
	require.NoFileExists(t, filepath.Join(elsewhere.DataDir, "master.key"))
	said, err := examined(t)
	require.Error(t, err)
	require.Contains(t, said, "or set PARVIS_MASTER_KEY to it")

	other := settings(t, database, map[string]string{"PARVIS_MASTER_KEY": base64.StdEncoding.EncodeToString(seal.Generate())})
	require.ErrorContains(t, notServed(t, other), "opens none of the keys")

	text, err := os.ReadFile(filepath.Join(first.DataDir, "master.key"))
	require.NoError(t, err)
	served(t, settings(t, database, map[string]string{"PARVIS_MASTER_KEY": strings.TrimSpace(string(text))}))
	said, err = examined(t)
	require.NoError(t, err, said)
}

// What the page on running says of a server of one's own, with a single login,
// word for word.
func TestASingleLoginServesAndIsSaidToLowerItself(t *testing.T) {
	database := parvistest.Database(t)
	conn, err := pgx.Connect(t.Context(), database.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	name := fmt.Sprintf("single_%d", rand.Uint32())
	quoted := pgx.Identifier{database.Name}.Sanitize()
	_, err = conn.Exec(t.Context(), "drop schema crm cascade; drop schema teleservice cascade; drop schema river cascade; create role "+name+
		" login password 'plain'; grant parvis_resolver to "+name+"; grant set on parameter app.sight to "+name+"; alter database "+quoted+" owner to "+name, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := conn.Exec(context.Background(), "alter database "+quoted+" owner to current_user; drop owned by "+name+" cascade; drop role "+name, pgx.QueryExecModeSimpleProtocol)
		require.NoError(t, err)
	})
	u, err := url.Parse(database.OwnerURL)
	require.NoError(t, err)
	u.User = url.UserPassword(name, "plain")
	query := u.Query()
	query.Del("user")
	u.RawQuery = query.Encode()
	cfg := settings(t, database, map[string]string{"PARVIS_DATABASE_URL": u.String(), "PARVIS_MIGRATION_URL": ""})

	require.ErrorContains(t, notServed(t, cfg), "grant parvis_app to "+name+";")
	page, err := os.ReadFile("../../docs/running.md")
	require.NoError(t, err)
	require.Contains(t, string(page), "grant parvis_app to parvis_owner;")
	said, err := examined(t)
	require.Error(t, err)
	require.Contains(t, said, "grant parvis_app to "+name+";")
	_, err = conn.Exec(t.Context(), "grant parvis_app to "+name)
	require.NoError(t, err)
	served(t, cfg)
	said, err = examined(t)
	require.NoError(t, err, said)
	require.Contains(t, said, "logs in as "+name+", which owns the schema, and lowers itself to parvis_app on every connection")
}

// With the owner's login forgotten, the application's is told of that, and needs
// nothing where there is nothing to migrate.
func TestTheOwnersLoginMayBeForgottenWhereNothingIsToMigrate(t *testing.T) {
	database := parvistest.Database(t)
	cfg := settings(t, database, map[string]string{"PARVIS_MIGRATION_URL": ""})
	served(t, cfg)
	said, err := examined(t)
	require.NoError(t, err, said)
	require.NotContains(t, said, "grant")

	conn, err := pgx.Connect(t.Context(), database.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), "update crm.schema_migrations set version = version - 1")
	require.NoError(t, err)
	require.ErrorContains(t, notServed(t, cfg), "set PARVIS_MIGRATION_URL")
	said, err = examined(t)
	require.Error(t, err)
	require.Contains(t, said, "set PARVIS_MIGRATION_URL")
	require.NotContains(t, said, "grant")
}

func TestDoctorRefusesWhatKeepsTheProgramFromStarting(t *testing.T) {
	database := parvistest.Database(t)
	list := filepath.Join(t.TempDir(), "list")
	for content, want := range map[string]string{
		"":                             "is empty",
		"these are no digests":         "is no list of SHA-1 digests",
		strings.Repeat("0A", 20):       "The list of breached passwords is ",
		strings.Repeat("zz", 20):       "is no list of SHA-1 digests",
		strings.Repeat("00", 25):       "The list of breached passwords is ",
		strings.Repeat("0", 39):        "is no list of SHA-1 digests",
		strings.Repeat("0 ", 200):      "is no list of SHA-1 digests",
		"\n" + strings.Repeat("0", 40): "is no list of SHA-1 digests",
	} {
		require.NoError(t, os.WriteFile(list, []byte(content), 0o600))
		cfg := settings(t, database, map[string]string{"PARVIS_BREACHED_PASSWORDS": list})
		said, _ := examined(t)
		require.Contains(t, said, want, "%q", content)
		if strings.Contains(want, "no list") {
			require.Error(t, notServed(t, cfg), "%q", content)
		}
	}
	for _, path := range []string{"/nonexist", t.TempDir()} {
		cfg := settings(t, database, map[string]string{"PARVIS_BREACHED_PASSWORDS": path, "PARVIS_DATABSE_URL": "x", "PARVIS_SOMETHING_ELSE": "x"})
		require.Error(t, notServed(t, cfg))
		said, err := examined(t)
		require.Error(t, err)
		require.Contains(t, said, "PARVIS_BREACHED_PASSWORDS")
		require.Contains(t, said, "warning  PARVIS_DATABSE_URL is no setting of Parvis, so it does nothing: PARVIS_DATABASE_URL is probably meant.")
		require.Contains(t, said, "warning  PARVIS_SOMETHING_ELSE is no setting of Parvis: see whether it is misspelt.")
	}
}
