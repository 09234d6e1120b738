package pgembed

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// holderVariable makes this test binary a process that only holds a server, for
// the tests that kill such a process.
const holderVariable = "PGEMBED_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holderVariable); dir != "" {
		os.Exit(hold(dir))
	}
	os.Exit(m.Run())
}

func hold(dir string) int {
	srv, err := Start(context.Background(), Config{DataDir: dir, Durable: true})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(srv.URL(Superuser, "postgres"))
	<-srv.Done()
	return 0
}

// folder is one that the account of PostgreSQL can reach, unlike t.TempDir().
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o711))
	return filepath.Join(dir, "data")
}

func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	srv, err := Start(limited(t), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = srv.Stop(context.Background()) })
	return srv
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(limited(t), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(limited(t), sql)
	require.NoError(t, err)
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

// serving lists the processes that work in the cluster of dir.
func serving(t *testing.T, dir string) []int {
	t.Helper()
	cluster, err := filepath.EvalSymlinks(filepath.Join(dir, "cluster"))
	require.NoError(t, err)
	all, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var pids []int
	for _, entry := range all {
		pid, err := strconv.Atoi(filepath.Base(entry))
		require.NoError(t, err)
		if servesCluster(pid, cluster) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func requireNobodyServes(t *testing.T, dir string) {
	t.Helper()
	require.Eventually(t, func() bool { return len(serving(t, dir)) == 0 }, 30*time.Second, 10*time.Millisecond)
}
