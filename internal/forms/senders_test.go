package forms_test

import (
	"net/http"
	"net/url"
	"testing"
)

// The way without scripts is bounded by what came without scripts.
func TestWorkLeavesTheWayWithoutScriptsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, address := range []string{"a", "b", "c", "d", "e", "f"} {
		w.send(w.visit(t, map[string]any{"email": address + "@example.org"})).Is(http.StatusAccepted)
	}
	for _, address := range []string{"g", "h", "i"} {
		w.post(url.Values{"email": {address + "@example.org"}}).Is(http.StatusAccepted)
	}
}
