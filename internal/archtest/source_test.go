package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
)

const longestFile = 600

var generatedHeader = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// source is a file written by hand.
type source struct {
	pkg    pkg
	name   string
	tree   *ast.File
	lines  int
	places *token.FileSet
}

func (s source) at(node ast.Node) string {
	return s.pkg.path() + "/" + s.name + ":" + strconv.Itoa(s.places.Position(node.Pos()).Line)
}

func (s source) test() bool { return strings.HasSuffix(s.name, "_test.go") }

// imports tells whether the file imports the path.
func (s source) imports(path string) bool {
	return slices.ContainsFunc(s.tree.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote(path) })
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	for _, p := range packages(t) {
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			require.NoError(t, err)
			if generatedHeader.Match(text) {
				continue
			}
			places := token.NewFileSet()
			tree, err := parser.ParseFile(places, name, text, parser.SkipObjectResolution)
			require.NoError(t, err)
			all = append(all, source{pkg: p, name: name, tree: tree, lines: bytes.Count(text, []byte("\n")), places: places})
		}
	}
	return all
}

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.lines > longestFile {
			t.Errorf("%s/%s has %d lines, more than %d: split it by what its parts do", s.pkg.path(), s.name, s.lines, longestFile)
		}
	}
}

func TestNothingRunsBeforeMain(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, d := range s.tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: init() runs for everybody who imports the package, in an order nobody chose: make it a function that is called", s.at(f))
			}
		}
	}
}

// Only those who have no caller to wait for may start from nothing.
func TestContextsComeFromTheCaller(t *testing.T) {
	t.Parallel()
	free := []string{"cmd", "app", "parvistest", "bench", "tools", "examples"}
	excepted := map[string]string{
		"internal/telemetry/metrics.go": "Prometheus hands no context to a collector",
		"internal/egress/url.go":        "ValidateURL is the variant for callers that have no context: it is documented as such",
	}
	for _, s := range sources(t) {
		if s.test() || slices.Contains(free, s.pkg.unit()) || excepted[s.pkg.path()+"/"+s.name] != "" {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok || (call.Sel.Name != "Background" && call.Sel.Name != "TODO") {
				return true
			}
			if x, ok := call.X.(*ast.Ident); ok && x.Name == "context" {
				t.Errorf("%s: context.%s() cuts the work off from its caller's deadline, actor and trace: take the context as an argument, or context.WithoutCancel of it",
					s.at(call), call.Sel.Name)
			}
			return true
		})
	}
}

// What somebody could guess is made by crypto/rand. The other generator may only
// spread work over time.
func TestSecretsAreMadeByTheSystemsGenerator(t *testing.T) {
	t.Parallel()
	spread := map[string]string{
		"internal/app/afterwards.go": "when hourly work begins", "internal/mail/runner.go": "when a mail is tried again", "internal/siem/run.go": "when a stream is tried again", "internal/webhooks/schedule.go": "when a delivery is tried again",
	}
	for _, s := range sources(t) {
		if s.test() || slices.Contains([]string{"parvistest", "bench", "tools", "examples"}, s.pkg.unit()) || spread[s.pkg.path()+"/"+s.name] != "" {
			continue
		}
		if s.imports("math/rand") || s.imports("math/rand/v2") {
			t.Errorf("%s/%s: what math/rand makes can be foretold: take crypto/rand, or say here what is spread by it", s.pkg.path(), s.name)
		}
	}
}

func TestOnlyTheEdgeOfADomainKnowsTheContract(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if !s.pkg.domain() || s.test() || !s.imports(module+"/internal/api") {
			continue
		}
		if s.name != "http.go" && s.name != "convert.go" && !strings.HasPrefix(s.name, "http_") && !strings.HasPrefix(s.name, "convert_") {
			t.Errorf("%s/%s imports internal/api: only http.go and convert.go (http_*.go, convert_*.go) may, so that the rules of a domain do not depend on the shape of its answers",
				s.pkg.path(), s.name)
		}
	}
}

func TestHandlersExportOperationsOnly(t *testing.T) {
	t.Parallel()
	operations := reflect.TypeFor[api.StrictServerInterface]()
	for _, s := range sources(t) {
		if s.test() || s.pkg.unit() == "parvistest" {
			continue
		}
		for _, d := range s.tree.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() || receiver(f) != "Handlers" {
				continue
			}
			if _, ok := operations.MethodByName(f.Name.Name); !ok {
				t.Errorf("%s: Handlers.%s is no operation of the contract: a handler only translates; put this on the service", s.at(f), f.Name.Name)
			}
		}
	}
}

func receiver(f *ast.FuncDecl) string {
	x := f.Recv.List[0].Type
	if star, ok := x.(*ast.StarExpr); ok {
		x = star.X
	}
	name, _ := x.(*ast.Ident)
	if name == nil {
		return ""
	}
	return name.Name
}

// sqlc falls back to interface{} where it cannot tell the type of an
// expression: the row then carries whatever the driver makes of it.
func TestGeneratedQueriesAreTyped(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if !p.generatedQueries() {
			continue
		}
		for _, name := range p.GoFiles {
			tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			ast.Inspect(tree, func(n ast.Node) bool {
				if field, ok := n.(*ast.StructType); ok {
					for _, f := range field.Fields.List {
						if i, ok := f.Type.(*ast.InterfaceType); ok && len(i.Methods.List) == 0 {
							t.Errorf("%s/%s: field %v is interface{}: give the expression a type in the query (coalesce(…)::type)", p.path(), name, f.Names)
						}
					}
				}
				return true
			})
		}
	}
}
