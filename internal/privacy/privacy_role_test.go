package privacy_test

import (
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestErasingIsAScopeOfItsOwn(t *testing.T) {
	t.Parallel()
	app := institution(t)
	c := app.Post("/v1/contacts", m{"kind": "person", "family_name": "Castellan"}).Is(http.StatusCreated)
	path := "/v1/contacts/" + c.ID()
	app.As("contacts:read", "contacts:write").Post(path+"/erase", instruction(), parvistest.IfMatch(c.ETag())).Problem(http.StatusForbidden, "insufficient-scope")
	officer := app.As("contacts:erase")
	officer.Get(path).Problem(http.StatusForbidden, "insufficient-scope")
	officer.Post(path+"/erase", instruction(), parvistest.IfMatch(c.ETag())).Is(http.StatusOK)
	officer.Get(path + "/erasure").Is(http.StatusOK)
	app.As("contacts:read").Get(path+"/erasure").Problem(http.StatusForbidden, "insufficient-scope")
}

// Whoever may not delete a contact may not erase it, and who does not see it
// learns neither that it is there nor, afterwards, that it was.
func TestWhoDoesNotSeeSomebodyDoesNotEraseThem(t *testing.T) {
	t.Parallel()
	app := institution(t)
	ours, theirs := app.Department("publics", ""), app.Department("mecenat", "")
	c := app.Post("/v1/contacts", m{"kind": "person", "family_name": "Castellan", "department_ids": []string{theirs}}).Is(http.StatusCreated)
	key := func(verbs []string, departments ...string) *parvistest.Client {
		return app.Limited(parvistest.Limits{Scopes: []string{"contacts:read", "contacts:erase"}, Verbs: verbs, Departments: departments})
	}
	path := "/v1/contacts/" + c.ID()
	key([]string{"see", "edit", "delete"}, ours).Post(path+"/erase", instruction(), parvistest.IfMatch(c.ETag())).Problem(http.StatusNotFound, "not-found")
	key([]string{"see", "edit"}, theirs).Post(path+"/erase", instruction(), parvistest.IfMatch(c.ETag())).Problem(http.StatusForbidden, "verb-not-held")
	// A department that the contact was shared with to be seen only.
	guests := app.Department("accueil", "")
	app.Put("/v1/contacts/"+c.ID()+"/departments/"+guests, m{"verbs": []string{"see"}}).Is(http.StatusOK)
	c = app.Get(path).Is(http.StatusOK)
	key([]string{"see", "delete"}, guests).Post(path+"/erase", instruction(), parvistest.IfMatch(c.ETag())).Problem(http.StatusForbidden, "verb-not-held")
	key([]string{"see", "delete"}, theirs).Post(path+"/erase", instruction(), parvistest.IfMatch(c.ETag())).Is(http.StatusOK)
	outside := key([]string{"see", "delete"}, ours)
	outside.Get(path).Problem(http.StatusNotFound, "not-found")
	outside.Get(path+"/erasure").Problem(http.StatusNotFound, "not-found")
	key([]string{"see"}, theirs).Get(path).Problem(http.StatusGone, "contact-erased")
}

// The application's own role empties nothing of somebody who is not erased, and
// takes nothing back.
func TestTheLedgerOpensForNobodyElse(t *testing.T) {
	t.Parallel()
	app := institution(t)
	app.Post("/v1/purposes", m{"code": "lettre", "name": "Lettre", "legal_basis": "consent"}).Is(http.StatusCreated)
	contact := app.Post("/v1/contacts", m{"kind": "person", "family_name": "Castellan", "contact_points": []m{{"kind": "email", "value": "nora@courrier.example"}}}).Is(http.StatusCreated).ID()
	app.Post("/v1/contacts/"+contact+"/consents", m{"purpose": "lettre", "channel": "email", "action": "refused", "mechanism": "paper"}).Is(http.StatusCreated)
	conn, err := pgx.Connect(t.Context(), app.DB.AppURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), "set app.sight = '*'; set app.tenant = '"+app.Tenant.String()+"'")
	require.NoError(t, err)
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), "select crm.erase_consents($1, array[$2::uuid])", app.Tenant, contact).Scan(&n))
	require.Zero(t, n)
	erase(app, contact)
	for _, sql := range []string{"delete from crm.privacy_erasures", "update crm.privacy_erasures set reason = 'x'", "delete from crm.contact_erased_names", "delete from crm.contact_oppositions", "delete from crm.privacy_notices"} {
		_, err := conn.Exec(t.Context(), sql)
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused, sql)
		require.Equal(t, "42501", refused.Code, sql)
	}
}
