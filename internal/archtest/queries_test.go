package archtest

import (
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/db"
)

// writers are the tables that another package writes than the one whose name
// the migration bears.
var writers = map[string]string{
	"tenants":          "access", // made with the walls, before any domain
	"idempotency_keys": "web",    // the answer is kept by the request chain
	"operations":       "operations",
	"access_log":       "audit",
	"mails":            "mail", // came with the forms, whose confirmations were the first
}

var (
	createTable = regexp.MustCompile(`(?im)^CREATE TABLE (?:IF NOT EXISTS )?(?:crm\.)?([a-z_][a-z0-9_]*)`)
	writes      = regexp.MustCompile(`(?i)\b(?:insert\s+into|delete\s+from|merge\s+into|update)\s+(?:only\s+)?(?:crm\.)?([a-z_][a-z0-9_]*)`)
	sqlComment  = regexp.MustCompile(`(?m)--.*$`)
	sqlText     = regexp.MustCompile(`'(?:[^']|'')*'`)
	gluedAt     = regexp.MustCompile(`[=<>!~|&%*/+-]@[a-z_]`)
	queryName   = regexp.MustCompile(`(?m)^-- name: (\w+) `)
	migration   = regexp.MustCompile(`^\d+_([a-z]+)`)
)

// owners tells for every table which package writes it.
func owners(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	files, err := fs.Glob(db.Migrations, "migrations/*.up.sql")
	require.NoError(t, err)
	for _, file := range files {
		text, err := fs.ReadFile(db.Migrations, file)
		require.NoError(t, err)
		domain := migration.FindStringSubmatch(filepath.Base(file))
		require.NotNil(t, domain, "%s: a migration bears the name of its domain: 000012_contacts_….up.sql", file)
		for _, match := range createTable.FindAllStringSubmatch(string(text), -1) {
			if owner, ok := writers[match[1]]; ok {
				out[match[1]] = owner
				continue
			}
			out[match[1]] = domain[1]
		}
	}
	require.Contains(t, out, "events")
	return out
}

// query is one statement of db/queries.
type query struct{ file, domain, name, sql string }

func queries(t *testing.T) []query {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "db", "queries", "*.sql"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all []query
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		domain, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".sql"), "_")
		starts := queryName.FindAllSubmatchIndex(text, -1)
		for i, start := range starts {
			end := len(text)
			if i+1 < len(starts) {
				end = starts[i+1][0]
			}
			sql := sqlComment.ReplaceAllString(string(text[start[1]:end]), "")
			all = append(all, query{filepath.Base(file), domain, string(text[start[2]:start[3]]), sql})
		}
	}
	return all
}

// written gives the tables of ours that a statement changes.
func written(sql string, owner map[string]string) []string {
	var out []string
	for _, match := range writes.FindAllStringSubmatch(sqlText.ReplaceAllString(sqlComment.ReplaceAllString(sql, ""), "''"), -1) {
		if table := strings.ToLower(match[1]); owner[table] != "" {
			out = append(out, table)
		}
	}
	return out
}

func TestADomainWritesOnlyItsOwnTables(t *testing.T) {
	t.Parallel()
	owner := owners(t)
	for _, q := range queries(t) {
		for _, table := range written(q.sql, owner) {
			if owner[table] != q.domain {
				t.Errorf("db/queries/%s: %s writes %s, which belongs to %s: call a function of that package inside the transaction, or its rules and events are bypassed",
					q.file, q.name, table, owner[table])
			}
		}
	}
}

// The same for SQL inside Go. The root tidies up in everybody's name.
func TestSQLInGoWritesOnlyTheTablesOfItsPackage(t *testing.T) {
	t.Parallel()
	owner := owners(t)
	for _, s := range sources(t) {
		if unit := s.pkg.unit(); s.test() || slices.Contains([]string{"app", "parvistest", "archtest", "bench", "pg"}, unit) {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			text, ok := n.(*ast.BasicLit)
			if !ok || text.Kind != token.STRING {
				return true
			}
			// In Go, words such as "update" also stand in sentences; a statement
			// names a table of ours behind them.
			for _, table := range written(strings.Trim(text.Value, "`\""), owner) {
				if owner[table] != s.pkg.unit() {
					t.Errorf("%s writes %s, which belongs to %s", s.at(text), table, owner[table])
				}
			}
			return true
		})
	}
}

// A parameter glued to an operator is read as an operator of its own ("=@"),
// and the parameter is gone without a word from the generator.
func TestParametersStandApartFromOperators(t *testing.T) {
	t.Parallel()
	for _, q := range queries(t) {
		if glued := gluedAt.FindString(q.sql); glued != "" {
			t.Errorf("db/queries/%s: %s has %q: write a space before the @", q.file, q.name, glued)
		}
	}
}

// The predicate is one wall and row-level security the other: each must hold
// alone.
func TestEveryQueryNamesItsTenant(t *testing.T) {
	t.Parallel()
	owner := owners(t)
	words := regexp.MustCompile(`[a-z_][a-z0-9_]*`)
	for _, q := range queries(t) {
		if strings.Contains(q.sql, "tenant_id") {
			continue
		}
		for _, word := range words.FindAllString(strings.ToLower(q.sql), -1) {
			if owner[word] != "" && tenantless[word] == "" {
				t.Errorf("db/queries/%s: %s reads %s and does not mention tenant_id: row-level security would be the only wall", q.file, q.name, word)
				break
			}
		}
	}
}
