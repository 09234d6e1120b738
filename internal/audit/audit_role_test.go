package audit_test

import (
	"net/http"
	"testing"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestAuditNeedsItsScope(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	for _, path := range []string{"/v1/audit/verification", "/v1/audit/reads", "/v1/audit/entries"} {
		a.Anonymous().Get(path).Problem(http.StatusUnauthorized, "unauthenticated")
		a.As("events:read", "events:changes").Get(path).Problem(http.StatusForbidden, "insufficient-scope")
		a.As("audit:read").Get(path).Is(http.StatusOK)
	}
}

// Who may not see a contact is not told who looked at it.
func TestReadsOfARestrictedContactAreHidden(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	id := a.Post("/v1/contacts", map[string]any{"kind": "person", "family_name": "Noël"}).Is(http.StatusCreated).ID()
	a.Get("/v1/contacts/" + id).Is(http.StatusOK)
	reads := "/v1/audit/reads?contact_id=" + id
	parvistest.Eventually(t, "the read is in the log", func() bool { return len(a.Get(reads).Data()) == 1 })
	auditor := a.As("audit:read")
	if len(auditor.Get(reads).Data()) != 1 {
		t.Fatal("an auditor sees the reads of a contact that is not restricted")
	}
	owner(t, a, `set app.sight = '*'; update contacts set restricted = true where tenant_id = '%s'`, a.Tenant)
	if n := len(auditor.Get(reads).Data()); n != 0 {
		t.Fatalf("%d reads of a restricted contact are shown", n)
	}
	a.As("contacts:read").Get("/v1/contacts/" + id).Is(http.StatusNotFound)
}

// A log is whole or not, whoever asks: what is out of sight is not missing.
func TestVerificationLooksAtTheWholeLog(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	a.Post("/v1/contacts", map[string]any{"kind": "person", "family_name": "Noël", "department_ids": []string{a.Department("danse", "")}}).Is(http.StatusCreated)
	auditor := a.Limited(parvistest.Limits{Scopes: []string{"audit:read"}, Departments: []string{a.Department("accueil", "")}})
	parvistest.Eventually(t, "what is out of sight has its number", func() bool { return len(a.Get("/v1/events?types=contact.created").Data()) == 1 })
	const part = "/v1/audit/verification?to=3"
	whole := a.Get(part).Is(http.StatusOK)
	if asked := auditor.Get(part).Is(http.StatusOK); whole.JSON()["intact"] != true || asked.JSON()["intact"] != true || asked.JSON()["digest"] != whole.JSON()["digest"] {
		t.Fatalf("the log is %s to one and %s to the other", whole.Body, asked.Body)
	}
}

// To look for one agent asks for a right of its own.
func TestLookingForOneAgentNeedsItsScope(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	for _, path := range []string{"/v1/audit/reads?actor_id=x", "/v1/audit/entries?actor_id=x"} {
		a.As("audit:read").Get(path).Problem(http.StatusForbidden, "insufficient-scope")
		a.As("audit:read", "audit:actors").Get(path).Is(http.StatusOK)
	}
}
