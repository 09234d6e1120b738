package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest/browser"
)

// picture keeps a screenshot where PARVIS_TEST_SCREENSHOTS says, for the eyes of
// whoever changes the pages.
func picture(b *browser.Browser, name string) {
	if folder := os.Getenv("PARVIS_TEST_SCREENSHOTS"); folder != "" {
		b.Screenshot(filepath.Join(folder, name+".png"))
	}
}

// requireClean fails when the page broke its policy, left its origin, or
// complained on the console.
func requireClean(t *testing.T, b *browser.Browser, origin string) {
	t.Helper()
	b.Settle()
	require.Empty(t, b.PolicyViolations())
	require.Empty(t, b.RequestsOutside(origin))
	require.Empty(t, b.ConsoleErrors())
	for _, request := range b.Requests() {
		require.Empty(t, request.Failure, request.URL)
		require.Less(t, request.Status, int64(400), request.URL)
	}
}

func TestReferenceShowsTheContract(t *testing.T) {
	t.Parallel()
	b, origin := browser.New(t), portal(t)
	b.Navigate(origin + "/docs")
	b.WaitText("#reference h1", "Théâtre de l’Esplanade")
	require.Equal(t, "Parvis API – Reference", b.Title())
	b.WaitFor(`document.querySelectorAll("[data-section-id^='operation/'], [id^='operation/']").length >= 5`)
	for _, operation := range []string{"List contacts", "Create a contact", "Get a contact", "Delete a contact", "Describe the service", "A contact was created"} {
		b.WaitText("#reference .api-content", operation)
	}
	b.Click(".menu-content [data-item-id='tag/Contacts'] label")
	b.WaitText(".menu-content", "Delete a contact")
	picture(b, "reference")

	// Styled: the menu stands beside the text, and the rules came through a
	// constructed sheet.
	var layout struct {
		Rules             int
		MenuRight, TextAt float64
		Weight            string
	}
	b.Eval(`({
		Rules: document.adoptedStyleSheets.reduce((sum, sheet) => sum + sheet.cssRules.length, 0),
		MenuRight: document.querySelector(".menu-content").getBoundingClientRect().right,
		TextAt: document.querySelector("#reference h1").getBoundingClientRect().left,
	})`, &layout)
	require.Greater(t, layout.Rules, 100)
	require.LessOrEqual(t, layout.MenuRight, layout.TextAt)

	// Search runs in its worker.
	b.Fill(".menu-content [role=search] input", "delete")
	b.WaitText("[data-role='search:results']", "Delete a contact")
	picture(b, "reference-search")

	// An operation opens where the menu points, with its samples.
	b.Navigate(origin + "/docs#operation/createContact")
	b.WaitFor(`Math.abs(document.querySelector("[id='operation/createContact']").getBoundingClientRect().top) < 200`)
	picture(b, "reference-operation")
	requireClean(t, b, origin)
}

func TestReferenceInFrenchOnAPhone(t *testing.T) {
	t.Parallel()
	b, origin := browser.New(t), portal(t)
	b.SetLanguage("fr")
	b.SetViewport(390, 844)
	b.Navigate(origin + "/docs")
	b.WaitText("#reference .api-content", "Réponses")
	require.Equal(t, "API Parvis – Référence", b.Title())
	picture(b, "reference-phone")
	requireClean(t, b, origin)
}

func TestExplorerTriesAnOperation(t *testing.T) {
	t.Parallel()
	b, origin := browser.New(t), portal(t)
	b.Navigate(origin + "/docs/try")
	require.Equal(t, "Parvis API – Try it", b.Title())
	for _, operation := range []string{"listContacts", "createContact", "getContact", "deleteContact"} {
		b.WaitVisible("#operations-Contacts-" + operation)
	}
	b.WaitText("#explorer .info", "Théâtre de l’Esplanade")
	picture(b, "explorer")

	b.Click("#operations-Contacts-createContact .opblock-summary-control")
	b.WaitVisible("#operations-Contacts-createContact textarea")
	picture(b, "explorer-body")
	b.Click("#operations-Contacts-createContact .opblock-summary-control")

	b.Click("button.authorize")
	b.Fill(".dialog-ux input", "pv_test_key")
	picture(b, "explorer-authorize")
	b.Click(".dialog-ux button.authorize")
	b.Click(".dialog-ux button.btn-done")

	b.Click("#operations-Meta-getMeta .opblock-summary-control")
	// The application resolves an operation when it is opened and cannot execute
	// it meanwhile: too short for a hand, long enough for a test.
	b.WaitFor(`ui.specSelectors.specResolvedSubtree(["paths", "/v1/meta", "get"])?.get("operationId") === "getMeta"`)
	b.Click("#operations-Meta-getMeta button.execute")
	b.WaitText("#operations-Meta-getMeta .live-responses-table", "answered by the test server")
	picture(b, "explorer-answer")

	var tried []string
	for _, request := range b.Requests() {
		if strings.HasSuffix(request.URL, "/v1/meta") {
			tried = append(tried, request.Method+" "+request.URL)
			require.EqualValues(t, 200, request.Status)
		}
	}
	require.Equal(t, []string{"GET " + origin + "/v1/meta"}, tried)
	requireClean(t, b, origin)

	// The key was for this page only.
	var kept int
	b.Eval(`localStorage.length + sessionStorage.length`, &kept)
	require.Zero(t, kept)
}

func TestProblemPageInABrowser(t *testing.T) {
	t.Parallel()
	b, origin := browser.New(t), portal(t)
	b.SetLanguage("fr-FR, en;q=0.5")
	b.Navigate(origin + "/docs/problems/not-found")
	b.WaitText("h1", "Introuvable")
	picture(b, "problem")
	requireClean(t, b, origin)
}
