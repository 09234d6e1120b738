package register_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

type m = map[string]any

func activity(over m) m {
	body := m{
		"code": "letter", "name": "Lettre", "status": "active", "field_classes": []string{"identity"}, "person_categories": []string{"Abonnés"},
		"parties":    []m{{"role": "controller", "name": "Théâtre", "email": "a@arcades.example"}, {"role": "dpo", "name": "Dana", "email": "d@arcades.example"}},
		"recipients": []m{{"name": "Communication"}}, "retention": []m{{"what": "Adresse", "period": "3 ans"}}, "security_measures": []string{"Rôles"},
	}
	maps.Copy(body, over)
	return body
}

func TestAnActivityIsKeptWithItsHistory(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	letter := app.Post("/v1/purposes", m{"code": "newsletter", "name": "Lettre", "legal_basis": "consent"}).Is(http.StatusCreated).ID()
	made := app.Post("/v1/processing-activities", activity(m{"purpose_ids": []string{letter}})).Is(http.StatusCreated)
	path := "/v1/processing-activities/" + made.ID()
	require.Equal(t, made.JSON(), app.Get(path).Is(http.StatusOK).JSON())
	require.Equal(t, []any{letter}, made.JSON()["purpose_ids"])
	app.Post("/v1/processing-activities", activity(nil)).Problem(http.StatusConflict, "already-exists")
	app.Post("/v1/processing-activities", activity(m{"code": "other", "purpose_ids": []string{"0199c0de-7b11-7e0a-9d1f-5b8f0a3b9e99"}})).Problem(http.StatusUnprocessableEntity, "invalid")
	for name, nobody := range map[string]string{"webhook_endpoint_ids": "0199c0de-7b11-7e0a-9d1f-5b8f0a3b9e99", "source_codes": "nobody"} {
		app.Patch(path, m{name: []string{nobody}}).Problem(http.StatusUnprocessableEntity, "invalid")
	}
	app.Patch(path, m{"status": "retired"}, parvistest.IfMatch(`"7"`)).Problem(http.StatusPreconditionFailed, "stale-version")
	require.EqualValues(t, 1, app.Patch(path, m{"name": "Lettre"}).Is(http.StatusOK).JSON()["version"], "what does not change makes no version")
	after := app.Patch(path, m{"status": "retired", "purpose_ids": []string{}, "description": "Fini"}).Is(http.StatusOK).JSON()
	require.EqualValues(t, 2, after["version"])
	require.Equal(t, "Fini", after["description"])
	require.Empty(t, after["purpose_ids"])
	require.Len(t, app.Get("/v1/processing-activities").Is(http.StatusOK).Data(), 1)
}

// The register is made of what is configured: it names what serves an activity,
// what serves none, and what art. 30 asks for and is missing.
func TestTheRegisterIsWhatIsConfigured(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.SMTPURL = "smtp://u:secret@mail.example.org:587" }))
	letter := app.Post("/v1/purposes", m{"code": "newsletter", "name": "Lettre", "legal_basis": "consent"}).Is(http.StatusCreated).ID()
	app.Post("/v1/purposes", m{"code": "idle", "name": "=Oisif", "legal_basis": "public_task"}).Is(http.StatusCreated)
	app.Post("/v1/ticketing/sources", m{"code": "caisse", "name": "Caisse", "kind": "generic"}).Is(http.StatusCreated)
	app.Post("/v1/ticketing/sources", m{"code": "autre", "name": "Autre", "kind": "generic"}).Is(http.StatusCreated)
	bound(t, app, []string{"contacts:read"}, "newsletter")
	app.Post("/v1/processing-activities", activity(m{"purpose_ids": []string{letter}, "source_codes": []string{"caisse"}, "sends_mail": true})).Is(http.StatusCreated)
	app.Post("/v1/processing-activities", m{"code": "hosting", "name": "Hébergement pour autrui", "role": "processor",
		"recipients": []m{{"name": "Nuage", "country": "US"}}}).Is(http.StatusCreated)

	d := app.Get("/v1/processing-register").Is(http.StatusOK).JSON()
	entry := d["controller_activities"].([]any)[0].(m)
	require.Empty(t, entry["gaps"])
	require.Equal(t, "consent", entry["purposes"].([]any)[0].(m)["legal_basis"])
	kinds := map[string]bool{}
	for _, v := range entry["served_by"].([]any) {
		kinds[v.(m)["kind"].(string)] = true
	}
	require.Equal(t, map[string]bool{"api_key": true, "ticketing_source": true, "mail_host": true}, kinds)
	gaps := d["processor_activities"].([]any)[0].(m)["gaps"]
	require.Contains(t, gaps, "/parties/processor")
	require.Contains(t, gaps, "/recipients/Nuage/safeguards")
	require.Len(t, d["purposes_without_activity"], 1)
	unassigned := ""
	for _, v := range d["unassigned"].([]any) {
		unassigned += v.(m)["id"].(string) + " "
	}
	require.Contains(t, unassigned, "autre")
	require.NotContains(t, unassigned, "caisse")

	app.Delete("/v1/ticketing/sources/autre", parvistest.IfMatch(`"1"`))
	require.NotContains(t, string(app.Get("/v1/processing-register").Body), "autre", "what is no longer configured is no longer in it")

	sheet := app.Get("/v1/processing-register", parvistest.Header("Accept", "text/csv")).Is(http.StatusOK)
	require.Contains(t, sheet.Header.Get("Content-Type"), "text/csv")
	rows, err := csv.NewReader(bytes.NewReader(sheet.Body)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, "letter", rows[1][1])
	require.Contains(t, string(sheet.Body), "'=Oisif", "a name is no formula")
	require.NotContains(t, string(sheet.Body), "secret")

	ods := app.Get("/v1/processing-register", parvistest.Header("Accept", "application/vnd.oasis.opendocument.spreadsheet")).Is(http.StatusOK)
	require.Equal(t, "mimetypeapplication/vnd.oasis.opendocument.spreadsheet", string(ods.Body[30:30+54]), "readers find the media type at its place")
	z, err := zip.NewReader(bytes.NewReader(ods.Body), int64(len(ods.Body)))
	require.NoError(t, err)
	f, err := z.Open("content.xml")
	require.NoError(t, err)
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	require.Contains(t, string(content), "<text:p>letter</text:p>")
	require.Equal(t, len(rows), strings.Count(string(content), "<table:table-row>"))
}

// What an activity lists is what its purpose reads, from the next request on.
func TestTheRegisterDecidesWhatAPurposeReads(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	letter := app.Post("/v1/purposes", m{"code": "newsletter", "name": "Lettre", "legal_basis": "public_task"}).Is(http.StatusCreated).ID()
	p := person(t, app, "Alix")
	points := func() int {
		return len(app.Get("/v1/contacts/"+p.id+"/contact-points", parvistest.Header("Parvis-Purpose", "newsletter")).Is(http.StatusOK).Data())
	}
	require.Zero(t, points(), "a purpose of no activity reads no fields")
	path := "/v1/processing-activities/" + app.Post("/v1/processing-activities", activity(m{"purpose_ids": []string{letter}, "field_classes": []string{"identity", "contact_point"}})).Is(http.StatusCreated).ID()
	require.Equal(t, 2, points())
	app.Patch(path, m{"field_classes": []string{"identity"}}).Is(http.StatusOK)
	require.Zero(t, points())
	app.Patch(path, m{"field_classes": []string{"contact_point"}}).Is(http.StatusOK)
	require.Equal(t, 2, points())
	app.Patch(path, m{"status": "retired"}).Is(http.StatusOK)
	require.Zero(t, points())
}

func TestTheDeploymentSaysWhereDataGoes(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) {
		c.SMTPURL = "smtp://u:secret@mail.example.org:587"
		c.TraceEndpoint = "http://127.0.0.1:9"
		c.HostingCountry, c.HostingProvider = "FR", "Hébergeur Exemple"
		c.DeclaredHosts = []string{".example.org=FR/Exemple SAS/FR"}
	}))
	app.Post("/v1/processing-activities", activity(m{"processors": []m{{"name": "Hébergeur Exemple", "service": "Hébergement", "country": "FR"}}})).Is(http.StatusCreated)
	app.Post("/v1/audit/forwarders", m{"name": "SIEM", "url": "https://siem.example.net/logs", "token": "a-token-of-the-receiver"}).Is(http.StatusCreated)
	app.Post("/v1/identity-providers", m{"name": "SSO", "issuer": "https://sso.example.net/realms/a", "audience": "parvis", "jwks_uri": "https://keys.example.net/jwks"}).Is(http.StatusCreated)
	app.Post("/v1/webhook-endpoints", m{"url": "https://SIEM.example.net/hook", "event_types": []string{"contact.*"}}).Is(http.StatusCreated)
	d := app.Get("/v1/deployment").Is(http.StatusOK).JSON()
	require.Equal(t, "FR", d["hosting_country"])
	require.Len(t, d["processors"], 1)
	hosts := map[string]m{}
	for _, h := range d["outgoing_hosts"].([]any) {
		hosts[h.(m)["host"].(string)] = h.(m)
	}
	require.Equal(t, true, hosts["mail.example.org"]["declared"])
	require.Equal(t, "Exemple SAS", hosts["mail.example.org"]["owner"])
	require.Equal(t, false, hosts["127.0.0.1"]["declared"])
	require.Equal(t, []any{"logs", "webhooks"}, hosts["siem.example.net"]["uses"])
	require.Equal(t, []any{"sign-in"}, hosts["sso.example.net"]["uses"])
	require.Equal(t, []any{"sign-in"}, hosts["keys.example.net"]["uses"])
}
