package scim_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// Whoever the directory ends is proposed for reassignment as somebody who is
// deactivated here: what they leave is told, listed, mailed to those who may see
// to it, and goes to somebody else.
func TestWhoeverTheDirectoryEndsIsProposedForReassignment(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"active: false", "DELETE"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			d := newDirectory(t)
			heir := d.Post("/v1/users", object{"email": "cheffe@arcades.example", "name": "Cheffe", "locale": "fr", "scopes": []string{"users:write"}}).Is(201).ID()
			d.Post("/v1/users", object{"email": "guichet@arcades.example", "name": "Guichet", "scopes": []string{"contacts:read"}}).Is(201)
			id := d.user("nora@arcades.example", object{"displayName": "Nora Le Bras"})
			for _, name := range []string{"Ada", "Ondine"} {
				contact := d.Post("/v1/contacts", object{"kind": "person", "family_name": name}).Is(201).ID()
				d.AsOwner("update crm.contacts set owner_id = $2, restricted = $3 where id = $1", contact, id, name == "Ondine" || how == "DELETE")
			}
			if how == "DELETE" {
				d.scim.Delete(users + "/" + id).Is(204)
			} else {
				d.patch(users+"/"+id, object{"op": "replace", "path": "active", "value": false}).Is(200)
			}

			none := []any{}
			require.Equal(t, object{"object": "user_belongings", "user_id": id, "status": "deactivated", "belongings": object{
				"contacts": 2.0, "role_assignment_ids": none, "team_ids": none, "api_key_ids": none, "oauth_client_ids": none,
			}}, d.Get("/v1/users/"+id+"/belongings").Is(200).JSON())
			var facts object
			parvistest.Eventually(t, "the event", func() bool {
				for _, e := range d.Get("/v1/events?types=user.deactivated").Is(200).Data() {
					facts, _ = e["data"].(object)["facts"].(object)
				}
				return facts != nil
			})
			require.Equal(t, map[string]any{"active: false": 1.0, "DELETE": 0.0}[how], facts["contacts"], "the directory does not see restricted contacts, and does not tell of them")
			require.Equal(t, []string{"cheffe@arcades.example"}, d.mailed(t), "who may change users is written to, and nobody else")

			o := d.Post("/v1/users/"+id+"/reassignments", object{"to": heir}).Is(http.StatusAccepted).ID()
			parvistest.Eventually(t, "the contacts are handed over", func() bool {
				return d.Get("/v1/operations/" + o).JSON()["status"] == "succeeded"
			})
			require.Equal(t, 0.0, d.Get("/v1/users/" + id + "/belongings").JSON()["belongings"].(object)["contacts"])
			require.Equal(t, 2.0, d.Get("/v1/users/" + heir + "/belongings").JSON()["belongings"].(object)["contacts"])
		})
	}
}

// Who leaves nothing troubles nobody.
func TestWhoeverLeavesNothingIsNotWrittenAbout(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	d.Post("/v1/users", object{"email": "cheffe@arcades.example", "name": "Cheffe", "scopes": []string{"users:write"}}).Is(201)
	d.patch(users+"/"+d.user("nora@arcades.example", nil), object{"op": "replace", "path": "active", "value": false}).Is(200)
	require.Empty(t, d.mailed(t))
	d.Get("/v1/users/"+uuid.NewString()+"/belongings").Problem(http.StatusNotFound, "not-found")
	d.As("users:write").Get("/v1/users/"+uuid.NewString()+"/belongings").Problem(http.StatusForbidden, "insufficient-scope")
}

// mailed are the addresses of the mails that were written.
func (d directory) mailed(t *testing.T) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	_, err = conn.Exec(t.Context(), "set app.sight = '*'")
	require.NoError(t, err)
	rows, err := conn.Query(t.Context(), "select recipient from crm.mails where tenant_id = $1 order by 1", d.Tenant)
	require.NoError(t, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return append([]string{}, out...)
}
