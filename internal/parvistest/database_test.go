package parvistest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

const countThings = "SELECT count(*)::text FROM things"

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	var migrated atomic.Int32
	c := newCluster(t, newRoot(t), smallSchema(&migrated))
	for i := range 6 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			db := c.database(t, false)
			require.Equal(t, "1", ask(t, db.OwnerURL, countThings), "the rows of the migration are there")
			require.Equal(t, "mine", ask(t, db.OwnerURL, "INSERT INTO things VALUES ('mine') RETURNING name"))
			require.Equal(t, "2", ask(t, db.AppURL, countThings), "and those of no other test")
			require.Equal(t, db.Name, ask(t, db.AppURL, "SELECT current_database()"))
		})
	}
	t.Cleanup(func() {
		require.EqualValues(t, 1, migrated.Load())
	})
}

func TestRolesAndTimeZone(t *testing.T) {
	t.Parallel()
	var migrated atomic.Int32
	db := newCluster(t, newRoot(t), smallSchema(&migrated)).database(t, false)
	require.Equal(t, "parvis", ask(t, db.OwnerURL, "SELECT current_user"))
	require.Equal(t, "parvis_app", ask(t, db.AppURL, "SELECT current_user"))
	refuses(t, db.AppURL, "INSERT INTO things VALUES ('not allowed')", "permission denied")
	require.Equal(t, timeZone, ask(t, db.AppURL, "SHOW timezone"))
	require.Equal(t, "-03:30:00", ask(t, db.AppURL, "SELECT (timestamp '2026-01-01' AT TIME ZONE 'UTC' - timestamptz '2026-01-01 00:00')::text"))
}

func TestDatabaseIsDroppedWithItsTest(t *testing.T) {
	t.Parallel()
	var migrated atomic.Int32
	c := newCluster(t, newRoot(t), smallSchema(&migrated))
	var db *DB
	t.Run("a test", func(t *testing.T) {
		db = c.database(t, true)
		require.Equal(t, "1", ask(t, db.OwnerURL, countThings))
	})
	var left int
	require.NoError(t, c.admin.QueryRow(limited(t), "SELECT count(*) FROM pg_database WHERE datname = $1", db.Name).Scan(&left))
	require.Zero(t, left, "even where those of failed tests are kept")
}

// failedTest is a test that has failed; it remembers what it logged and runs its
// clean-up when told.
type failedTest struct {
	testing.TB
	logged   strings.Builder
	cleanups []func()
}

func (f *failedTest) Failed() bool               { return true }
func (f *failedTest) Cleanup(cleanup func())     { f.cleanups = append(f.cleanups, cleanup) }
func (f *failedTest) Logf(text string, a ...any) { fmt.Fprintf(&f.logged, text, a...) }

func TestDatabaseOfAFailedTestCanBeKept(t *testing.T) {
	t.Parallel()
	var migrated atomic.Int32
	root := newRoot(t)
	c := newCluster(t, root, smallSchema(&migrated))
	failed := &failedTest{TB: t}
	db := c.database(failed, true)
	for _, cleanup := range failed.cleanups {
		cleanup()
	}
	require.Contains(t, failed.logged.String(), db.OwnerURL)
	require.Contains(t, failed.logged.String(), c.folder.data())
	require.Equal(t, "1", ask(t, db.OwnerURL, countThings))

	// The process ends, another one sweeps, and the files are still there.
	c.admin.Close()
	require.NoError(t, c.server.Stop(limited(t)))
	require.NoError(t, c.folder.lock.Close())
	newCluster(t, root, smallSchema(&migrated))
	require.DirExists(t, c.folder.data())

	failed = &failedTest{TB: t}
	newCluster(t, root, smallSchema(&migrated)).database(failed, false)
	for _, cleanup := range failed.cleanups {
		cleanup()
	}
	require.Empty(t, failed.logged.String(), "without PARVIS_TEST_KEEP it is dropped")
}
