package rights_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// own gives a user contacts to look after.
func own(t *testing.T, app *parvistest.App, user string, contacts ...string) {
	t.Helper()
	_, err := owner(t, app).Exec(t.Context(), "update crm.contacts set owner_id = $3 where tenant_id = $1 and id = any($2::uuid[])", app.Tenant, contacts, user)
	require.NoError(t, err)
}

// owned counts what a user looks after.
func owned(t *testing.T, app *parvistest.App, user string) (n int) {
	t.Helper()
	require.NoError(t, owner(t, app).QueryRow(t.Context(), "select count(*) from crm.contacts where tenant_id = $1 and owner_id = $2", app.Tenant, user).Scan(&n))
	return n
}

func ended(t *testing.T, app *parvistest.App, operation string) object {
	t.Helper()
	var o object
	parvistest.Eventually(t, "the end of an operation", func() bool {
		o = app.Get("/v1/operations/" + operation).Is(200).JSON()
		return o["finished_at"] != nil
	})
	return o
}

// Whoever leaves can act no more at once; what hangs on them is told, and goes
// to somebody else.
func TestLeaving(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	nora, paul := app.Person("contacts:read", "api_keys:write"), app.Person()
	assignment := give(app.Client, nora.ID, newRole(app.Client, "lecture", nil), nil).Is(201).ID()
	team := app.Post("/v1/teams", object{"code": "t", "name": "T"}).Is(201).ID()
	app.Put("/v1/teams/"+team+"/members/"+nora.ID, nil).Is(200)
	key := nora.Post("/v1/api-keys", object{"name": "k", "kind": "sk", "scopes": []string{"contacts:read"}}).Is(201).JSON()
	mine := *app.Client
	mine.Key = key["secret"].(string)
	var contacts []string
	for i := range 3 {
		contacts = append(contacts, newContact(app.Client, fmt.Sprintf("Personne %d", i)))
	}
	own(t, app, nora.ID, contacts...)
	restrict(t, app, contacts[0])
	nora.Get("/v1/contacts").Is(200)

	path := "/v1/users/" + nora.ID + "/deactivate"
	app.Post(path, object{"reassign_to": uuid.NewString()}, always).Points("#/reassign_to")
	app.Post(path, object{"reassign_to": nora.ID}, always).Points("#/reassign_to")
	nora.Get("/v1/contacts").Is(200)
	left := app.Post(path, object{"reassign_to": paul.ID}, always).Is(200).JSON()
	nora.Get("/v1/contacts").Problem(401, "unauthenticated")
	require.Equal(t, "deactivated", left["status"])
	require.Equal(t, object{
		"contacts": float64(3), "role_assignment_ids": []any{assignment}, "team_ids": []any{team}, "api_key_ids": []any{key["id"]}, "oauth_client_ids": []any{},
	}, left["belongings"])
	mine.Get("/v1/contacts").Is(200) // a key is a principal of its own

	o := ended(t, app, left["reassignment_id"].(string))
	require.Equal(t, "succeeded", o["status"])
	require.EqualValues(t, 3, o["result"].(object)["contacts"])
	require.EqualValues(t, 3, o["progress"].(object)["done"])
	require.Equal(t, 3, owned(t, app, paul.ID))
	happened(t, app.Client, "user.deactivated", "user.reassigned", "contact.updated")
	moved := 0
	for _, e := range app.Walk("/v1/events?types=contact.updated") {
		if facts, ok := e["data"].(object)["facts"].(object); ok && facts["reassignment_id"] == left["reassignment_id"] {
			moved++
		}
	}
	require.Equal(t, 3, moved)
	require.Nil(t, app.Post("/v1/users/"+paul.ID+"/deactivate", nil, always).Is(200).JSON()["reassignment_id"])
}

// More than a batch moves, whole, and what is asked for wrongly does not begin.
func TestHandingOver(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	nora, paul := app.Person(), app.Person()
	contact := newContact(app.Client, "Ada")
	own(t, app, nora.ID, contact)
	_, err := owner(t, app).Exec(t.Context(), `insert into crm.contacts (tenant_id, id, kind, family_name, display_name, sort_name, source, owner_id)
		select tenant_id, gen_random_uuid(), kind, family_name || n, display_name, sort_name, source, owner_id from crm.contacts, generate_series(1, 450) n where tenant_id = $1`, app.Tenant)
	require.NoError(t, err)
	path := "/v1/users/" + nora.ID + "/reassignments"
	app.Post(path, object{"to": nora.ID}).Points("#/to")
	app.Post(path, object{"to": uuid.NewString()}).Points("#/to")
	app.Post("/v1/users/"+uuid.NewString()+"/reassignments", object{"to": paul.ID}).Problem(404, "not-found")
	app.As("users:read").Post(path, object{"to": paul.ID}).Problem(403, "insufficient-scope")
	app.OtherTenant().Post(path, object{"to": paul.ID}).Problem(404, "not-found")
	o := ended(t, app, app.Post(path, object{"to": paul.ID}).Is(202).ID())
	require.Equal(t, "succeeded", o["status"], o)
	require.EqualValues(t, 451, o["result"].(object)["contacts"])
	require.Equal(t, 451, owned(t, app, paul.ID))
	require.Zero(t, owned(t, app, nora.ID))
	// Nothing is left: it ends at once, and says so.
	require.EqualValues(t, 0, ended(t, app, app.Post(path, object{"to": paul.ID}).Is(202).ID())["result"].(object)["contacts"])
}

// Cancelled half way, what has moved stays moved and counted; another operation
// moves the rest.
func TestHandingOverCanBeCancelledAndTakenUpAgain(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	nora, paul := app.Person(), app.Person()
	own(t, app, nora.ID, newContact(app.Client, "Ada"))
	conn := owner(t, app)
	_, err := conn.Exec(t.Context(), `insert into crm.contacts (tenant_id, id, kind, family_name, display_name, sort_name, source, owner_id)
		select tenant_id, gen_random_uuid(), kind, family_name || n, display_name, sort_name, source, owner_id from crm.contacts, generate_series(1, 300) n where tenant_id = $1`, app.Tenant)
	require.NoError(t, err)
	// Somebody else holds the last contact, so that the second batch waits.
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "select 1 from crm.contacts where tenant_id = $1 and owner_id = $2 order by id desc limit 1 for update", app.Tenant, nora.ID)
	require.NoError(t, err)
	path := "/v1/users/" + nora.ID + "/reassignments"
	id := app.Post(path, object{"to": paul.ID}).Is(202).ID()
	parvistest.Eventually(t, "the first batch", func() bool { return owned(t, app, paul.ID) == 200 })
	app.Post("/v1/operations/"+id+"/cancel", nil).Is(202)
	o := ended(t, app, id)
	require.NoError(t, tx.Rollback(t.Context()))
	require.Equal(t, "cancelled", o["status"])
	require.EqualValues(t, 200, o["progress"].(object)["done"])
	require.Equal(t, 200, owned(t, app, paul.ID))
	require.EqualValues(t, 101, ended(t, app, app.Post(path, object{"to": paul.ID}).Is(202).ID())["result"].(object)["contacts"])
	require.Equal(t, 301, owned(t, app, paul.ID))
}
