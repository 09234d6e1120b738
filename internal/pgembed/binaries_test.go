package pgembed

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// programs makes a folder with an initdb and a postgres that says what it is told.
func programs(t *testing.T, version string) string {
	t.Helper()
	dir := folder(t)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	script := fmt.Sprintf("#!/bin/sh\necho 'postgres (PostgreSQL) %s'\n", version)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "postgres"), []byte(script), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "initdb"), []byte("#!/bin/sh\nexit 1\n"), 0o755))
	return dir
}

func TestBadProgramsAreExplained(t *testing.T) {
	t.Parallel()
	silent := programs(t, "15.1")
	require.NoError(t, os.WriteFile(filepath.Join(silent, "postgres"), []byte("#!/bin/sh\necho hello\n"), 0o755))
	broken := programs(t, "15.1")
	require.NoError(t, os.WriteFile(filepath.Join(broken, "postgres"), []byte("#!/bin/sh\nexit 3\n"), 0o755))
	bare := programs(t, "17.2")
	require.NoError(t, os.WriteFile(filepath.Join(bare, "pg_config"), []byte("#!/bin/sh\necho "+bare+"\n"), 0o755))
	for name, test := range map[string]struct{ dir, want string }{
		"missing":         {filepath.Join(silent, "no", "such"), "has no program initdb"},
		"old":             {programs(t, "14.9 (Debian 14.9-1)"), "is version 14.9, at least 15 is needed"},
		"not postgres":    {silent, "does not name a PostgreSQL version"},
		"does not run":    {broken, "does not run as"},
		"without contrib": {bare, "lacks the contrib extension pg_trgm"},
		"initdb fails":    {programs(t, "15.1"), "create a database in"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Start(limited(t), Config{DataDir: folder(t), BinDir: test.dir})
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestChooseTakesTheFirstThatFits(t *testing.T) {
	t.Parallel()
	old, fifteen, eighteen := programs(t, "14.9"), programs(t, "15.3"), programs(t, "18beta1")
	acct, err := serverAccount()
	require.NoError(t, err)

	found, err := choose(acct, []string{old, eighteen, fifteen}, 0)
	require.NoError(t, err)
	require.Equal(t, binaries{dir: eighteen, version: "18beta1", major: 18}, found)

	found, err = choose(acct, []string{old, eighteen, fifteen}, 15)
	require.NoError(t, err, "an existing cluster needs the version that made it")
	require.Equal(t, fifteen, found.dir)

	_, err = choose(acct, []string{old, fifteen}, 18)
	require.ErrorContains(t, err, "is version 14.9")
	require.ErrorContains(t, err, fifteen+" is version 15.3")

	_, err = choose(acct, nil, 0)
	require.Error(t, err)
}

func TestFetchedProgramsAreTakenFromTheCache(t *testing.T) {
	t.Parallel()
	cache := folder(t)
	require.NoError(t, os.MkdirAll(filepath.Join(cache, "postgresql-18.3.0"), 0o755))
	require.NoError(t, os.Rename(programs(t, "18.3"), filepath.Join(cache, "postgresql-18.3.0", "bin")))
	acct, err := serverAccount()
	require.NoError(t, err)
	cfg := Config{CacheDir: cache, Logger: slog.New(slog.DiscardHandler)}
	found, err := fetch(limited(t), cfg, acct, 0)
	require.NoError(t, err)
	require.Equal(t, "18.3", found.version)
	_, err = fetch(limited(t), cfg, acct, 14)
	require.ErrorContains(t, err, "PostgreSQL 14 cannot be fetched")
}

func TestMajorInPath(t *testing.T) {
	t.Parallel()
	require.Equal(t, 15, majorInPath("/usr/lib/postgresql/15/bin"))
	require.Equal(t, 17, majorInPath("/opt/homebrew/opt/postgresql@17/bin"))
	require.Equal(t, 16, majorInPath("/usr/pgsql-16/bin"))
	require.Zero(t, majorInPath("/usr/bin"))
}

func TestSettings(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	require.Equal(t, "256MB", defaults(true, 8*gib)["shared_buffers"])
	require.Equal(t, "4096MB", defaults(true, 8*gib)["effective_cache_size"])
	require.Equal(t, "64MB", defaults(true, gib/2)["shared_buffers"])
	require.Equal(t, "128MB", defaults(true, 0)["shared_buffers"])
	require.Equal(t, "off", defaults(false, gib)["fsync"])
	require.Equal(t, `'it''s a \\ \n'`, quoteSetting("it's a \\ \n"))
}
