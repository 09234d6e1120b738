package parvistest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/pg"
)

// appRole is the role the application connects as. The migrations create it: it
// owns nothing and cannot bypass row-level security.
const appRole = pg.Role

// DB is a database of one test.
type DB struct {
	// Name of the database on its server.
	Name string
	// OwnerURL connects as the owner of the schema, whom no policy restricts.
	OwnerURL string
	// AppURL connects as the application does, under row-level security.
	AppURL string
}

// sharedCluster is the server of this test binary, started by the first test
// that asks for a database; it ends with the process.
var sharedCluster = sync.OnceValues(func() (*cluster, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	product, err := productSchema()
	if err != nil {
		return nil, err
	}
	return openCluster(ctx, product)
})

// Database gives the test a database of its own with the whole schema and no
// rows but those of the migrations, and drops it when the test ends. It takes
// some 20 ms. The server's time zone is a half-hour one, so that code that takes
// local time for UTC fails.
//
// With PARVIS_TEST_KEEP=1 the database of a failed test is kept and the log says
// how to reach it. With PARVIS_TEST_DATABASE_URL (a URL of a superuser) the
// databases are made on that server instead of a private one.
func Database(tb testing.TB) *DB {
	tb.Helper()
	shared, err := sharedCluster()
	require.NoError(tb, err, "start the PostgreSQL of the tests")
	return shared.database(tb, os.Getenv("PARVIS_TEST_KEEP") == "1")
}

func (c *cluster) database(tb testing.TB, keep bool) *DB {
	tb.Helper()
	random := make([]byte, 8)
	_, _ = rand.Read(random) // It never fails, says its documentation.
	name := "parvis_test_" + hex.EncodeToString(random)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(tb, c.clone(ctx, name), "clone the template database")
	db := &DB{Name: name, OwnerURL: c.ownerURL(name), AppURL: c.appURL(name)}
	tb.Cleanup(func() {
		if keep && tb.Failed() {
			tb.Logf("database %s is kept%s\n\tpsql '%s'", name, c.keepFolder(), db.OwnerURL)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, err := c.admin.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
		if err != nil {
			tb.Errorf("drop the test database: %v", err)
		}
	})
	return db
}

func (c *cluster) clone(ctx context.Context, name string) error {
	_, err := c.admin.Exec(ctx, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(c.template)+" STRATEGY "+c.strategy)
	if err != nil || c.server != nil {
		return err
	}
	// A private server has the time zone in its settings.
	_, err = c.admin.Exec(ctx, "ALTER DATABASE "+quote(name)+" SET timezone = '"+timeZone+"'")
	return err
}

func quote(identifier string) string { return pgx.Identifier{identifier}.Sanitize() }
