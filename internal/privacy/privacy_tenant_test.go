package privacy_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestAnotherInstitutionErasesNobodyHere(t *testing.T) {
	t.Parallel()
	app := institution(t)
	other := app.OtherTenant()
	body := m{"kind": "person", "family_name": "Castellan", "external_ids": []m{{"source": "site", "external_id": "u-17"}}, "contact_points": []m{{"kind": "email", "value": "nora@courrier.example"}}}
	c := app.Post("/v1/contacts", body).Is(http.StatusCreated)
	path := "/v1/contacts/" + c.ID()
	other.Post(path+"/erase", instruction(), parvistest.IfMatch(c.ETag())).Problem(http.StatusNotFound, "not-found")
	app.Get(path).Is(http.StatusOK)
	erase(app, c.ID())
	other.Get(path+"/erasure").Problem(http.StatusNotFound, "not-found")
	other.Get(path).Problem(http.StatusNotFound, "not-found")
	// Whom one institution erased, another knows as ever: each has a key of its own.
	theirs := other.Post("/v1/contacts", body).Is(http.StatusCreated).ID()
	points := other.Get("/v1/contacts/" + theirs + "/contact-points").Is(http.StatusOK).Data()
	require.Equal(t, "unverified", points[0]["status"])
}
