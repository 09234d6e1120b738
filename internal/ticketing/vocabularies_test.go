package ticketing_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

const (
	vocabularies = "/v1/ticketing/vocabularies"
	mappings     = "/v1/ticketing/mappings"
)

func mapped(field, value, term string, more m) m {
	out := m{"vocabulary": "disciplines", "field": field, "value": value, "term_id": term, "term_label": m{"fr": "Terme " + term}}
	maps.Copy(out, more)
	return out
}

// stands are the terms of a record, as field, value, vocabulary and term.
func stands(record m) (out []any) {
	for _, x := range record["terms"].([]any) {
		out = append(out, []any{x.(m)["field"], x.(m)["value"], x.(m)["vocabulary"], x.(m)["term_id"]})
	}
	return out
}

func TestVocabulariesAreRegistered(t *testing.T) {
	t.Parallel()
	app := institution(t)
	v := app.Post(vocabularies, m{"code": "disciplines", "name": "Disciplines", "uri": "https://vocabulaires.example/d", "edition": "2026-1"}).Is(201).JSON()
	require.Equal(t, []any{"ticketing_vocabulary", "disciplines", "2026-1", nil, 1.0}, []any{v["object"], v["code"], v["edition"], v["description"], v["version"]})
	app.Post(vocabularies, m{"code": "disciplines", "name": "X"}).Problem(409, "ticketing-vocabulary-code-taken")
	app.Post(vocabularies, m{"code": "Bad Code", "name": "X"}).Problem(400, "invalid-request")
	at := vocabularies + "/" + v["id"].(string)
	after := app.Patch(at, m{"edition": "2026-2", "uri": nil}).Is(200).JSON()
	require.Equal(t, []any{"2026-2", nil, 2.0}, []any{after["edition"], after["uri"], after["version"]})
	require.Equal(t, 2.0, app.Patch(at, m{"edition": "2026-2"}).Is(200).JSON()["version"])
	app.Patch(at, m{"name": "Y"}, parvistest.IfMatch(`"1"`)).Problem(412, "stale-version")
	app.Patch(at, m{"code": "y"}).Problem(400, "invalid-request")
	app.Post(vocabularies, m{"code": "lieux", "name": "Lieux"}).Is(201)
	require.Len(t, app.Get(vocabularies).Data(), 2)
	require.Len(t, app.Get(vocabularies+"?code=lieux").Data(), 1)
	app.Post(mappings, mapped("discipline", "theatre", "D-01", nil)).Is(201)
	app.Delete(at).Problem(428, "precondition-required")
	app.Delete(at, parvistest.IfMatch(`"2"`)).Problem(409, "ticketing-vocabulary-in-use")
	lieux := app.Get(vocabularies + "?code=lieux").Data()[0]
	app.Delete(vocabularies+"/"+lieux["id"].(string), parvistest.IfMatch(`"1"`)).Is(204)
	app.Get(vocabularies+"/"+lieux["id"].(string)).Problem(404, "not-found")
	require.Equal(t, map[string]int{"ticketing.vocabulary.created": 2, "ticketing.vocabulary.updated": 1, "ticketing.vocabulary.deleted": 1}, eventTypes(t, app, "ticketing.vocabulary.*"))
}

func TestValuesStandForTermsAndStayAsTheyAre(t *testing.T) {
	t.Parallel()
	app := institution(t)
	for _, code := range []string{"disciplines", "lieux"} {
		app.Post(vocabularies, m{"code": code, "name": code}).Is(201)
	}
	app.Post("/v1/ticketing/sources", m{"code": "revendeur", "name": "Revendeur", "kind": "generic"}).Is(201)
	send(app.Client,
		record("production", "piece", t1, m{"name": m{"fr": "Pièce"}, "discipline": "theatre", "season": "2026-2027", "festival": "Automne"}),
		record("production", "danse", t1, m{"name": m{"fr": "Danse"}, "discipline": "danse"}),
		record("performance", "soir", t1, m{"production": "piece", "venue": "salle"}),
		record("venue", "salle", t1, m{"name": m{"fr": "Grande salle", "en": "Main hall"}}),
		record("price_type", "p1", t1, m{"name": m{"fr": "Tarif jeune"}, "audience": "moins de 26 ans"}))
	app.Put("/v1/ticketing/sources/revendeur/records/production/p", m{"source_version": 1, "data": m{"name": m{"fr": "Pièce"}, "discipline": "theatre"}}).Is(200)

	all := app.Post(mappings, mapped("discipline", "theatre", "D-01", m{"term_uri": "https://vocabulaires.example/d/01"})).Is(201).JSON()
	require.Equal(t, []any{"ticketing_mapping", "disciplines", nil, nil, "discipline", "theatre", "D-01", m{"fr": "Terme D-01"}}, []any{all["object"], all["vocabulary"], all["source"], all["source_id"], all["field"], all["value"], all["term_id"], all["term_label"]})
	p := at(app.Client, "production", "piece")
	require.Equal(t, []any{[]any{"discipline", "theatre", "disciplines", "D-01"}}, stands(p))
	require.Equal(t, []any{"theatre", 2.0}, []any{p["discipline"], p["version"]}, "the source's own word stays, and the record is another version")
	require.Equal(t, []any{1.0, []any{}}, []any{at(app.Client, "production", "danse")["version"], at(app.Client, "production", "danse")["terms"]})
	// That of one source goes before that of all.
	mine := app.Post(mappings, mapped("discipline", "theatre", "D-02", m{"source": "principale"})).Is(201).JSON()
	require.Equal(t, "principale", mine["source"])
	require.Equal(t, []any{[]any{"discipline", "theatre", "disciplines", "D-02"}}, stands(at(app.Client, "production", "piece")))
	theirs := app.Get("/v1/ticketing/productions?source=revendeur").Data()[0]
	require.Equal(t, []any{[]any{"discipline", "theatre", "disciplines", "D-01"}}, stands(theirs))
	// Several vocabularies beside each other; names at the source and names by language.
	app.Post(mappings, mapped("discipline", "theatre", "T", m{"vocabulary": "lieux"})).Is(201)
	app.Post(mappings, mapped("venue", "Main hall", "L-9", m{"vocabulary": "lieux"})).Is(201)
	app.Post(mappings, mapped("price_type", "Tarif jeune", "P-3", nil)).Is(201)
	app.Post(mappings, mapped("audience", "moins de 26 ans", "A-1", nil)).Is(201)
	require.Equal(t, []any{[]any{"discipline", "theatre", "disciplines", "D-02"}, []any{"discipline", "theatre", "lieux", "T"}}, stands(at(app.Client, "production", "piece")))
	require.Equal(t, []any{[]any{"venue", "Main hall", "lieux", "L-9"}}, stands(at(app.Client, "venue", "salle")))
	require.Empty(t, stands(at(app.Client, "performance", "soir")), "a performance has no more than the name at the source")
	app.Post(mappings, mapped("venue", "salle", "L-1", m{"vocabulary": "lieux"})).Is(201)
	require.Equal(t, []any{[]any{"venue", "salle", "lieux", "L-1"}}, stands(at(app.Client, "venue", "salle")))
	require.Equal(t, []any{[]any{"venue", "salle", "lieux", "L-1"}}, stands(at(app.Client, "performance", "soir")))
	require.Equal(t, []any{[]any{"price_type", "Tarif jeune", "disciplines", "P-3"}, []any{"audience", "moins de 26 ans", "disciplines", "A-1"}}, stands(at(app.Client, "price_type", "p1")))
	require.Len(t, stands(app.Get("/v1/ticketing/price-types").Data()[0]), 2)

	require.Len(t, app.Get(mappings).Data(), 7)
	require.Len(t, app.Get(mappings+"?source=principale").Data(), 1)
	require.Len(t, app.Get(mappings+"?vocabulary=lieux&field=venue&term_id=L-9").Data(), 1)
	require.Len(t, app.Get(mappings+"?value=theatre").Data(), 3)

	url := mappings + "/" + mine["id"].(string)
	require.Equal(t, []any{"D-05", 2.0}, func() []any {
		x := app.Patch(url, m{"term_id": "D-05"}).Is(200).JSON()
		return []any{x["term_id"], x["version"]}
	}())
	require.Equal(t, 2.0, app.Patch(url, m{"term_id": "D-05"}).Is(200).JSON()["version"])
	app.Patch(url, m{"term_id": "D-06"}, parvistest.IfMatch(`"1"`)).Problem(412, "stale-version")
	app.Patch(url, m{"value": "x"}).Problem(400, "invalid-request")
	app.Delete(url).Problem(428, "precondition-required")
	app.Delete(url, parvistest.IfMatch(`"2"`)).Is(204)
	require.Equal(t, []any{"discipline", "theatre", "disciplines", "D-01"}, stands(at(app.Client, "production", "piece"))[0])
	require.Equal(t, all["id"], app.Post(mappings, mapped("discipline", "theatre", "D-09", nil)).Problem(409, "ticketing-value-mapped")["existing_id"])
	app.Post(mappings, mapped("discipline", "x", "D", m{"vocabulary": "nowhere"})).Problem(422, "invalid")
	app.Post(mappings, mapped("discipline", "x", "D", m{"source": "nowhere"})).Problem(422, "invalid")
	app.Post(mappings, mapped("genre", "x", "D", nil)).Problem(400, "invalid-request")
	// Each change of what a record stands for is told of the record.
	types := eventTypes(t, app, "ticketing.*")
	require.Equal(t, []int{7, 1, 2, 2}, []int{types["ticketing.production.updated"], types["ticketing.performance.updated"], types["ticketing.venue.updated"], types["ticketing.price_type.updated"]}, "%v", types)
}

func TestManyValuesAreMappedAtOnce(t *testing.T) {
	t.Parallel()
	app := institution(t)
	app.Post(vocabularies, m{"code": "disciplines", "name": "Disciplines"}).Is(201)
	send(app.Client, record("production", "piece", t1, m{"name": m{"fr": "Pièce"}, "discipline": "theatre"}))
	outcome := func(items ...m) (out []string) {
		answer := app.Post(mappings+"/batch", m{"items": items}).Is(207).JSON()
		for _, r := range answer["results"].([]any) {
			x := r.(m)
			out = append(out, fmt.Sprint(x["status"], " ", x["result"]))
		}
		return out
	}
	incomplete := mapped("discipline", "cirque", "", nil)
	delete(incomplete, "term_id")
	require.Equal(t, []string{"201 created", "201 created", "422 <nil>", "422 <nil>", "200 unchanged", "200 updated"}, outcome(
		mapped("discipline", "theatre", "D-01", nil), mapped("discipline", "danse", "D-02", m{"source": "principale"}), incomplete,
		mapped("discipline", "x", "D", m{"vocabulary": "nowhere"}), mapped("discipline", "theatre", "D-01", nil), mapped("discipline", "danse", "D-03", m{"source": "principale"})))
	require.Equal(t, []any{[]any{"discipline", "theatre", "disciplines", "D-01"}}, stands(at(app.Client, "production", "piece")))
	require.Equal(t, 2.0, at(app.Client, "production", "piece")["version"])
	gone := m{"op": "delete", "vocabulary": "disciplines", "field": "discipline", "value": "theatre"}
	require.Equal(t, []string{"200 deleted", "200 unchanged"}, outcome(gone, gone))
	require.Empty(t, stands(at(app.Client, "production", "piece")))
	failed := app.Post(mappings+"/batch", m{"items": []m{incomplete}}).JSON()["results"].([]any)[0].(m)["problem"].(m)
	require.Equal(t, "#/items/0/term_id", failed["errors"].([]any)[0].(m)["pointer"])
	app.Post(mappings+"/batch", m{"items": []m{}}).Problem(400, "invalid-request")
	require.Equal(t, []string{"400 <nil>", "201 created", "400 <nil>"}, outcome(mapped("genre", "x", "D", nil), mapped("discipline", "marionnette", "D-07", nil), m{"field": 7}), "an item that cannot be read fails alone")

	// Mappings of a source go with it.
	app.Post("/v1/ticketing/sources", m{"code": "vide", "name": "Vide", "kind": "csv"}).Is(201)
	app.Post(mappings, mapped("discipline", "opera", "D-04", m{"source": "vide"})).Is(201)
	app.Delete("/v1/ticketing/sources/vide", parvistest.IfMatch(`"1"`)).Is(204)
	require.Empty(t, app.Get(mappings+"?value=opera").Data())
}
