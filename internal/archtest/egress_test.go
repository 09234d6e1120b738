package archtest

import (
	"go/ast"
	"slices"
	"testing"
)

// callers may reach out by other ways than internal/egress, each for a reason.
var callers = map[string]string{
	"internal/vault/kms.go":               "the key service's address is the operator's, never a user's, and is mostly inside the house",
	"internal/app/conformance_command.go": "a command asks the server that whoever types it names",
	"internal/app/doctor.go":              "asks the program itself at the address where it listens",
}

// Whatever calls an address that somebody else chose goes through the guard
// against being sent into the house (SSRF). A client made elsewhere has no guard.
func TestCallersGoThroughEgress(t *testing.T) {
	t.Parallel()
	forbidden := map[string][]string{
		"http": {"Client", "Transport", "DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm"},
		"net":  {"Dialer", "Dial", "DialTimeout", "DialTCP", "DialUDP"},
		"tls":  {"Dial", "DialWithDialer", "Dialer"},
	}
	seen := map[string]bool{}
	for _, s := range sources(t) {
		path := s.pkg.path() + "/" + s.name
		if s.test() || slices.Contains([]string{"egress", "parvistest", "bench", "examples", "sdk", "tools", "readmetest"}, s.pkg.unit()) {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			x, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			name, ok := x.X.(*ast.Ident)
			if !ok || !slices.Contains(forbidden[name.Name], x.Sel.Name) {
				return true
			}
			seen[path] = true
			if callers[path] == "" {
				t.Errorf("%s: %s.%s reaches out without the guard of internal/egress: use egress.New", s.at(x), name.Name, x.Sel.Name)
			}
			return true
		})
	}
	for path := range callers {
		if !seen[path] {
			t.Errorf("%s no longer reaches out by itself: take it from the list", path)
		}
	}
}
