package pgembed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestKeptServerIsStartedAgainAtItsURL(t *testing.T) {
	t.Parallel()
	long := filepath.Join(folder(t), strings.Repeat("x", longestSocketPath))
	require.NoError(t, os.MkdirAll(long, 0o711))
	require.NoError(t, os.Chmod(filepath.Dir(long), 0o711))
	for name, dir := range map[string]string{"socket in the folder": folder(t), "socket elsewhere": long} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept, err := Keep(limited(t), Config{DataDir: dir, Durable: true})
			require.NoError(t, err)
			url := kept.URL(Superuser, "postgres")
			execute(t, url, "CREATE TABLE kept AS SELECT 'here' AS word")
			for range 2 {
				former := kept.current()
				require.NoError(t, former.process.Kill())
				<-former.Done()
				require.Eventually(t, func() bool {
					conn, err := pgx.Connect(t.Context(), url)
					if err != nil {
						return false
					}
					defer func() { _ = conn.Close(t.Context()) }()
					var word string
					return conn.QueryRow(t.Context(), "SELECT word FROM kept").Scan(&word) == nil && word == "here"
				}, time.Minute, 50*time.Millisecond)
				require.NotSame(t, former, kept.current())
			}
			require.NoError(t, kept.Stop(limited(t)))
			require.NoError(t, kept.current().Err())
			requireNobodyServes(t, dir)
		})
	}
}
