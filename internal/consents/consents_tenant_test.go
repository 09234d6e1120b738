package consents_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestOtherInstitutionsSeeNothing(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	purpose := newPurpose(t, app.Client, "newsletter")
	p := newPerson(t, app, "camille@example.org")
	entry := app.Post(p.path(), p.said("given", "2024-01-01T00:00:00Z", map[string]any{"wording": map[string]any{"text": "Oui", "language": "fr", "label": "1"}})).Is(http.StatusCreated)
	wording := entry.JSON()["wording_id"].(string)

	other := app.OtherTenant()
	for _, path := range []string{
		p.path(), p.path() + "/history", "/v1/consents/" + entry.ID(), "/v1/consents/" + entry.ID() + "/proof",
		"/v1/purposes/" + purpose, "/v1/consent-wordings/" + wording,
	} {
		other.Get(path).Problem(http.StatusNotFound, "not-found")
	}
	for _, path := range []string{"/v1/consents", "/v1/purposes", "/v1/consent-wordings"} {
		require.Empty(t, other.Get(path).Is(http.StatusOK).Data(), path)
	}
	newPurpose(t, other, "newsletter")
	other.Post(p.path(), p.said("given", "2024-01-01T00:00:00Z", nil)).Problem(http.StatusNotFound, "not-found")
	other.Patch("/v1/purposes/"+purpose, map[string]any{"name": "x"}).Problem(http.StatusNotFound, "not-found")
}
