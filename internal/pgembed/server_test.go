package pgembed

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRestartKeepsData(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: folder(t), Durable: true}
	srv := start(t, cfg)
	require.Regexp(t, `^\d+`, srv.Version())
	execute(t, srv.URL(Superuser, "postgres"), "CREATE TABLE kept AS SELECT 'here' AS word")
	require.NoError(t, srv.Stop(limited(t)))
	require.NoError(t, srv.Stop(limited(t)), "stopping twice is harmless")
	require.NoError(t, srv.Err())
	<-srv.Done()
	requireNobodyServes(t, cfg.DataDir)

	again := start(t, cfg)
	require.Equal(t, "here", ask(t, again.URL(Superuser, "postgres"), "SELECT word FROM kept"))
}

func TestDurableServer(t *testing.T) {
	t.Parallel()
	srv := start(t, Config{DataDir: folder(t), Durable: true, Parameters: map[string]string{"work_mem": "9MB"}})
	url := srv.URL(Superuser, "postgres")
	for setting, want := range map[string]string{
		"fsync": "on", "data_checksums": "on", "synchronous_commit": "on", "full_page_writes": "on",
		"listen_addresses": "", "server_encoding": "UTF8", "timezone": "UTC", "work_mem": "9MB",
		"unix_socket_permissions": "0700",
	} {
		require.Equal(t, want, ask(t, url, "SHOW "+setting), setting)
	}
	require.Equal(t, "C", ask(t, url, "SELECT datcollate FROM pg_database WHERE datname = current_database()"))
	require.Equal(t, "éà", ask(t, url, "SELECT lower('ÉÀ')"))
	require.Equal(t, "local=trust host=scram-sha-256", ask(t, url, `
		SELECT string_agg(DISTINCT kind || '=' || auth_method, ' ' ORDER BY kind || '=' || auth_method DESC)
		FROM (SELECT CASE type WHEN 'local' THEN 'local' ELSE 'host' END AS kind, auth_method FROM pg_hba_file_rules) AS rules`))

	info, err := os.Stat(filepath.Dir(srv.SocketFile()))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

func TestPsqlReadsTheURL(t *testing.T) {
	t.Parallel()
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("this machine has no psql")
	}
	srv := start(t, Config{DataDir: folder(t)})
	output, err := exec.Command(psql, "-Atc", "SELECT current_user", srv.URL(Superuser, "postgres")).CombinedOutput()
	require.NoError(t, err, string(output))
	require.Equal(t, Superuser, strings.TrimSpace(string(output)))
}

func TestPortIsOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := free.Addr().(*net.TCPAddr).Port
	require.NoError(t, free.Close())

	srv := start(t, Config{DataDir: folder(t), Port: port})
	require.Equal(t, "127.0.0.1", ask(t, srv.URL(Superuser, "postgres"), "SHOW listen_addresses"))
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

func TestSettingsThatDecideWhoConnectsAreRefused(t *testing.T) {
	t.Parallel()
	_, err := Start(limited(t), Config{DataDir: folder(t), Parameters: map[string]string{"Listen_Addresses": "*"}})
	require.ErrorContains(t, err, "cannot be given here")
}

func TestSecondServerOnTheSameFolderIsRefused(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: folder(t)}
	first := start(t, cfg)
	_, err := Start(limited(t), cfg)
	require.ErrorContains(t, err, "already served by process "+strconv.Itoa(os.Getpid()))
	require.Equal(t, "1", ask(t, first.URL(Superuser, "postgres"), "SELECT '1'"), "the first is left alone")
	require.NoError(t, first.Stop(limited(t)))
	start(t, cfg)
}

func TestForeignServerOnTheFolderIsRefused(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: folder(t)}
	first := start(t, cfg)
	// As if it had been started by hand: nobody holds our lock.
	first.home.unlock()
	ctx, cancel := context.WithTimeout(limited(t), 200*time.Millisecond)
	defer cancel()
	_, err := Start(ctx, cfg)
	require.ErrorContains(t, err, "wait for the former PostgreSQL")
	require.Equal(t, "1", ask(t, first.URL(Superuser, "postgres"), "SELECT '1'"))
}

// A killed parent takes PostgreSQL with it, and what was committed is there when
// the next one starts, even at once.
func TestKilledParentLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holderVariable+"="+dir)
	holder.Stderr = os.Stderr
	said, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	t.Cleanup(func() { _ = holder.Process.Kill() })
	url, err := bufio.NewReader(said).ReadString('\n')
	require.NoError(t, err)
	url = strings.TrimSpace(url)
	require.True(t, strings.HasPrefix(url, "postgres://"), url)
	execute(t, url, "CREATE TABLE kept AS SELECT 'here' AS word")
	require.NotEmpty(t, serving(t, dir))

	_, err = Start(limited(t), Config{DataDir: dir, Durable: true})
	require.ErrorContains(t, err, "already served by process "+strconv.Itoa(holder.Process.Pid))

	require.NoError(t, holder.Process.Kill())
	_ = holder.Wait()
	// Without waiting for the former server to end: Start does that.
	srv := start(t, Config{DataDir: dir, Durable: true})
	require.Equal(t, "here", ask(t, srv.URL(Superuser, "postgres"), "SELECT word FROM kept"))
	require.NoError(t, srv.Stop(limited(t)))
	requireNobodyServes(t, dir)
}

func TestKilledParentWithoutSuccessor(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holderVariable+"="+dir)
	said, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	_, err = bufio.NewReader(said).ReadString('\n')
	require.NoError(t, err)
	require.NotEmpty(t, serving(t, dir))
	require.NoError(t, holder.Process.Kill())
	_ = holder.Wait()
	requireNobodyServes(t, dir)
}

func TestKilledServerClosesDoneAndRecovers(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: folder(t), Durable: true}
	srv := start(t, cfg)
	execute(t, srv.URL(Superuser, "postgres"), "CREATE TABLE kept AS SELECT 'here' AS word")
	require.NoError(t, srv.process.Kill())
	select {
	case <-srv.Done():
	case <-time.After(30 * time.Second):
		require.Fail(t, "Done stayed open")
	}
	require.ErrorContains(t, srv.Err(), "ended by itself (signal: killed)")
	require.NoError(t, srv.Stop(limited(t)))

	again := start(t, cfg)
	require.Equal(t, "here", ask(t, again.URL(Superuser, "postgres"), "SELECT word FROM kept"))
}

// A pid file may survive a crash and name a process that is somebody else's by
// then; PostgreSQL alone would refuse to start.
func TestStalePidFile(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: folder(t)}
	srv := start(t, cfg)
	pidFile := filepath.Join(srv.home.cluster(), "postmaster.pid")
	content, err := os.ReadFile(pidFile)
	require.NoError(t, err)
	require.NoError(t, srv.Stop(limited(t)))

	other := exec.Command("sleep", "600")
	other.SysProcAttr = &syscall.SysProcAttr{}
	if acct, err := serverAccount(); err == nil && acct.switched {
		other = acct.command("/bin/sleep", "600")
	}
	require.NoError(t, other.Start())
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	_, rest, found := strings.Cut(string(content), "\n")
	require.True(t, found)
	require.NoError(t, os.WriteFile(pidFile, []byte(strconv.Itoa(other.Process.Pid)+"\n"+rest), 0o644))

	again := start(t, cfg)
	require.Equal(t, "1", ask(t, again.URL(Superuser, "postgres"), "SELECT '1'"))
	require.NoError(t, syscall.Kill(other.Process.Pid, 0), "the other process is left alone")
}

func TestDataOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: folder(t)}
	srv := start(t, cfg)
	bin, err := findBinaries(limited(t), account{}, cfg, 0)
	require.NoError(t, err)
	require.NoError(t, srv.Stop(limited(t)))
	require.NoError(t, os.WriteFile(filepath.Join(srv.home.cluster(), "PG_VERSION"), []byte("11\n"), 0o600))
	for _, cfg := range []Config{cfg, {DataDir: cfg.DataDir, BinDir: bin.dir}} {
		_, err = Start(limited(t), cfg)
		require.ErrorContains(t, err, "made by PostgreSQL 11")
		require.ErrorContains(t, err, "apt-get install postgresql-11")
	}
}

func TestLongFolderGetsAShortSocket(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: filepath.Join(folder(t), strings.Repeat("long/", 30))}
	for dir := cfg.DataDir; strings.Contains(dir, "long"); dir = filepath.Dir(dir) {
		require.NoError(t, os.MkdirAll(dir, 0o711))
	}
	srv := start(t, cfg)
	require.Equal(t, "1", ask(t, srv.URL(Superuser, "postgres"), "SELECT '1'"))
	require.LessOrEqual(t, len(srv.SocketFile()), longestSocketPath)
	require.NoError(t, srv.Stop(limited(t)))
	require.NoDirExists(t, filepath.Dir(srv.SocketFile()))
}

// Below a folder such as /root the account of PostgreSQL can reach nothing.
func TestUnreachableFolderIsKeptElsewhere(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root gives its place to another account")
	}
	closed := folder(t)
	require.NoError(t, os.MkdirAll(closed, 0o700))
	cfg := Config{DataDir: filepath.Join(closed, "data"), FallbackDir: folder(t)}
	srv := start(t, cfg)
	require.Equal(t, cfg.FallbackDir, filepath.Dir(srv.Dir()))
	execute(t, srv.URL(Superuser, "postgres"), "CREATE TABLE kept AS SELECT 'here' AS word")
	require.NoError(t, srv.Stop(limited(t)))

	again := start(t, cfg)
	require.Equal(t, srv.Dir(), again.Dir())
	require.Equal(t, "here", ask(t, again.URL(Superuser, "postgres"), "SELECT word FROM kept"))
	_, err := Start(limited(t), cfg)
	require.ErrorContains(t, err, "already served")
}

func TestStartThatIsCutShortLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: folder(t)}
	ctx, cancel := context.WithCancel(limited(t))
	cancel()
	_, err := Start(ctx, cfg)
	require.ErrorIs(t, err, context.Canceled)
	start(t, cfg)
}

func TestStopWithoutTimeStillStops(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: folder(t), Durable: true}
	srv := start(t, cfg)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := srv.Stop(ctx); err != nil {
		require.ErrorIs(t, err, context.Canceled)
	}
	requireNobodyServes(t, cfg.DataDir)
	start(t, cfg)
}
