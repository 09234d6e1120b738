package parvistest

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// holderVariable makes this test binary a process that only holds a cluster in
// the root it names, for the test that kills such a process.
const holderVariable = "PARVISTEST_HOLD"

func TestMain(m *testing.M) {
	if root := os.Getenv(holderVariable); root != "" {
		os.Exit(hold(root))
	}
	os.Exit(m.Run())
}

func hold(root string) int {
	var count atomic.Int32
	c, err := privateCluster(context.Background(), root, smallSchema(&count))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(c.folder.dir)
	<-c.server.Done()
	return 0
}

var smallMigrations = fstest.MapFS{"1.sql": {Data: []byte(`
	DO $$ BEGIN
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'parvis_app') THEN CREATE ROLE parvis_app NOLOGIN; END IF;
	END $$;
	CREATE TABLE things (name text PRIMARY KEY);
	GRANT SELECT ON things TO parvis_app;
	INSERT INTO things VALUES ('from the migration')`)}}

// smallSchema counts how often it is migrated.
func smallSchema(count *atomic.Int32) schema {
	hash, err := hashFiles(smallMigrations)
	if err != nil {
		panic(err) // A map in memory can be read.
	}
	return schema{hash: hash, migrate: func(ctx context.Context, ownerURL string) error {
		count.Add(1)
		conn, err := pgx.Connect(ctx, ownerURL)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, string(smallMigrations["1.sql"].Data))
		return err
	}}
}

// newRoot is a folder that PostgreSQL's account can reach, unlike t.TempDir(),
// and in memory where the real ones are.
func newRoot(t *testing.T) string {
	t.Helper()
	parent, err := clusterRoot()
	require.NoError(t, err)
	root, err := makeFolder(parent, "own-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	return root
}

func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func newCluster(t *testing.T, root string, wanted schema) *cluster {
	t.Helper()
	c, err := privateCluster(limited(t), root, wanted)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.close(context.Background()) })
	return c
}

func ask(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(limited(t), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	var answer string
	require.NoError(t, conn.QueryRow(limited(t), sql).Scan(&answer))
	return answer
}

func refuses(t *testing.T, url, sql, reason string) {
	t.Helper()
	conn, err := pgx.Connect(limited(t), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(limited(t), sql)
	require.ErrorContains(t, err, reason)
}
