package parvistest

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/parvis-crm/parvis/internal/pgembed"
)

// Test binaries that start together prepare once and then share nothing.
func TestClustersOfOneRootArePreparedOnce(t *testing.T) {
	t.Parallel()
	var migrated atomic.Int32
	root := newRoot(t)
	clusters := make([]*cluster, 3)
	var together errgroup.Group
	for i := range clusters {
		together.Go(func() (err error) {
			clusters[i], err = privateCluster(limited(t), root, smallSchema(&migrated))
			return err
		})
	}
	require.NoError(t, together.Wait())
	require.EqualValues(t, 1, migrated.Load())
	for _, c := range clusters[1:] {
		require.NoError(t, c.close(limited(t)))
	}
	t.Cleanup(func() { require.NoError(t, clusters[0].close(context.Background())) })
	db := clusters[0].database(t, false)
	require.Equal(t, "1", ask(t, db.OwnerURL, countThings), "the end of the others does not matter")
}

func TestFolderOfAKilledProcessIsSwept(t *testing.T) {
	t.Parallel()
	root := newRoot(t)
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holderVariable+"="+root)
	said, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	t.Cleanup(func() { _ = holder.Process.Kill() })
	left, err := bufio.NewReader(said).ReadString('\n')
	require.NoError(t, err)
	left = strings.TrimSpace(left)

	var migrated atomic.Int32
	newCluster(t, root, smallSchema(&migrated))
	require.DirExists(t, left, "the folder of a living process is left alone")

	require.NoError(t, holder.Process.Kill())
	_ = holder.Wait()
	require.Eventually(t, func() bool {
		sweep(root)
		_, err := os.Stat(left)
		return errors.Is(err, os.ErrNotExist)
	}, 30*time.Second, 10*time.Millisecond)
	require.Zero(t, migrated.Load(), "what the killed process prepared is used")
}

func TestDamagedPreparationIsMadeAgain(t *testing.T) {
	t.Parallel()
	var migrated atomic.Int32
	root := newRoot(t)
	wanted := smallSchema(&migrated)
	c := newCluster(t, root, wanted)
	require.NoError(t, c.close(limited(t)))
	require.NoError(t, os.Remove(filepath.Join(preparedFolder(root, wanted), "cluster", "global", "pg_control")))

	db := newCluster(t, root, wanted).database(t, false)
	require.Equal(t, "1", ask(t, db.OwnerURL, countThings))
	require.EqualValues(t, 2, migrated.Load())
}

func TestFailedMigrationLeavesNoTemplate(t *testing.T) {
	t.Parallel()
	var migrated atomic.Int32
	root := newRoot(t)
	whole := smallSchema(&migrated)
	broken := whole
	broken.migrate = func(ctx context.Context, ownerURL string) error {
		return errors.Join(whole.migrate(ctx, ownerURL), errors.New("half way"))
	}
	_, err := privateCluster(limited(t), root, broken)
	require.ErrorContains(t, err, "half way")
	left, err := filepath.Glob(filepath.Join(root, "*-*"))
	require.NoError(t, err)
	require.Empty(t, left)
	require.Equal(t, "1", ask(t, newCluster(t, root, whole).database(t, false).OwnerURL, countThings))
}

// A server that is given over TCP asks for passwords, and keeps its templates.
func TestServerThatIsGiven(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := free.Addr().(*net.TCPAddr).Port
	require.NoError(t, free.Close())
	server, err := pgembed.Start(limited(t), pgembed.Config{DataDir: filepath.Join(newRoot(t), "data"), Port: port})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	conn, err := pgx.Connect(limited(t), server.URL(pgembed.Superuser, "postgres"))
	require.NoError(t, err)
	_, err = conn.Exec(limited(t), "ALTER ROLE parvis PASSWORD 'secret'")
	require.NoError(t, err)
	require.NoError(t, conn.Close(limited(t)))
	given := (&url.URL{
		Scheme: "postgres", User: url.UserPassword("parvis", "secret"), RawQuery: "sslmode=disable",
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Path: "/postgres",
	}).String()

	var migrated atomic.Int32
	var together errgroup.Group
	clusters := make([]*cluster, 3)
	for i := range clusters {
		together.Go(func() (err error) {
			clusters[i], err = externalCluster(limited(t), given, smallSchema(&migrated))
			return err
		})
	}
	require.NoError(t, together.Wait())
	require.EqualValues(t, 1, migrated.Load())
	for _, c := range clusters {
		t.Cleanup(func() { _ = c.close(context.Background()) })
		db := c.database(t, false)
		require.Equal(t, "parvis_app", ask(t, db.AppURL, "SELECT current_user"))
		require.Equal(t, timeZone, ask(t, db.AppURL, "SHOW timezone"))
		require.Equal(t, "1", ask(t, db.OwnerURL, countThings))
	}

	_, err = externalCluster(limited(t), "host=localhost", smallSchema(&migrated))
	require.ErrorContains(t, err, "not a URL")
}

func TestHashChangesWithEverything(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, files := range []fstest.MapFS{
		{"1.sql": {Data: []byte("a")}},
		{"1.sql": {Data: []byte("b")}},
		{"2.sql": {Data: []byte("a")}},
		{"1.sql": {Data: []byte("a")}, "2.sql": {}},
	} {
		for _, more := range [][]string{nil, {"river 1"}, {"river 2"}, {"river", " 2"}} {
			hash, err := hashFiles(files, more...)
			require.NoError(t, err)
			require.Len(t, hash, 16)
			require.False(t, seen[hash])
			seen[hash] = true
		}
	}
}
