package contacts_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestSearch(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for _, p := range [][2]string{
		{"Zoë", "Noël"}, {"Marie", "Dupond"}, {"Marie", "Dupont"}, {"Paul", "Lefèvre"}, {"Paul", "Lefebvre"}, {"Anne", "de Saint-Exupéry"},
		{"Luc", "St-Martin"}, {"Jean", "Gautier"}, {"Jeanne", "Gauthier"}, {"Élodie", "Thomas"}, {"Chloé", "Tomas"}, {"François", "Müller"}, {"Yves", "Le Goff"},
	} {
		app.Post("/v1/contacts", person(p[0], p[1])).Is(201)
	}
	app.Post("/v1/contacts", object{
		"kind": "organisation", "legal_name": "Théâtre de l'Œuvre", "siret": "73282932000074", "external_ids": []object{{"source": "compta", "external_id": "C-0042"}},
		"contact_points": []object{{"kind": "email", "value": "accueil@oeuvre.example"}, {"kind": "phone", "value": "01 99 00 43 21"}},
	}).Is(201)
	find := func(q string) []string {
		out := []string{}
		for _, c := range app.Get("/v1/contacts?q=" + url.QueryEscape(q)).Is(200).Data() {
			out = append(out, c["display_name"].(string))
		}
		return out
	}
	for _, c := range []struct {
		q    string
		best string   // comes first
		also []string // are there
	}{
		{"zoe noel", "Zoë Noël", nil},
		{"NOËL Zoé", "Zoë Noël", nil},
		{"dupont", "Marie Dupont", []string{"Marie Dupond"}},
		{"dupond", "Marie Dupond", []string{"Marie Dupont"}},
		{"lefevre", "Paul Lefèvre", []string{"Paul Lefebvre"}},
		{"Lefebvre", "Paul Lefebvre", []string{"Paul Lefèvre"}},
		{"St Exupery", "Anne de Saint-Exupéry", nil},
		{"saint martin", "Luc St-Martin", nil},
		{"gotier", "", []string{"Jean Gautier", "Jeanne Gauthier"}},
		{"thomas", "Élodie Thomas", []string{"Chloé Tomas"}},
		{"dupnot marie", "", []string{"Marie Dupont"}}, // exchanged letters
		{"exupry", "Anne de Saint-Exupéry", nil},       // one missing
		{"mulller francois", "François Müller", nil},   // one too many
		{"legoff", "", nil},
		{"le gof", "Yves Le Goff", nil},
		{"theatre oeuvr", "Théâtre de l'Œuvre", nil},
		{"accueil@oeuvre", "Théâtre de l'Œuvre", nil},
		{"ACCUEIL@oeuvre.example", "Théâtre de l'Œuvre", nil},
		{"+33 (0)1 99 00 43 21", "Théâtre de l'Œuvre", nil},
		{"0199 00", "Théâtre de l'Œuvre", nil},
		{"732 829 320 00074", "Théâtre de l'Œuvre", nil},
		{"C-0042", "Théâtre de l'Œuvre", nil},
		{"no", "Zoë Noël", nil},
	} {
		got := find(c.q)
		if c.best != "" {
			require.NotEmpty(t, got, c.q)
			require.Equal(t, c.best, got[0], "%s: %v", c.q, got)
		}
		for _, name := range c.also {
			require.Contains(t, got, name, c.q)
		}
	}
	require.Empty(t, find("xyzzy qqq"))
	require.Empty(t, find("'; drop table contacts; --"))
	require.Empty(t, find("%_%"))
	require.NotContains(t, find("dupont"), "Yves Le Goff")
	require.Len(t, app.Get("/v1/contacts?q=marie&sort=name&kind=person&count=exact").Is(200).Data(), 2)
	require.Len(t, app.Post("/v1/contacts/search", object{"q": "marie", "filter": object{"field": "family_name", "op": "eq", "value": "Dupond"}}).Is(200).Data(), 1)

	// A changed name is found by its new form and no longer by its old one.
	id := app.Get("/v1/contacts?q=noel").Data()[0]["id"].(string)
	app.Patch("/v1/contacts/"+id, object{"family_name": "Kerguelen"}).Is(200)
	require.Equal(t, []string{"Zoë Kerguelen"}, find("kergelen"))
	require.Empty(t, find("noel"))
}

func TestSearchIsWalkedToItsEnd(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	items := []object{}
	for i := range 70 {
		items = append(items, object{"op": "create", "body": person(fmt.Sprintf("Prénom%c%c", 'a'+i%26, 'a'+i/26), "Martin")})
	}
	app.Post("/v1/contacts/batch", object{"items": items}).Is(207)
	seen := map[string]int{}
	for _, c := range app.Walk("/v1/contacts?q=martin&limit=9") {
		seen[c["id"].(string)]++
	}
	require.Len(t, seen, 70)
	for id, n := range seen {
		require.Equal(t, 1, n, id)
	}
}

// Names are what people wrote, and some wrote no letter.
func TestNamesWithoutALetterAreKept(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for _, name := range []string{"?", "-", "***", "\U0001f600", "\u200b."} {
		id := app.Post("/v1/contacts", object{"kind": "person", "family_name": name}).Is(201).ID()
		app.Patch("/v1/contacts/"+id, object{"family_name": "Ortega"}).Is(200)
		app.Patch("/v1/contacts/"+id, object{"family_name": name}).Is(200)
		require.Empty(t, app.Get("/v1/contacts?q="+url.QueryEscape(name)).Is(200).Data())
	}
	require.Empty(t, app.Get("/v1/contacts?q=ortega").Is(200).Data())
	require.Len(t, app.Get("/v1/contacts?sort=name").Is(200).Data(), 5)
}
