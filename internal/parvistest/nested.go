package parvistest

import (
	"sync"
	"testing"
)

// nested fails a test of whose program somebody asked for a connection to the
// database while holding one: enough of them at once stand still for ever, which
// only shows under a load that no test makes.
type nested struct {
	tb    testing.TB
	mu    sync.Mutex
	stack string
	n     int
}

func newNested(tb testing.TB) *nested { return &nested{tb: tb} }

func (n *nested) note(stack string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.n++
	if n.stack == "" {
		n.stack = stack
	}
}

func (n *nested) none() {
	n.tb.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.n > 0 {
		n.tb.Errorf("a connection was asked for %d times by somebody who held one, first here:\n%s", n.n, n.stack)
	}
}
