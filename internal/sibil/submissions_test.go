package sibil_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/seal"
	"github.com/parvis-crm/parvis/internal/sibil/sibiltest"
)

const declare = "/api/v2/declarations"

func TestAnEveningIsSentAndCorrected(t *testing.T) {
	t.Parallel()
	app := institution(t)
	server := sibiltest.New(t)
	var s seq
	send(t, app.Client, s.evening()...)
	connect(app, server)
	done := submit(t, app, m{"quarter": "2026-Q4"})
	shows(t, done, m{"status": "succeeded", "declarations": 1.0, "created": 1.0, "pending": 0.0, "rejected": 0.0, "problem_code": nil, "quarter": "2026-Q4"})
	key := declarations(app, "2026-Q4")["soir"]["external_key"].(string)
	first := done["results"].([]any)[0].(m)
	shows(t, first, m{"external_key": key, "status": "created", "sibil_id": 900123.0, "detail": nil})
	// The very words.
	require.JSONEq(t, fmt.Sprintf(`{
		"idExtBilletterie": %q, "gestionnaireMultiple": false, "dateHeureRepresentationUnique": "2026-10-24T18:30:00.000Z", "nbRepresentations": 1,
		"nbBilletsTotalBilletterie": 5, "recetteTotalBilletterie": 90.99, "prixMoyenTotalBilletterie": 22.75,
		"nbBilletsTarifPlein": 2, "recetteTarifPlein": 56.00, "prixMoyenTarifPlein": 28.00, "nbBilletsTarifAbonnementForfait": 1, "nbBilletsExoneres": 1,
		"jauge": 480, "jeunePublic": false, "domaineRepresentationId": 1,
		"lieuChamps": {"nom": "Théâtre des Arcades", "adresse": "3 quai des Forges", "codePostal": "44000", "ville": "Nantes", "siret": "73282932000074", "typeLieu": "THEATRE"},
		"spectacleChamps": {"domaineSpectacleId": 1, "critere1": "La Mouette"}, "statutDeclaration": "ENREGISTRE"}`, key), server.Bodies[0])
	require.Contains(t, server.Bodies[0], `"recetteTarifPlein":56.00,`, "numbers have two decimals")
	shows(t, declarations(app, "2026-Q4")["soir"], m{"status": "declared", "sibil_id": 900123.0})
	require.Equal(t, []m{{"quarter": "2026-Q4", "accepted": 1.0, "unchanged": 0.0, "duplicate": 0.0, "rejected": 0.0}}, told(t, app, "statutory.sibil.submitted"))

	// Nothing has changed: nothing is sent.
	again := submit(t, app, m{"quarter": "2026-Q4"})
	shows(t, again, m{"status": "succeeded", "unchanged": 1.0, "created": 0.0})
	require.Len(t, server.Bodies, 1)

	// A late refund changes one declaration of two, which goes out under its key.
	send(t, app.Client, s.record("performance", "lendemain", performance(m{"starts_at": "2026-10-25T16:00:00+01:00"})),
		s.record("order", "o2", order([]m{line("t4", "15.00", "abo", "soir"), line("t5", "28.00", "plein", "soir")}, m{"payments": paid("43.00"),
			"refunds": []m{{"external_id": "r", "amount": "10.00", "state": "settled", "method": "card"}}})))
	shows(t, app.Get(quarter).Is(200).JSON(), m{"changed": 1.0, "undeclared": 1.0, "declared": 0.0})
	third := submit(t, app, m{"quarter": "2026-Q4"})
	shows(t, third, m{"updated": 1.0, "created": 1.0, "unchanged": 0.0})
	require.Equal(t, 1, server.Count("PUT "+declare))
	require.Equal(t, 2, server.Count("POST "+declare))
	require.Equal(t, 80.99, server.Declared(key)["recetteTotalBilletterie"])
	require.Equal(t, 2, server.Declared(key)["version"])
	require.Len(t, server.Held, 2)
	shows(t, app.Get(quarter).Is(200).JSON(), m{"declared": 2.0})
	require.Len(t, app.Walk(sends+"?limit=1"), 3)

	// Where only POST changes what is there, that is used.
	server.Lock()
	server.NoPut = true
	server.Unlock()
	app.Patch(settings, m{"registers": false, "multiple_managers": true}).Is(200)
	soir := declarations(app, "2026-Q4")["soir"]["id"]
	shows(t, submit(t, app, m{"quarter": "2026-Q4", "performance_ids": []any{soir}}), m{"updated": 1.0, "declarations": 1.0})
	shows(t, server.Declared(key), m{"statutDeclaration": "BROUILLON", "gestionnaireMultiple": true, "version": 3})
	require.Len(t, server.Held, 2)

	// What is cancelled after it was declared is told, and withdrawn by hand.
	send(t, app.Client, s.record("performance", "lendemain", performance(m{"starts_at": "2026-10-25T16:00:00+01:00", "status": "cancelled"})))
	shows(t, app.Get(quarter).Is(200).JSON(), m{"declarations": 1.0, "obsolete": 1.0})

	// Another system has nothing of what this one has.
	production := sibiltest.New(t)
	app.Patch(settings, m{"base_url": production.URL}).Is(200)
	shows(t, app.Get(quarter).Is(200).JSON(), m{"undeclared": 1.0, "declared": 0.0, "obsolete": 0.0})
	shows(t, submit(t, app, m{"quarter": "2026-Q4"}), m{"created": 1.0, "unchanged": 0.0})
	require.Len(t, production.Held, 1)
	require.Equal(t, key, production.Held[key]["idExtBilletterie"])
}

func TestWhatSibilRefusesIsShown(t *testing.T) {
	t.Parallel()
	app := institution(t)
	server := sibiltest.New(t)
	var s seq
	send(t, app.Client, s.evening()...)
	send(t, app.Client,
		s.record("performance", "danse", performance(m{"starts_at": "2026-11-05T20:30:00+01:00", "sibil_domain": "danse"})),
		s.record("venue", "ailleurs", m{"name": m{"fr": "Kursaal"}, "sibil_type": "AUTRE", "address": m{"street": "1 rue Haute", "postal_code": "B-1000", "city": "Bruxelles"}}),
		s.record("performance", "loin", performance(m{"starts_at": "2026-11-06T20:30:00+01:00", "venue": "ailleurs"})),
	)
	connect(app, server)
	server.Domains = map[int]string{1: " théâtre "}
	server.Held["deadbeef_00000000"] = m{"id": int64(7), "version": 1, "dateHeureRepresentationUnique": "2026-10-24T18:30:00.000Z", "spectacleCritere1": "La Mouette"}
	done := submit(t, app, m{"quarter": "2026-Q4"})
	shows(t, done, m{"status": "succeeded", "duplicate": 1.0, "rejected": 2.0, "created": 0.0})
	results := done["results"].([]any)
	shows(t, results[0].(m), m{"status": "duplicate", "detail": "Une déclaration existe déjà dans la base de données SIBIL avec les mêmes données saisies"})
	shows(t, results[1].(m), m{"status": "rejected", "detail": "domain_unknown: Danse de création"})
	shows(t, results[2].(m), m{"status": "rejected", "detail": "Champ invalide: lieuChamps"})
	shows(t, declarations(app, "2026-Q4")["soir"], m{"status": "undeclared"})
	require.Equal(t, []m{{"quarter": "2026-Q4", "accepted": 0.0, "unchanged": 0.0, "duplicate": 1.0, "rejected": 2.0}}, told(t, app, "statutory.sibil.rejected"))
	require.Empty(t, told(t, app, "statutory.sibil.submitted"))
}

func TestCredentialsThatAreRefused(t *testing.T) {
	t.Parallel()
	app := institution(t)
	server := sibiltest.New(t)
	var s seq
	send(t, app.Client, s.evening()...)
	connect(app, server)
	app.Patch(settings, m{"password": "un-autre"}).Is(200)
	done := submit(t, app, m{"quarter": "2026-Q4"})
	shows(t, done, m{"status": "failed", "problem_code": "sibil-credentials-refused", "pending": 1.0})
	require.NotNil(t, done["finished_at"])
	require.Equal(t, done["finished_at"], app.Get(sends).Is(200).Data()[0]["finished_at"])
	require.Equal(t, 1, server.Count("POST /api/v2/authenticate"), "a refusal is not tried again")
	require.NotContains(t, string(app.Get("/v1/operations").Is(200).Body), "un-autre")
	// Put right, it is sent.
	app.Patch(settings, m{"password": sibiltest.Password}).Is(200)
	shows(t, submit(t, app, m{"quarter": "2026-Q4"}), m{"created": 1.0})
}

func TestErrorsThatPass(t *testing.T) {
	t.Parallel()
	app := institution(t)
	server := sibiltest.New(t)
	var s seq
	send(t, app.Client, s.evening()...)
	connect(app, server)
	server.Faults = []int{503, 0, 500, 0, 502} // to the sign-in, the domains and the declaration
	shows(t, submit(t, app, m{"quarter": "2026-Q4"}), m{"status": "succeeded", "created": 1.0})
	require.Equal(t, 2, server.Count("POST /api/v2/authenticate"))
	require.Equal(t, 2, server.Count("POST "+declare))
	require.Len(t, server.Held, 1)
}

// A process that ends in the middle leaves the rest to another, and nothing is
// declared twice.
func TestASubmissionGoesOnInAnotherProcess(t *testing.T) {
	t.Parallel()
	key := seal.Generate()
	db := parvistest.Database(t)
	first := parvistest.NewOn(t, db, parvistest.WithMasterKey(key), parvistest.WithClock(january()))
	first.Post("/v1/ticketing/sources", m{"code": "principale", "name": "Billetterie", "kind": "generic"}).Is(201)
	server := sibiltest.New(t)
	var s seq
	send(t, first.Client, s.season()...)
	for i := range 6 {
		send(t, first.Client, s.record("performance", fmt.Sprint("p", i), performance(m{"starts_at": fmt.Sprintf("2026-11-%02dT20:30:00+01:00", i+1)})))
	}
	connect(first, server)
	hold := make(chan struct{})
	operation := first.Post(sends, m{"quarter": "2026-Q4"}).Is(202).Header.Get("Location")
	parvistest.Eventually(t, "two declarations", func() bool { return server.Count("POST "+declare) >= 2 })
	server.Lock()
	server.Hold = hold
	server.Unlock()
	first.Stop()
	server.Lock()
	server.Hold = nil
	server.Unlock()
	close(hold)
	second := parvistest.NewOn(t, db, parvistest.WithMasterKey(key), parvistest.WithClock(january()))
	client := second.Acting(first.Client)
	ended(t, client, operation)
	found := client.Get(sends).Is(200).Data()[0]
	shows(t, found, m{"status": "succeeded", "created": 6.0, "pending": 0.0})
	// Sent anew is only what had no answer when the process ended: one at a time.
	require.LessOrEqual(t, server.Count("POST "+declare), 7)
	require.Zero(t, server.Count("PUT "+declare), "what was answered is not sent again")
	server.Lock()
	defer server.Unlock()
	require.Len(t, server.Held, 6)
}

func TestOneSubmissionAtATime(t *testing.T) {
	t.Parallel()
	app := institution(t)
	server := sibiltest.New(t)
	server.Hold = make(chan struct{})
	var s seq
	send(t, app.Client, s.evening()...)
	connect(app, server)
	operation := app.Post(sends, m{"quarter": "2026-Q4"}).Is(202).Header.Get("Location")
	app.Post(sends, m{"quarter": "2026-Q4"}).Problem(409, "sibil-submission-running")
	shows(t, latest(app), m{"pending": 1.0, "finished_at": nil})
	close(server.Hold)
	ended(t, app, operation)
	shows(t, submit(t, app, m{"quarter": "2026-Q4"}), m{"unchanged": 1.0})
	// One that was cancelled is in nobody's way.
	server.Lock()
	server.Hold = make(chan struct{})
	server.Unlock()
	app.Patch(settings, m{"registers": false}).Is(200)
	operation = app.Post(sends, m{"quarter": "2026-Q4"}).Is(202).Header.Get("Location")
	app.Post(operation+"/cancel", nil).Is(202)
	ended(t, app, operation)
	shows(t, latest(app), m{"status": "cancelled", "pending": 1.0})
	require.NotNil(t, latest(app)["finished_at"])
	server.Lock()
	server.Hold = nil
	server.Unlock()
	shows(t, submit(t, app, m{"quarter": "2026-Q4"}), m{"updated": 1.0})
}
