package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A limit on the size of files stands in for a full disk, which needs no rights
// to make.
func TestExportThatDoesNotFitLeavesNoFile(t *testing.T) {
	t.Parallel()
	path, tenant := source(t)
	s, _ := onDatabase(t)
	succeed(t, s.env, "import", path, "--without-key")
	binary, err := program()
	require.NoError(t, err)
	file := filepath.Join(s.dir, "large.zip")
	limited := exec.Command("sh", "-c", `ulimit -f 200; exec "$0" "$@"`, binary, "export", "-o", file, "--tenant", tenant)
	limited.Env = append(slices.Clone(s.env), "PATH="+os.Getenv("PATH"), "HOME="+os.Getenv("HOME"))
	said, err := limited.CombinedOutput()
	require.Equal(t, 1, exitCode(err), "%s", said)
	require.Contains(t, string(said), "The disk of the installation is full")
	require.Contains(t, string(said), "Free some space, then start again.")
	require.Empty(t, parts(t, file+"*"), "a part of an archive was left")
	identical(t, s, path, tenant)
}

func TestCommandsSayWhatToDoWithABadArchive(t *testing.T) {
	t.Parallel()
	path, _ := source(t)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	altered := append([]byte{}, whole...)
	altered[len(altered)/2] ^= 1
	for name, content := range map[string][]byte{"short": whole[:len(whole)-1], "altered": altered} {
		bad := filepath.Join(folder(t), name+".zip")
		require.NoError(t, os.WriteFile(bad, content, 0o600))
		said, code := command(t, nil, "verify", bad)
		require.Equal(t, 1, code)
		require.Contains(t, said, "take the original archive again", name)
		_, code = command(t, nil, "compare", path, bad)
		require.Equal(t, 1, code)
	}
}
