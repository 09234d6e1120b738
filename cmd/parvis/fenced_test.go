package main_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A worker stands still for longer than its lease, as a machine does that is
// moved or swaps; another one does its work; then the first wakes up in the
// middle of a sentence. It must neither write into the other's archive nor end
// the operation a second time.
func TestWorkerThatWakesUpTooLateChangesNothing(t *testing.T) {
	t.Parallel()
	s, db := withInstitution(t)
	id := s.begin(t, "/v1/exports", "application/json", []byte("{}"))
	halfWay(t, s.dir, "exports", "*", "*.partial")
	require.NoError(t, s.running.command.Process.Signal(syscall.SIGSTOP))
	require.NotEmpty(t, parts(t, s.dir, "exports", "*", "*.partial"), "it was not stopped half way")
	other := launch(t, s.env, "work")
	eventually(t, "the other worker ends the operation", func() bool {
		return number(t, db, "select count(*) from operations where id = $1 and status = 'succeeded' and attempt = 2", id) == 1
	})
	require.NoError(t, s.running.command.Process.Signal(syscall.SIGCONT))
	eventually(t, "the first one is awake and gives up", func() bool {
		return s.status("/readyz") == http.StatusOK && len(parts(t, s.dir, "exports", "*", "*.partial")) == 0 &&
			number(t, db, "select count(*) from river.river_job where kind = 'operation' and state = 'running'") == 0
	})
	require.EqualValues(t, 1, number(t, db, "select count(*) from operations where id = $1 and status = 'succeeded' and attempt = 2", id))
	require.EqualValues(t, 1, number(t, db, "select count(*) from events where type = 'operation.finished' and subject_id = $1", id))

	o := s.operation(t, id)
	status, raw := s.call(t, http.MethodGet, o.Result.DownloadURL, "", nil)
	require.Equal(t, http.StatusOK, status)
	_, told := s.call(t, http.MethodGet, "/v1/operations/"+id, "", nil)
	var result struct{ Result struct{ SHA256 string } }
	require.NoError(t, json.Unmarshal(told, &result))
	sum := sha256.Sum256(raw)
	require.Equal(t, result.Result.SHA256, hex.EncodeToString(sum[:]), "the archive is another than the one that was told of")
	file := filepath.Join(s.dir, "downloaded.zip")
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	succeed(t, nil, "verify", file)
	require.NoError(t, other.end(t, syscall.SIGTERM))
}
