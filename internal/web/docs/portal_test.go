package docs_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/parvis-crm/parvis/internal/web/docs"
)

// problems is the least a catalogue of problem codes can be.
type problems map[string]map[string][3]string

func (p problems) Describe(code, lang string) (title, cause, fix string, ok bool) {
	text, ok := p[code][lang]
	return text[0], text[1], text[2], ok
}

// contract returns the test document in both forms.
func contract(t *testing.T) docs.Spec {
	t.Helper()
	source, err := os.ReadFile("testdata/openapi.yaml")
	require.NoError(t, err)
	return specOf(t, source)
}

func specOf(t *testing.T, source []byte) docs.Spec {
	t.Helper()
	var document any
	require.NoError(t, yaml.Unmarshal(source, &document))
	encoded, err := json.Marshal(document)
	require.NoError(t, err)
	return docs.Spec{YAML: func() ([]byte, error) { return source, nil }, JSON: encoded, Version: "1.4.0", Problems: problems{"not-found": {
		"en": {"Not found", "The thing does not exist, or is not yours <to see>.", "Check its identifier."},
		"fr": {"Introuvable", "L’objet n’existe pas.", "Vérifiez son identifiant."},
	}}}
}

// portal serves the documentation of the test document and the one operation
// that the explorer tries, and returns its origin.
func portal(t *testing.T) string {
	t.Helper()
	return serve(t, contract(t))
}

// portalOf serves the documentation of another document.
func portalOf(t *testing.T, source []byte) string {
	t.Helper()
	return serve(t, specOf(t, source))
}

func serve(t *testing.T, spec docs.Spec) string {
	t.Helper()
	e := echo.New()
	server := httptest.NewUnstartedServer(e)
	spec.Origin = "http://" + server.Listener.Addr().String()
	docs.Register(e, spec)
	e.GET("/v1/meta", func(c echo.Context) error {
		return c.JSON(http.StatusOK, map[string]string{"name": "answered by the test server"})
	})
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}
