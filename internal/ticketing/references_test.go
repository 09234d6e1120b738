package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func reference(scheme, id string) m { return m{"scheme": scheme, "id": id} }

// said are the references of a record, as scheme, identifier and who says so.
func said(record m) (out []any) {
	for _, r := range record["references"].([]any) {
		x := r.(m)
		out = append(out, []any{x["scheme"], x["id"], x["origin"]})
	}
	return out
}

func TestReferencesOfTheSourceAndOfTheInstitution(t *testing.T) {
	t.Parallel()
	app := institution(t)
	piece := func(when string, references ...m) m {
		return record("production", "piece", when, m{"name": m{"fr": "Pièce"}, "references": append([]m{}, references...)})
	}
	send(app.Client, piece(t1, reference("isni", "0000000121032683"), m{"scheme": "bnf", "id": "12345", "uri": "https://data.bnf.example/12345"}))
	p := at(app.Client, "production", "piece")
	require.Equal(t, []any{[]any{"bnf", "12345", "source"}, []any{"isni", "0000000121032683", "source"}}, said(p))
	require.Equal(t, "https://data.bnf.example/12345", p["references"].([]any)[0].(m)["uri"])

	url := "/v1/ticketing/productions/" + p["id"].(string)
	set := m{"references": []m{reference("wikidata", "Q1234567"), reference("isni", "0000000121032683")}}
	after := app.Patch(url, set, parvistest.IfMatch(`"1"`)).Is(200).JSON()
	require.Equal(t, []any{[]any{"bnf", "12345", "source"}, []any{"isni", "0000000121032683", "source"}, []any{"wikidata", "Q1234567", "institution"}}, said(after))
	require.Equal(t, 2.0, after["version"])
	require.Equal(t, 2.0, app.Patch(url, set).Is(200).JSON()["version"], "nothing changed")
	app.Patch(url, m{"references": []m{}}, parvistest.IfMatch(`"1"`)).Problem(412, "stale-version")

	// What the source says later leaves alone what the institution says.
	send(app.Client, piece(t2, reference("bnf", "99")))
	require.Equal(t, []any{[]any{"bnf", "99", "source"}, []any{"isni", "0000000121032683", "institution"}, []any{"wikidata", "Q1234567", "institution"}}, said(at(app.Client, "production", "piece")))
	found := func(list, wanted string) int {
		return len(app.Get("/v1/ticketing/" + list + "?reference=" + wanted).Is(200).Data())
	}
	require.Equal(t, []int{1, 0, 1, 0}, []int{found("productions", "bnf:99"), found("productions", "bnf:12345"), found("productions", "wikidata:Q1234567"), found("productions", "wikidata:Q12345")})
	send(app.Client, piece(t3))
	require.Equal(t, 0, found("productions", "bnf:99"), "what is left out is gone")
	require.Equal(t, []int{3}, []int{eventTypes(t, app, "ticketing.production.updated")["ticketing.production.updated"]})

	app.Patch(url, m{"references": []m{reference("isni", "1"), reference("isni", "1")}}).Problem(422, "invalid")
	app.Patch(url, m{"references": []m{reference("ISNI", "1")}}).Problem(400, "invalid-request")
	app.Patch(url, m{"name": "X"}).Problem(400, "invalid-request")
	app.Get("/v1/ticketing/productions?reference=isni").Problem(400, "invalid-request")
	require.Equal(t, []any{"failed"}, statuses(send(app.Client, piece("2027-01-01T00:00:00Z", reference("isni", "1"), reference("isni", "1")))))
}

func TestReferencesJoinWhatSeveralSourcesTell(t *testing.T) {
	t.Parallel()
	app := institution(t)
	app.Post("/v1/ticketing/sources", m{"code": "revendeur", "name": "Revendeur", "kind": "generic"}).Is(201)
	hall := func(source, name string, data m) {
		data["name"] = m{"fr": name}
		app.Put("/v1/ticketing/sources/"+source+"/records/venue/"+name, m{"source_version": 1, "data": data}).Is(200)
	}
	hall("principale", "salle", m{"siret": "73282932000074"})
	hall("revendeur", "grande-salle", m{"references": []m{reference("siret", "73282932000074")}})
	require.Len(t, app.Get("/v1/ticketing/venues?reference=siret:73282932000074").Data(), 2)
	require.Len(t, app.Get("/v1/ticketing/venues?reference=siret:73282932000074&source=revendeur").Data(), 1)
	page := app.Get("/v1/ticketing/venues?reference=siret:73282932000074&limit=1").JSON()
	require.Len(t, app.Get("/v1/ticketing/venues?reference=siret:73282932000074&limit=1&cursor="+page["next_cursor"].(string)).Data(), 1)

	app.Put(base+"/records/performance/soir", m{"source_version": 1, "data": m{"venue": "salle", "starts_at": "2026-12-04T20:00:00+01:00", "references": []m{reference("agenda", "e:7")}}}).Is(200)
	app.Put(base+"/records/performance/veille", m{"source_version": 1, "data": m{"venue": "salle", "starts_at": "2026-12-03T20:00:00+01:00"}}).Is(200)
	app.Patch("/v1/ticketing/performances/"+at(app.Client, "performance", "veille")["id"].(string), m{"references": []m{reference("agenda", "e:7")}}).Is(200)
	both := app.Get("/v1/ticketing/performances?reference=agenda:e:7").Is(200).Data()
	require.Equal(t, []any{"veille", "soir"}, []any{both[0]["external_id"], both[1]["external_id"]})
	require.Len(t, app.Get("/v1/ticketing/performances?reference=agenda:e:7&starts_at_gte=2026-12-04T00:00:00Z").Data(), 1)
	venue := app.Patch("/v1/ticketing/venues/"+at(app.Client, "venue", "salle")["id"].(string), m{"references": []m{reference("data-culture", "L-12")}}).Is(200).JSON()
	require.Equal(t, []any{[]any{"siret", "73282932000074", "source"}, []any{"data-culture", "L-12", "institution"}}, said(venue))
	// A vanished record is not found under its names.
	app.Delete(base + "/records/venue/salle?source_version=9").Is(200)
	require.Empty(t, app.Get("/v1/ticketing/venues?reference=data-culture:L-12").Data())
}
