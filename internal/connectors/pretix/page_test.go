package pretix_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page on pretix names tests; each of them is there.
func TestThePageNamesTestsThatAreThere(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/connectors/pretix.md")
	require.NoError(t, err)
	var code strings.Builder
	for _, pattern := range []string{"*_test.go", "../*_test.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			code.Write(raw)
		}
	}
	named := regexp.MustCompile("`(Test[A-Za-z]+)(?:/([a-z_]+))?`").FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(named), 30)
	for _, name := range named {
		require.Contains(t, code.String(), "func "+name[1]+"(")
		if name[2] != "" {
			require.Contains(t, code.String(), `"`+name[2]+`"`)
		}
	}
}
