package contacts_test

import (
	"fmt"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

type object = map[string]any

func person(given, family string) object {
	return object{"kind": "person", "given_name": given, "family_name": family}
}

// A contact without a name goes by what it has now. What was corrected, taken away
// or unlinked neither names it nor finds it.
func TestAContactWithoutANameGoesByWhatItHas(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	id := app.Post("/v1/contacts", object{"kind": "person", "family_name": "Orsini", "external_ids": []object{{"source": "site", "external_id": "b"}, {"source": "caisse", "external_id": "z"}},
		"contact_points": []object{{"kind": "email", "value": "faute@example.org"}, {"kind": "phone", "value": "+33612345678"}}}).Is(201).ID()
	at := "/v1/contacts/" + id
	goesBy := func(want, found string, gone ...string) {
		t.Helper()
		c := app.Get(at).Is(200).JSON()
		require.Equal(t, want, c["display_name"])
		require.Equal(t, id, app.Get("/v1/contacts?q=" + url.QueryEscape(found)).Data()[0]["id"])
		for _, q := range gone {
			require.Empty(t, app.Get("/v1/contacts?q="+url.QueryEscape(q)).Data(), q)
		}
		parvistest.Eventually(t, "whoever follows the log is told", func() bool {
			told := app.Get("/v1/events?types=contact.updated&limit=1000").Data()
			return len(told) > 0 && told[len(told)-1]["data"].(object)["version"] == c["version"]
		})
	}
	points := app.Get(at + "/contact-points").Data()
	app.Patch(at, object{"family_name": nil}).Is(200)
	goesBy("faute@example.org", "faute", "orsini")
	first := at + "/contact-points/" + points[0]["id"].(string)
	app.Patch(first, object{"value": "juste@example.org"}).Is(200)
	goesBy("juste@example.org", "juste", "faute", "orsini")
	app.Delete(first, parvistest.IfMatch(app.Get(first).ETag())).Is(204)
	goesBy("+33612345678", "33612345678", "juste")
	second := at + "/contact-points/" + points[1]["id"].(string)
	app.Delete(second, parvistest.IfMatch(app.Get(second).ETag())).Is(204)
	goesBy("caisse:z", "caisse", "33612345678")
	app.Delete(at + "/external-ids/caisse/z").Is(204)
	goesBy("site:b", "site", "caisse")
	app.Delete(at + "/external-ids/site/b").Is(204)
	goesBy("Sans nom", "sans nom", "site")
	app.Put(at+"/external-ids/caisse/a", nil).Is(200)
	goesBy("caisse:a", "caisse", "sans nom")
	version := app.Get(at).JSON()["version"]
	label := app.Post(at+"/contact-points", object{"kind": "email", "value": "neuve@example.org"}).Is(201)
	goesBy("neuve@example.org", "neuve", "caisse")
	app.Patch(at+"/contact-points/"+label.ID(), object{"label": "home"}).Is(200)
	require.EqualValues(t, version.(float64)+1, app.Get(at).JSON()["version"], "what changes no name makes no version")
	app.Patch(at, object{"given_name": "Ana"}).Is(200)
	goesBy("Ana", "ana", "neuve")

	only := app.Post("/v1/contacts", object{"kind": "person", "family_name": "Seule"}).Is(201).ID()
	app.Patch("/v1/contacts/"+only, object{"family_name": nil}).Problem(422, "invalid")
	same := app.Patch("/v1/contacts/by-external-id/caisse/a", object{"given_name": nil, "contact_points": []object{{"kind": "email", "value": "autre@example.org"}}}).Is(200)
	require.Equal(t, "neuve@example.org", same.JSON()["display_name"])
	require.Equal(t, same.ETag(), app.Get(at).ETag())
}

func TestWhatLooksRightAndIsNot(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	code := func(a *parvistest.Answer) any { return a.Problem(422, "invalid")["errors"].([]any)[0].(object)["code"] }
	for _, invisible := range []string{"\u200b", "\ufeff", "\u200d \u2060", "\u0301"} {
		require.Equal(t, "name-required", code(app.Post("/v1/contacts", object{"kind": "person", "family_name": invisible})), "%q", invisible)
	}
	app.Post("/v1/contacts", object{"kind": "person", "family_name": "🦊"}).Is(201)
	for _, website := range []string{"http://[::1", "https://", "http:///x", "ftp://example.org"} {
		require.Equal(t, "format", code(app.Post("/v1/contacts", object{"kind": "organisation", "legal_name": "X", "website": website})), website)
	}
	id := app.Post("/v1/contacts", person("Ana", "Orsini")).Is(201).ID()
	for _, country := range []string{"UK", "AN", "YU", "ZZ", "EU"} {
		require.Equal(t, "unknown-country", code(app.Post("/v1/contacts/"+id+"/addresses", object{"city": "X", "country": country})), country)
	}
	for _, country := range []string{"GB", "BQ", "MQ", "CH", "XK"} {
		app.Post("/v1/contacts/"+id+"/addresses", object{"city": country, "country": country}).Is(201)
	}
}

func TestContactLife(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	tag := app.Post("/v1/tags", object{"name": "Ami du théâtre"}).Is(201).ID()
	made := app.Post("/v1/contacts", object{
		"kind": "person", "given_name": "Zoë", "family_name": "Noël", "birthdate": "1984-02-29", "locale": "fr-FR", "zoneinfo": "Europe/Paris",
		"contact_points": []object{{"kind": "email", "value": "Zoe.Noel@Exämple.org"}, {"kind": "phone", "value": "01 99 00 12 34"}},
		"addresses":      []object{{"street": "12 bis rue de l'Église", "postal_code": "69001", "city": "Lyon"}},
		"external_ids":   []object{{"source": "billetterie", "external_id": "42"}}, "tag_ids": []string{tag},
	}).Is(201)
	id := made.ID()
	require.Equal(t, "/v1/contacts/"+id, made.Header.Get("Location"))
	require.Equal(t, `"1"`, made.ETag())
	require.Equal(t, "Zoë Noël", made.JSON()["display_name"])
	require.Nil(t, made.JSON()["contact_points"])

	full := app.Get("/v1/contacts/" + id + "?expand=contact_points,addresses,tags,external_ids").Is(200)
	require.Equal(t, "zoe.noel@xn--exmple-cua.org", full.JSON()["contact_points"].([]any)[0].(object)["normalized"])
	require.Equal(t, []any{"Zoë Noël", "12 BIS RUE DE L EGLISE", "69001 LYON"}, full.JSON()["addresses"].([]any)[0].(object)["postal_lines"])
	require.Equal(t, "Ami du théâtre", full.JSON()["tags"].([]any)[0].(object)["name"])
	require.Equal(t, "42", full.JSON()["external_ids"].([]any)[0].(object)["external_id"])

	// What is expanded counts for the 304, and its ETag is good for If-Match.
	same := parvistest.Header("If-None-Match", full.ETag())
	app.Get("/v1/contacts/"+id+"?expand=contact_points,addresses,tags,external_ids", same).Is(304)
	point := full.JSON()["contact_points"].([]any)[1].(object)["id"].(string)
	app.Patch("/v1/contacts/"+id+"/contact-points/"+point, object{"label": "home"}).Is(200)
	app.Get("/v1/contacts/"+id+"?expand=contact_points,addresses,tags,external_ids", same).Is(200)
	app.Patch("/v1/contacts/"+id, object{"title": "Dr"}, parvistest.IfMatch(full.ETag())).Is(200)

	// Merge patch: absent stays, null empties, a value is set.
	patched := app.Patch("/v1/contacts/"+id, object{"nickname": "Zaza", "birthdate": nil}).Is(200).JSON()
	require.Equal(t, "Zaza", patched["nickname"])
	require.Nil(t, patched["birthdate"])
	require.Equal(t, "Noël", patched["family_name"])
	require.EqualValues(t, 3, patched["version"])
	app.Patch("/v1/contacts/"+id, object{"nickname": "Zaza"}).Is(200)
	require.Equal(t, `"3"`, app.Get("/v1/contacts/"+id).ETag(), "what is so already makes no version")
	app.Patch("/v1/contacts/"+id, object{"legal_name": "X"}).Problem(422, "invalid")
	app.Patch("/v1/contacts/"+id, object{"nickname": "Z"}, parvistest.IfMatch(`"1"`)).Problem(412, "stale-version")

	// The trash gives back exactly what went in.
	before := app.Get("/v1/contacts/" + id + "?expand=contact_points,addresses,tags,external_ids").JSON()
	app.Post("/v1/contacts/"+id+"/archive", nil).Problem(428, "precondition-required")
	archived := app.Post("/v1/contacts/"+id+"/archive", nil, parvistest.IfMatch(`"3"`)).Is(200).JSON()
	require.NotNil(t, archived["archived_at"])
	require.NotNil(t, archived["purge_after"])
	require.Empty(t, app.Get("/v1/contacts").Data())
	require.Len(t, app.Get("/v1/contacts?archived=only").Data(), 1)
	require.Len(t, app.Get("/v1/contacts?archived=true").Data(), 1)
	app.Post("/v1/contacts/"+id+"/restore", nil).Is(200)
	after := app.Get("/v1/contacts/" + id + "?expand=contact_points,addresses,tags,external_ids").JSON()
	for _, volatile := range []string{"version", "updated_at"} {
		delete(before, volatile)
		delete(after, volatile)
	}
	require.Equal(t, before, after)
	only := app.Get("/v1/contacts/" + id + "?fields=display_name").Is(200).JSON()
	require.Len(t, only, 3)
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for place, body := range map[string]object{
		"#":                         {"kind": "person"},
		"#/siret":                   {"kind": "organisation", "legal_name": "X", "siret": "35600000049838"},
		"#/siren":                   {"kind": "organisation", "legal_name": "X", "siren": "123456789"},
		"#/rna":                     {"kind": "organisation", "legal_name": "X", "rna": "123"},
		"#/zoneinfo":                {"kind": "person", "given_name": "X", "zoneinfo": "Mars/Olympus"},
		"#/locale":                  {"kind": "person", "given_name": "X", "locale": "!!"},
		"#/contact_points/0/value":  {"kind": "person", "contact_points": []object{{"kind": "email", "value": "a@b"}}},
		"#/contact_points/1/value":  {"kind": "person", "contact_points": []object{{"kind": "phone", "value": "0199001234"}, {"kind": "phone", "value": "+33 (0)1 99 00 12 34"}}},
		"#/addresses/0/postal_code": {"kind": "person", "given_name": "X", "addresses": []object{{"postal_code": "1"}}},
		"#/tag_ids/0":               {"kind": "person", "given_name": "X", "tag_ids": []string{"0199c0de-7b11-7e0a-9d1f-5b8f0a3b9e07"}},
		"#/civility":                {"kind": "organisation", "legal_name": "X", "civility": "mr"},
	} {
		app.Post("/v1/contacts", body).Problem(422, "invalid")
		app.Post("/v1/contacts", body).Points(place)
	}
	app.Post("/v1/contacts", object{"kind": "organisation", "legal_name": "La Poste", "siret": "356 000 000 49837"}).Is(201)
	app.Post("/v1/contacts", person("A", "B"), parvistest.Header("Idempotency-Key", "")).Problem(400, "idempotency-key-required")
	app.Post("/v1/contacts", object{"kind": "person", "civility": "lord"}).Problem(400, "invalid-request")
}

func TestExternalIDBelongsToOne(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	body := person("Ana", "Costa")
	body["external_ids"] = []object{{"source": "b", "external_id": "1"}}
	first := app.Post("/v1/contacts", body).Is(201).ID()
	require.Equal(t, first, app.Post("/v1/contacts", body).Problem(409, "already-exists")["existing_id"])
	second := app.Post("/v1/contacts", person("Ana", "Costa")).Is(201).ID()
	require.Equal(t, first, app.Put("/v1/contacts/"+second+"/external-ids/b/1", nil).Problem(409, "already-exists")["existing_id"])
	app.Put("/v1/contacts/"+second+"/external-ids/b/x%2Fy", nil).Is(200)
	app.Put("/v1/contacts/"+second+"/external-ids/c/2", nil).Is(200)
	app.Put("/v1/contacts/"+second+"/external-ids/c/2", nil).Is(200)
	require.Len(t, app.Get("/v1/contacts/"+second+"/external-ids").Data(), 2)
	require.Len(t, app.Walk("/v1/contacts/"+second+"/external-ids?limit=1"), 2)
	require.Equal(t, second, app.Get("/v1/contacts/by-external-id/b/x%2Fy").Is(200).ID())
	app.Delete("/v1/contacts/" + second + "/external-ids/c/2").Is(204)
	app.Delete("/v1/contacts/"+second+"/external-ids/c/2").Problem(404, "not-found")
	app.Get("/v1/contacts/by-external-id/c/2").Problem(404, "not-found")
}

func TestUpsert(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	at := "/v1/contacts/by-external-id/billetterie/7"
	body := object{"given_name": "Léa", "family_name": "Martin", "contact_points": []object{{"kind": "email", "value": "lea@example.org", "verified": true}}}
	app.Patch(at, body, parvistest.IfMatch("*")).Problem(412, "precondition-failed")
	created := app.Patch(at, body).Is(201)
	require.Equal(t, "created", created.Header.Get("Parvis-Upsert-Result"))
	head := app.Get("/v1/events?limit=1000").JSON()
	again := app.Patch(at, body).Is(200)
	require.Equal(t, "unchanged", again.Header.Get("Parvis-Upsert-Result"))
	require.Equal(t, created.ETag(), again.ETag())
	_ = head
	require.Equal(t, "updated", app.Patch(at, object{"nickname": "Lélé"}).Is(200).Header.Get("Parvis-Upsert-Result"))
	require.Equal(t, "Léa", app.Get(at).JSON()["given_name"], "what a vendor does not name stays")
	app.Patch(at, body, parvistest.Header("If-None-Match", "*")).Problem(412, "precondition-failed")
	app.Patch("/v1/contacts/by-external-id/billetterie/nobody", body, parvistest.Header("If-None-Match", `"1"`)).Problem(400, "invalid-request")
	app.Patch(at, object{"kind": "organisation"}).Problem(422, "invalid")

	// Another system knows her by her proven address and her name.
	other := "/v1/contacts/by-external-id/lettre/a?match=verified_email"
	matched := app.Patch(other, object{"given_name": "LEA", "family_name": "martin", "contact_points": body["contact_points"]}).Is(200)
	require.Equal(t, "matched", matched.Header.Get("Parvis-Upsert-Result"))
	require.Equal(t, created.ID(), matched.ID())
	// Her brother uses the address too and is somebody else.
	brother := app.Patch("/v1/contacts/by-external-id/lettre/b?match=verified_email", object{"given_name": "Tom", "family_name": "Martin", "contact_points": body["contact_points"]}).Is(201)
	require.NotEqual(t, created.ID(), brother.ID())
	// Two of one name and address: nobody can tell.
	app.Patch("/v1/contacts/by-external-id/x/1", body).Is(201)
	require.Len(t, app.Patch("/v1/contacts/by-external-id/x/2?match=verified_email", body).Problem(409, "ambiguous-match")["candidates"], 2)
}

func TestUpsertsAtOnceMakeOneContact(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			a := app.Patch("/v1/contacts/by-external-id/b/same", object{"family_name": "Durand", "nickname": fmt.Sprint("n", i)})
			if a.Status != 200 && a.Status != 201 {
				t.Errorf("status %d: %s", a.Status, a.Body)
			}
		})
	}
	wg.Wait()
	require.Len(t, app.Get("/v1/contacts").Data(), 1)
}

func TestPatchesAtOnce(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	id := app.Post("/v1/contacts", person("Ana", "Costa")).Is(201).ID()
	fields := []string{"title", "nickname", "birth_name", "given_names", "name_suffix", "particle"}
	var wg sync.WaitGroup
	for _, f := range fields {
		wg.Go(func() { app.Patch("/v1/contacts/"+id, object{f: "x"}) })
	}
	wg.Wait()
	c := app.Get("/v1/contacts/" + id).JSON()
	for _, f := range fields {
		require.Equal(t, "x", c[f], "the last write wins field by field")
	}
	require.EqualValues(t, 1+len(fields), c["version"])
	statuses := map[int]int{}
	var mu sync.Mutex
	for i := range 6 {
		wg.Go(func() {
			a := app.Patch("/v1/contacts/"+id, object{"nickname": fmt.Sprint("y", i)}, parvistest.IfMatch(fmt.Sprintf(`"%d"`, 1+len(fields))))
			mu.Lock()
			statuses[a.Status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	require.Equal(t, map[int]int{200: 1, 412: 5}, statuses)
}

func TestMergedContactIsGone(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	gone := app.Patch("/v1/contacts/by-external-id/b/1", person("Ana", "Costa")).Is(201).ID()
	survivor := app.Post("/v1/contacts", person("Ana", "Costa")).Is(201).ID()
	_, err := app.App.DB.Tenant(app.Tenant).Exec(t.Context(), "update contacts set merged_into = $1 where tenant_id = $2 and id = $3", survivor, app.Tenant, gone)
	require.NoError(t, err)
	a := app.Get("/v1/contacts/" + gone)
	require.Equal(t, survivor, a.Problem(410, "contact-merged")["survivor_id"])
	require.Equal(t, "</v1/contacts/"+survivor+`>; rel="canonical"`, a.Header.Get("Link"))
	app.Patch("/v1/contacts/"+gone, object{"nickname": "x"}).Problem(410, "contact-merged")
	app.Post("/v1/contacts/"+gone+"/contact-points", object{"kind": "email", "value": "a@example.org"}).Problem(410, "contact-merged")
	require.Equal(t, survivor, app.Get("/v1/contacts/by-external-id/b/1").Is(200).ID())
	up := app.Patch("/v1/contacts/by-external-id/b/1", object{"nickname": "Nana"}).Is(200)
	require.Equal(t, "matched", up.Header.Get("Parvis-Upsert-Result"))
	require.Equal(t, "/v1/contacts/"+survivor, up.Header.Get("Content-Location"))
	require.Len(t, app.Get("/v1/contacts?archived=true").Data(), 1)
}

func TestBatch(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	known := app.Post("/v1/contacts", person("Ana", "Costa")).Is(201).ID()
	items := []object{}
	for i := range 60 {
		items = append(items, object{"op": "upsert", "client_ref": fmt.Sprint("r", i), "source": "b", "external_id": fmt.Sprint(i), "body": person("N", fmt.Sprint("F", i))})
	}
	items[30]["body"] = object{"kind": "person", "contact_points": []object{{"kind": "email", "value": "nope"}}}
	items = append(items, object{"op": "update", "id": known, "if_match": `"1"`, "body": object{"nickname": "Nana"}},
		object{"op": "archive", "id": known, "if_match": `"1"`}, object{"op": "archive"}, object{"op": "create", "body": object{"kind": "organisation", "legal_name": "Arcades"}})

	refused := app.Post("/v1/contacts/batch", object{"atomic": true, "items": items})
	refused.Problem(422, "batch-refused")
	refused.Points("#/items/30/body/contact_points/0/value")
	refused.Points("#/items/61")
	refused.Points("#/items/62/id")
	require.Len(t, app.Get("/v1/contacts?limit=200").Data(), 1, "nothing is done")

	done := app.Post("/v1/contacts/batch", object{"items": items}).Is(207).JSON()
	results := done["results"].([]any)
	require.Len(t, results, len(items))
	for i, r := range results {
		require.EqualValues(t, i, r.(object)["index"])
	}
	require.EqualValues(t, 422, results[30].(object)["status"])
	require.EqualValues(t, "r30", results[30].(object)["client_ref"])
	require.EqualValues(t, 200, results[60].(object)["status"])
	require.EqualValues(t, 412, results[61].(object)["status"])
	require.EqualValues(t, 422, results[62].(object)["status"])
	require.EqualValues(t, 201, results[63].(object)["status"])
	require.Equal(t, object{"total": 64.0, "created": 60.0, "updated": 1.0, "unchanged": 0.0, "failed": 3.0}, done["summary"])
	require.Len(t, app.Get("/v1/contacts?limit=200").Data(), 61)
	require.Equal(t, object{"total": 64.0, "created": 1.0, "updated": 0.0, "unchanged": 59.0, "failed": 4.0},
		app.Post("/v1/contacts/batch", object{"items": items}).Is(207).JSON()["summary"], "again: nothing but the create")
}

// An item that is not as the contract says falls alone too, whatever is wrong
// with it; what is wrong around the items is everybody's.
func TestBatchItemsThatAreNotAsTheContractSays(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	items := `[{"op":"create","client_ref":"a","body":{"kind":"person","family_name":"Abril"}},
		{"op":"create","client_ref":"b","body":{"kind":"person","family_name":"B\u0000"}},
		{"op":"create","client_ref":"c","body":{"kind":"person","family_name":"\ud800"}},
		{"op":"create","client_ref":"d","body":{"kind":"person","family_name":7,"birthdate":"2026-02-30"}},
		{"op":"destroy","client_ref":"e"}, "f", null, {"op":"create","client_ref":8}, {},
		{"op":"create","client_ref":"j","body":{"kind":"person","family_name":"Jarry"}}]`
	refused := app.Post("/v1/contacts/batch", `{"atomic":true,"items":`+items+`}`)
	refused.Problem(422, "batch-refused")
	refused.Points("#/items/1/body/family_name")
	refused.Points("#/items/8/op")
	require.Empty(t, app.Get("/v1/contacts").Data())

	done := app.Post("/v1/contacts/batch", `{"items":`+items+`}`).Is(207).JSON()
	seen := [][]any{}
	for _, r := range done["results"].([]any) {
		one, first := r.(object), object{}
		if p, ok := one["problem"].(object); ok {
			first = p["errors"].([]any)[0].(object)
		}
		seen = append(seen, []any{one["status"], one["client_ref"], first["pointer"], first["code"]})
	}
	require.Equal(t, [][]any{
		{201.0, "a", nil, nil},
		{400.0, "b", "#/items/1/body/family_name", "nul-character"},
		{400.0, "c", "#/items/2/body/family_name", "invalid-utf8"},
		{400.0, "d", "#/items/3/body/birthdate", "format"},
		{400.0, "e", "#/items/4/op", "enum"},
		{400.0, nil, "#/items/5", "type"},
		{400.0, nil, "#/items/6", "type"},
		{400.0, nil, "#/items/7/client_ref", "type"},
		{400.0, nil, "#/items/8/op", "required"},
		{201.0, "j", nil, nil},
	}, seen)
	require.Equal(t, object{"total": 10.0, "created": 2.0, "updated": 0.0, "unchanged": 0.0, "failed": 8.0}, done["summary"])
	require.Len(t, app.Get("/v1/contacts").Data(), 2)

	app.Post("/v1/contacts/batch", `{"items":[{"op":"destroy"}],"more":1}`).Problem(400, "invalid-request")
	app.Post("/v1/contacts/batch", `{"items":"x"}`).Problem(400, "invalid-request")
	app.Post("/v1/contacts/batch", `[]`).Problem(400, "invalid-request")
	app.Post("/v1/contacts/batch", `{"items":[{"op":"create","op":"update"}]}`).Problem(400, "malformed-json")
}

func TestWalkWhileRowsAreInserted(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	want := map[string]bool{}
	for i := range 25 {
		want[app.Post("/v1/contacts", person("W", fmt.Sprintf("Walk%02d", i))).Is(201).ID()] = true
	}
	for _, sort := range []string{"-created_at", "created_at", "name", "-name", "updated_at", "-updated_at"} {
		seen := map[string]int{}
		cursor := ""
		for page := 0; ; page++ {
			path := "/v1/contacts?limit=4&sort=" + sort
			if cursor != "" {
				path += "&cursor=" + url.QueryEscape(cursor)
			}
			a := app.Get(path).Is(200)
			for _, c := range a.Data() {
				seen[c["id"].(string)]++
			}
			app.Post("/v1/contacts", person("Z", fmt.Sprintf("New%s%d", sort, page))).Is(201)
			next, _ := a.JSON()["next_cursor"].(string)
			if next == "" || page > 60 {
				break
			}
			cursor = next
		}
		for id := range want {
			require.Equal(t, 1, seen[id], "sort %s", sort)
		}
		for id, n := range seen {
			require.Equal(t, 1, n, id)
		}
	}
	a := app.Get("/v1/contacts?limit=2&sort=name").JSON()["next_cursor"].(string)
	app.Get("/v1/contacts?limit=2&sort=-name&cursor="+url.QueryEscape(a)).Problem(400, "cursor-mismatch")
	app.Get("/v1/contacts?cursor=xyz").Problem(400, "cursor-invalid")
}

func TestFilters(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	tag := app.Post("/v1/tags", object{"name": "VIP"}).Is(201).ID()
	zoe := person("Zoë", "Noël")
	zoe["contact_points"] = []object{{"kind": "email", "value": "Zoe@example.org"}, {"kind": "phone", "value": "01 99 00 12 34"}}
	zoe["tag_ids"], zoe["external_ids"] = []string{tag}, []object{{"source": "b", "external_id": "42"}}
	zoe["addresses"] = []object{{"city": "Lyon", "postal_code": "69001"}}
	app.Post("/v1/contacts", zoe).Is(201)
	app.Post("/v1/contacts", object{"kind": "organisation", "legal_name": "Théâtre de l'Œuvre", "siret": "73282932000074"}).Is(201)
	app.Post("/v1/contacts", person("Jean", "de La Fontaine")).Is(201)
	names := func(path string) []string {
		out := []string{}
		for _, c := range app.Get(path).Is(200).Data() {
			out = append(out, c["display_name"].(string))
		}
		return out
	}
	for query, want := range map[string][]string{
		"kind=organisation": {"Théâtre de l'Œuvre"}, "email=ZOE@EXAMPLE.ORG": {"Zoë Noël"}, "phone=%2B33199001234": {"Zoë Noël"},
		"tag_id=" + tag: {"Zoë Noël"}, "external_source=b": {"Zoë Noël"}, "external_source=b&external_id=42": {"Zoë Noël"}, "external_id=42": {"Zoë Noël"},
		"siret=73282932000074": {"Théâtre de l'Œuvre"}, "siren=732829320": {"Théâtre de l'Œuvre"}, "name_prefix=LA%20FON": {"Jean de La Fontaine"},
		"name_prefix=no": {"Zoë Noël"}, "created_at_gte=2100-01-01T00:00:00Z": {}, "updated_at_lt=2100-01-01T00:00:00Z&kind=organisation": {"Théâtre de l'Œuvre"},
		"sort=name": {"Jean de La Fontaine", "Zoë Noël", "Théâtre de l'Œuvre"},
	} {
		require.Equal(t, want, names("/v1/contacts?"+query), query)
	}
	counted := app.Get("/v1/contacts?count=exact&limit=1").JSON()
	require.EqualValues(t, 3, counted["total_count"])
	estimated := app.Get("/v1/contacts?count=estimate&kind=organisation").Is(200).JSON()
	require.EqualValues(t, 1, estimated["total_count"])
	require.Equal(t, "exact", estimated["total_count_kind"])
	app.Get("/v1/contacts?email=nope").Problem(400, "invalid-request")

	search := func(filter any) []string {
		out := []string{}
		for _, c := range app.Post("/v1/contacts/search", object{"filter": filter, "sort": []string{"name"}}, parvistest.Header("Idempotency-Key", "")).Is(200).Data() {
			out = append(out, c["display_name"].(string))
		}
		return out
	}
	clause := func(field, op string, value any) object { return object{"field": field, "op": op, "value": value} }
	for _, c := range []struct {
		filter object
		want   []string
	}{
		{clause("kind", "eq", "person"), []string{"Jean de La Fontaine", "Zoë Noël"}},
		{clause("family_name", "prefix", "no"), []string{"Zoë Noël"}},
		{clause("name", "prefix", "La F"), []string{"Jean de La Fontaine"}},
		{clause("email", "eq", "ZOE@example.org"), []string{"Zoë Noël"}},
		{clause("email", "is_null", true), []string{"Jean de La Fontaine", "Théâtre de l'Œuvre"}},
		{clause("tag_id", "in", []string{tag}), []string{"Zoë Noël"}},
		{clause("tag_id", "not_in", []string{tag}), []string{"Jean de La Fontaine", "Théâtre de l'Œuvre"}},
		{clause("city", "contains", "yo"), []string{"Zoë Noël"}},
		{clause("given_name", "ne", "Zoë"), []string{"Jean de La Fontaine", "Théâtre de l'Œuvre"}},
		{clause("created_at", "within_days", 3), []string{"Jean de La Fontaine", "Zoë Noël", "Théâtre de l'Œuvre"}},
		{object{"and": []object{clause("kind", "eq", "person"), {"not": clause("city", "eq", "Lyon")}}}, []string{"Jean de La Fontaine"}},
		{object{"or": []object{clause("siren", "eq", "732829320"), clause("phone", "eq", "0199001234")}}, []string{"Zoë Noël", "Théâtre de l'Œuvre"}},
	} {
		require.Equal(t, c.want, search(c.filter), "%v", c.filter)
	}
	deep := clause("kind", "eq", "person")
	for range 5 {
		deep = object{"and": []object{deep}}
	}
	app.Post("/v1/contacts/search", object{"filter": deep}).Problem(422, "invalid")
	app.Post("/v1/contacts/search", object{"filter": clause("kind", "within_days", 3)}).Problem(422, "invalid")
	app.Post("/v1/contacts/search", object{"filter": clause("created_at", "eq", "soon")}).Problem(422, "invalid")
	app.Post("/v1/contacts/search", object{"filter": clause("password", "eq", "x")}).Problem(400, "invalid-request")
	app.Post("/v1/contacts/search", object{"filter": object{"and": []object{deep}, "field": "kind"}}).Problem(422, "invalid")
	many := []object{}
	for range 26 {
		many = append(many, clause("kind", "eq", "person"))
	}
	app.Post("/v1/contacts/search", object{"filter": object{"or": []object{{"and": many}, {"and": many}}}}).Problem(422, "invalid")
}
