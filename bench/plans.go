package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/pg"
)

// query is one statement of a generated package.
type query struct{ name, sql string }

// plans looks at the generic plan of every generated query, as the program's
// role and in an institution's scope. A table that has enough rows is judged by
// the plan that PostgreSQL chooses; one that has few, by whether there is a plan
// without a scan at all, since of a small table a scan is the right choice.
func plans(ctx context.Context, e *environment, m measurement) ([]figure, error) {
	all, err := generatedQueries()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("no generated queries: run from the root of the repository")
	}
	rows, err := e.tableRows(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, e.pg.URL(pg.Role, e.database)+"&options=-csearch_path%3Dcrm")
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	offenders, wide := 0, 0
	for _, q := range all {
		found, tenantWide, err := examine(ctx, conn, q, rows)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		if found = slices.DeleteFunc(found, func(table string) bool { _, ok := allowed[q.name+" "+table]; return ok }); len(found) > 0 {
			offenders++
			fmt.Fprintf(os.Stderr, "  %s reads the whole of %s\n", q.name, strings.Join(found, ", "))
		}
		if len(tenantWide) > 0 {
			wide++
			fmt.Fprintf(os.Stderr, "  %s may read a whole institution's %s by index\n", q.name, strings.Join(tenantWide, ", "))
		}
	}
	judged := 0
	for name, n := range rows {
		if _, ok := small[name]; !ok && n >= enough {
			judged++
		}
	}
	return []figure{{Op: m.name, What: m.what, Goal: "0", Met: offenders == 0,
		Note: fmt.Sprintf("queries with a sequential scan: %d of %d; %d tables judged by cost, those with fewer than %d rows by what is possible; %d bound by the institution alone", offenders, len(all), judged, enough, wide)}}, nil
}

// enough rows make PostgreSQL's own choice tell.
const enough = 10_000

// tableRows counts the rows of each table, as far as ANALYZE knows.
func (e *environment) tableRows(ctx context.Context) (map[string]int64, error) {
	conn, err := e.owner(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "analyze"); err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, "select relname, reltuples::bigint from pg_class where relnamespace = 'crm'::regnamespace and relkind = 'r'")
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	var name string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error { out[name] = n; return nil })
	return out, err
}

// generatedQueries reads the constants of the generated packages.
func generatedQueries() ([]query, error) {
	files, err := filepath.Glob("internal/*/internal/*db/*.sql.go")
	if err != nil {
		return nil, err
	}
	var out []query
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return nil, err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			literal, ok := spec.Values[0].(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			if sql, err := strconv.Unquote(literal.Value); err == nil && strings.HasPrefix(sql, "-- name: ") {
				out = append(out, query{parsed.Name.Name + "." + strings.Fields(sql)[2], sql})
			}
			return true
		})
	}
	return out, nil
}

// examine returns the growing tables that a query reads whole, and those of
// which it reads all that one institution has.
func examine(ctx context.Context, conn *pgx.Conn, q query, rows map[string]int64) (scanned, wide []string, err error) {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, "set local app.tenant = '"+tenantZero+"'; set local plan_cache_mode = force_generic_plan"); err != nil {
		return nil, nil, err
	}
	plan, err := explain(ctx, tx, q.sql)
	if err != nil {
		return nil, nil, err
	}
	doubtful := false
	plan.walk(false, func(n node, limited bool) {
		_, stays := small[n.Relation]
		switch {
		case n.Relation == "" || stays:
		case rows[n.Relation] < enough:
			doubtful = doubtful || n.Type == "Seq Scan"
		case n.Type == "Seq Scan":
			scanned = append(scanned, n.Relation)
		case !limited && n.IndexCondition != "" && onlyTenant(n.IndexCondition):
			wide = append(wide, n.Relation)
		}
	})
	if !doubtful {
		return scanned, wide, nil
	}
	if _, err := tx.Exec(ctx, "set local enable_seqscan = off"); err != nil {
		return nil, nil, err
	}
	if plan, err = explain(ctx, tx, q.sql); err != nil {
		return nil, nil, err
	}
	plan.walk(false, func(n node, _ bool) {
		if _, stays := small[n.Relation]; n.Type == "Seq Scan" && !stays && rows[n.Relation] < enough {
			scanned = append(scanned, n.Relation)
		}
	})
	return scanned, wide, nil
}

// node is one step of a plan.
type node struct {
	Type           string `json:"Node Type"`
	Relation       string `json:"Relation Name"`
	IndexCondition string `json:"Index Cond"`
	Plans          []node `json:"Plans"`
}

// walk visits a plan. limited says that a LIMIT above bounds what is read; a
// sort in between lifts it.
func (n node) walk(limited bool, visit func(n node, limited bool)) {
	visit(n, limited)
	switch n.Type {
	case "Limit":
		limited = true
	case "Sort", "Incremental Sort", "Aggregate", "Hash", "WindowAgg":
		limited = false
	}
	for _, p := range n.Plans {
		p.walk(limited, visit)
	}
}

var (
	quoted     = regexp.MustCompile(`'[^']*'|\w+\(|::\w+`)
	identifier = regexp.MustCompile(`[a-z_][a-z0-9_]*`)
)

// onlyTenant tells whether a condition binds nothing but the institution.
func onlyTenant(condition string) bool {
	for _, word := range identifier.FindAllString(quoted.ReplaceAllString(condition, " "), -1) {
		if word != "tenant_id" {
			return false
		}
	}
	return true
}

// explain returns the generic plan of a statement with parameters.
func explain(ctx context.Context, tx pgx.Tx, sql string) (node, error) {
	const name = "examined"
	prepared, err := tx.Conn().PgConn().Prepare(ctx, name, sql, nil)
	if err != nil {
		return node{}, err
	}
	arguments := ""
	if n := len(prepared.ParamOIDs); n > 0 {
		arguments = "(" + strings.TrimSuffix(strings.Repeat("null, ", n), ", ") + ")"
	}
	var raw []byte
	if err := tx.QueryRow(ctx, "explain (format json) execute "+name+arguments, pgx.QueryExecModeSimpleProtocol).Scan(&raw); err != nil {
		return node{}, err
	}
	if _, err := tx.Exec(ctx, "deallocate "+name); err != nil {
		return node{}, err
	}
	var out []struct{ Plan node }
	if err := json.Unmarshal(raw, &out); err != nil || len(out) == 0 {
		return node{}, fmt.Errorf("the plan cannot be read: %w", err)
	}
	return out[0].Plan, nil
}
