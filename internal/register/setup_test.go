package register_test

import (
	"maps"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

func owner(t testing.TB, app *parvistest.App, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), "set search_path = crm; set app.sight = '*'")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// purpose registers a purpose, and an activity in force that lists these classes
// of fields for it.
func purpose(t testing.TB, app *parvistest.App, code, basis string, classes ...string) string {
	t.Helper()
	id := app.Post("/v1/purposes", map[string]any{"code": code, "name": code, "legal_basis": basis}).Is(http.StatusCreated).ID()
	activity := ids.New()
	owner(t, app, `insert into processing_activities (tenant_id, id, code, name, status, field_classes) values ($1, $2, $3, $3, 'active', $4)`, app.Tenant, activity, code, classes)
	owner(t, app, `insert into processing_activity_purposes (tenant_id, activity_id, purpose_id) values ($1, $2, $3)`, app.Tenant, activity, id)
	return id
}

// bound is a key with these scopes that is bound to purposes.
func bound(t testing.TB, app *parvistest.App, scopes []string, purposes ...string) *parvistest.Client {
	t.Helper()
	client := app.As(scopes...)
	owner(t, app, `update api_keys set purposes = $2 where tenant_id = $1 and id = (select id from api_keys where tenant_id = $1 order by id desc limit 1)`, app.Tenant, purposes)
	return client
}

// somebody is a contact with an address and a number.
type somebody struct{ id, email, phone string }

func person(t testing.TB, app *parvistest.App, name string) somebody {
	t.Helper()
	id := app.Post("/v1/contacts", map[string]any{
		"kind": "person", "family_name": name, "given_name": name + "-given", "birthdate": "1980-02-29",
		"external_ids": []any{map[string]any{"source": "vendor", "external_id": name}},
	}).Is(http.StatusCreated).ID()
	point := func(kind, value string) string {
		return app.Post("/v1/contacts/"+id+"/contact-points", map[string]any{"kind": kind, "value": value}).Is(http.StatusCreated).ID()
	}
	return somebody{id, point("email", name+"@example.org"), point("phone", phoneOf(name))}
}

func phoneOf(name string) string {
	n := 0
	for _, r := range name {
		n = (n*31 + int(r)) % 100_000_000
	}
	digits := []byte("+33600000000")
	for i := len(digits) - 1; n > 0; i, n = i-1, n/10 {
		digits[i] = byte('0' + n%10)
	}
	return string(digits)
}

// says records an answer by e-mail.
func (s somebody) says(c *parvistest.Client, purpose, action string, over map[string]any) *parvistest.Answer {
	body := map[string]any{"purpose": purpose, "channel": "email", "action": action, "mechanism": "unticked_box", "contact_point_id": s.email}
	maps.Copy(body, over)
	return c.Post("/v1/contacts/"+s.id+"/consents", body)
}

func idsOf(a *parvistest.Answer) []string {
	out := []string{}
	for _, d := range a.Is(http.StatusOK).Data() {
		out = append(out, d["id"].(string))
	}
	return out
}
