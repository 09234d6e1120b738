package contacts_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestAnotherInstitutionSeesNothing(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	contact, point, address, tag := one(app.Client)
	stranger := app.OtherTenant()
	ifMatch := parvistest.IfMatch(`"1"`)
	for _, list := range calls(contact, point, address, tag) {
		for _, c := range list {
			method, path := c[0].(string), c[1].(string)
			options := []parvistest.RequestOption{}
			if method == "DELETE" || method == "POST" {
				options = append(options, ifMatch)
			}
			switch path {
			case "/v1/contacts", "/v1/contacts/search", "/v1/tags":
				if method == "GET" || path == "/v1/contacts/search" {
					require.Empty(t, stranger.Do(method, path, c[2]).Is(200).Data(), path)
				}
			case "/v1/contacts/batch":
				require.EqualValues(t, 404, stranger.Do(method, path, c[2]).Is(207).JSON()["results"].([]any)[0].(object)["status"])
			case "/v1/contacts/by-external-id/b/9":
			default:
				stranger.Do(method, path, c[2], options...).Problem(404, "not-found")
			}
		}
	}
	for _, q := range []string{"q=noel", "q=zoe%40example.org", "q=1", "email=zoe@example.org", "name_prefix=noel", "external_id=1", "tag_id=" + tag, "archived=true", "count=exact"} {
		a := stranger.Get("/v1/contacts?" + q).Is(200)
		require.Empty(t, a.Data(), q)
		if n, ok := a.JSON()["total_count"]; ok {
			require.EqualValues(t, 0, n)
		}
	}
	mine := person("Autre", "Personne")
	mine["tag_ids"] = []string{tag}
	stranger.Post("/v1/contacts", mine).Problem(422, "invalid")
	// The same external id is another one elsewhere.
	require.NotEqual(t, contact, stranger.Patch("/v1/contacts/by-external-id/b/1", person("Zoë", "Noël")).Is(201).ID())
	require.Equal(t, "Noël", app.Get("/v1/contacts/" + contact).Is(200).JSON()["family_name"])
}

// The function that finds candidates runs with another role's rights; its own
// wall holds whatever it is asked.
func TestFindingKeepsTheWall(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	one(app.Client)
	const find = "select contact_id from find_contacts($1, '{noel}', '{\"{s:nol,d:noel}\"}', 'noel')"
	count := func(scope uuid.UUID) int {
		rows, err := app.App.DB.Tenant(scope).Query(t.Context(), find, app.Tenant)
		require.NoError(t, err)
		found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		require.NoError(t, err)
		return len(found)
	}
	require.Equal(t, 1, count(app.Tenant))
	require.Equal(t, 0, count(uuid.New()), "asked for another tenant than that of the scope")
	var n int
	require.NoError(t, app.App.DB.Pool().QueryRow(t.Context(), "select count(*) from find_contacts($1, '{noel}', '{\"{d:noel}\"}', 'noel')", app.Tenant).Scan(&n))
	require.Zero(t, n, "without any scope")
}
