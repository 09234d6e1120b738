package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/pg"
)

// plansName is the measurement that fails the run when its goal is missed.
const plansName = "plans"

// query is one statement of a generated package.
type query struct{ name, sql string }

// plans looks at the generic plan of every generated query, as the program's
// role and in an institution's scope. Tables that have fewer rows are taken to
// have a million, in a transaction that is undone: of a small table a scan would
// be the right choice. Only of a table without any page PostgreSQL believes
// nothing; they are named, and judged by whether a plan without a scan exists.
func plans(ctx context.Context, e *environment, m measurement) (figures []figure, err error) {
	all, err := generatedQueries(".")
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("no generated queries: run from the root of the repository")
	}
	conn, err := e.owner(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "analyze"); err != nil {
		return nil, err
	}
	found, err := judge(ctx, conn, all)
	if err != nil {
		return nil, err
	}
	for _, line := range slices.Concat(found.scans, found.wide) {
		fmt.Fprintln(os.Stderr, " ", line)
	}
	note := fmt.Sprintf("queries with a sequential scan: %d of %d; bound by the institution's index alone: %d", len(found.scans), len(all), len(found.wide))
	if len(found.empty) > 0 {
		note += "; empty, hardly judged: " + strings.Join(found.empty, " ")
	}
	return []figure{{Op: m.name, What: m.what, Goal: "0", Met: len(found.scans) == 0, Note: note}}, nil
}

// judged is what plans has found, a line for each query.
type judged struct {
	scans []string // of a growing table
	wide  []string // of all that an institution has in one
	empty []string // tables that cannot be judged well
}

// judge looks at the plans of queries and changes nothing.
func judge(ctx context.Context, conn *pgx.Conn, queries []query) (out judged, err error) {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, tx.Rollback(ctx)) }()
	if out.empty, err = pretendGrown(ctx, tx); err != nil {
		return out, err
	}
	for _, q := range queries {
		found, wide, err := examine(ctx, tx, q, out.empty)
		if err != nil {
			return out, fmt.Errorf("%s: %w", q.name, err)
		}
		if found = slices.DeleteFunc(found, func(table string) bool { _, ok := allowed[q.name+" "+table]; return ok }); len(found) > 0 {
			out.scans = append(out.scans, q.name+" scans "+strings.Join(found, ", "))
		}
		if _, ok := byJoin[q.name]; ok && len(wide) > 0 {
			// A plan that goes by index must exist all the same.
			if _, err := tx.Exec(ctx, "set local enable_hashjoin = off; set local enable_mergejoin = off"); err != nil {
				return out, err
			}
			if _, wide, err = examine(ctx, tx, q, out.empty); err != nil {
				return out, fmt.Errorf("%s: %w", q.name, err)
			}
			if _, err := tx.Exec(ctx, "set local enable_hashjoin = on; set local enable_mergejoin = on"); err != nil {
				return out, err
			}
		}
		wide = slices.DeleteFunc(wide, func(table string) bool { _, ok := allowedWide[q.name+" "+table]; return ok })
		if len(wide) > 0 {
			out.wide = append(out.wide, q.name+" is bound by the institution alone in "+strings.Join(wide, ", "))
		}
	}
	return out, nil
}

// pretendGrown makes the planner take every table that grows for one of a
// million rows at least, until tx ends, and goes on as the program's role in the
// scope of an institution. It returns the tables that are quite empty.
func pretendGrown(ctx context.Context, tx pgx.Tx) ([]string, error) {
	bounded := slices.Collect(maps.Keys(small))
	rows, err := tx.Query(ctx, `select relname::text from pg_class where relnamespace = 'crm'::regnamespace and relkind = 'r'
		and pg_relation_size(oid) = 0 and relname <> all($1::text[]) order by 1`, bounded)
	if err != nil {
		return nil, err
	}
	empty, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	// The planner multiplies rows a page, as noted here, by the pages there are.
	_, err = tx.Exec(ctx, `update pg_class set relpages = pg_relation_size(oid) / current_setting('block_size')::int, reltuples = greatest(reltuples, 1e6)
		where relnamespace = 'crm'::regnamespace and relkind = 'r' and pg_relation_size(oid) > 0 and relname <> all($1::text[])`, bounded)
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, "set local role "+pg.Role+"; set local app.sight = '*'; set local app.tenant = '"+tenantZero+"'; set local plan_cache_mode = force_generic_plan")
	return empty, err
}

// generatedQueries reads the constants of the generated packages.
func generatedQueries(root string) ([]query, error) {
	files, err := filepath.Glob(filepath.Join(root, "internal/*/internal/*db/*.sql.go"))
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

// examine returns the growing tables that a query scans, and those of which it
// reads by index, but all that one institution has.
func examine(ctx context.Context, tx pgx.Tx, q query, empty []string) (scanned, wide []string, err error) {
	plan, err := explain(ctx, tx, q.sql)
	if err != nil {
		return nil, nil, err
	}
	doubtful := false
	plan.walk(false, func(n node, limited bool) {
		_, stays := small[n.Relation]
		condition := n.IndexCondition + n.RecheckCondition
		switch {
		case n.Relation == "" || stays:
		case slices.Contains(empty, n.Relation):
			doubtful = doubtful || n.Type == seqScan
		case n.Type == seqScan:
			scanned = append(scanned, n.Relation)
		case !limited && condition != "" && onlyTenant(condition):
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
		if n.Type == seqScan && slices.Contains(empty, n.Relation) {
			scanned = append(scanned, n.Relation)
		}
	})
	_, err = tx.Exec(ctx, "set local enable_seqscan = on")
	return scanned, wide, err
}

const seqScan = "Seq Scan"

// node is one step of a plan.
type node struct {
	Type             string `json:"Node Type"`
	Relation         string `json:"Relation Name"`
	IndexCondition   string `json:"Index Cond"`
	RecheckCondition string `json:"Recheck Cond"`
	Plans            []node `json:"Plans"`
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
		switch word {
		case "tenant_id", "true", "crm": // the words of the policy's own condition
		default:
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
