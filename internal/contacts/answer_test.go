package contacts_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// A contact is written in two ways, by the generated type and straight from its
// row; nobody may be able to tell which.
func TestBothWaysOfWritingAContactAgree(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	strange := "Zoë <b>&\"\\ \t\n\u0001\u007f\u2028\u2029 💃 é ﷽"
	made := []object{
		{"kind": "person", "civility": "mrs", "title": strange, "given_name": strange, "given_names": "Zoë, Anne", "family_name": "Noël", "birth_name": "L’Œuvre",
			"particle": "d’", "name_suffix": "fille", "nickname": "Zaza", "birthdate": "1904-02-29", "website": "https://zoe.example/?a=1&b=<2>", "locale": "fr-FR",
			"zoneinfo": "Europe/Paris"},
		{"kind": "organisation", "legal_name": "Théâtre", "trade_name": strings.Repeat("é", 240), "organisation_type": "association", "siret": "73282932000074", "rna": "W751234567"},
		{"kind": "person", "nickname": "x"},
	}
	var ids []string
	for i, body := range made {
		answer := app.Post("/v1/contacts", body).Is(201)
		ids = append(ids, answer.ID())
		if i == 0 {
			answer = app.Post("/v1/contacts/"+answer.ID()+"/archive", nil, parvistest.IfMatch(answer.ETag())).Is(200)
		}
		read := app.Get("/v1/contacts/" + answer.ID()).Is(200)
		require.Equal(t, string(answer.Body), string(read.Body))
		require.Equal(t, answer.ETag(), read.ETag())
	}
	for _, ask := range []string{"archived=true", "archived=true&limit=2", "archived=true&limit=3", "archived=only", "archived=true&sort=name&limit=1", "q=theatre", "name_prefix=none"} {
		fast, slow := app.Get("/v1/contacts?"+ask).Is(200), app.Get("/v1/contacts?count=exact&"+ask).Is(200)
		counted := slow.JSON()["total_count"]
		plain := strings.Replace(string(slow.Body), fmt.Sprintf(`,"total_count":%v,"total_count_kind":"exact"`, counted), "", 1)
		require.Equal(t, plain, string(fast.Body))
		require.Equal(t, strings.Contains(slow.Header.Get("Link"), "next"), strings.Contains(fast.Header.Get("Link"), "next"))
		var walked []string
		for _, c := range app.Walk("/v1/contacts?" + strings.Replace(ask, "limit=3", "limit=1", 1)) {
			walked = append(walked, c["id"].(string))
		}
		if strings.Contains(ask, "archived=true") {
			require.ElementsMatch(t, ids, walked)
		}
	}
}
