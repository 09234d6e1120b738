package audit_test

import (
	"net/http"
	"testing"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestAuditNeedsItsScope(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	for _, path := range []string{"/v1/audit/verification", "/v1/audit/reads"} {
		a.Anonymous().Get(path).Problem(http.StatusUnauthorized, "unauthenticated")
		a.As("events:read", "events:changes").Get(path).Problem(http.StatusForbidden, "insufficient-scope")
		a.As("audit:read").Get(path).Is(http.StatusOK)
	}
}
