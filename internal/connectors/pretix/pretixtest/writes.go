package pretixtest

import (
	"net/http"
)

// write answers what changes something.
func (s *Server) write(w http.ResponseWriter, r *http.Request, _ string, _ Request) {
	fail(w, http.StatusMethodNotAllowed, "Method \""+r.Method+"\" not allowed.")
}
