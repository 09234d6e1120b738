package browser_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest/browser"
)

func serve(t *testing.T, policy, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		if policy != "" {
			w.Header().Set("Content-Security-Policy", policy)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html><title>Essai</title><link rel=icon href=data:,><body>" + body))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// The recorder is what other tests trust when they assert "none": it has to see
// each kind of violation when there is one.
func TestBrowserRecordsPolicyViolations(t *testing.T) {
	t.Parallel()
	b := browser.New(t)
	b.Navigate(serve(t, "default-src 'self'", `<p style="color:red">inline</p><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">`))
	b.Settle()

	var directives []string
	for _, violation := range b.PolicyViolations() {
		directives = append(directives, violation.Directive)
	}
	joined := strings.Join(directives, " ")
	require.Contains(t, joined, "style-src")
	require.Contains(t, joined, "img-src")
	require.NotEmpty(t, b.ConsoleErrors())
}

func TestBrowserReachesLoopbackOnly(t *testing.T) {
	t.Parallel()
	b := browser.New(t)
	origin := serve(t, "", "<p>here</p>")
	b.Navigate(origin)

	var outcomes []string
	b.Eval(`Promise.all(["https://example.org/", "http://192.0.2.1/", location.href].map(
		(address) => fetch(address, { mode: "no-cors" }).then(() => "reached", () => "blocked")))`, &outcomes)
	require.Equal(t, []string{"blocked", "blocked", "reached"}, outcomes)

	var outside []string
	for _, request := range b.RequestsOutside(origin) {
		outside = append(outside, request.URL)
		require.NotEmpty(t, request.Failure)
	}
	require.ElementsMatch(t, []string{"https://example.org/", "http://192.0.2.1/"}, outside)
}

func TestBrowserFillsAndSubmitsAForm(t *testing.T) {
	t.Parallel()
	b := browser.New(t)
	b.Navigate(serve(t, "", `<form id="f">
		<input name="name" value="before"><textarea name="note"></textarea>
		<input name="day" type="date"><select name="place"><option>hall</option><option>studio</option></select>
		<input name="agree" type="checkbox"><button>Send</button></form><output id="sent"></output>
		<script>f.onsubmit = (e) => { e.preventDefault(); sent.textContent = JSON.stringify(Object.fromEntries(new FormData(f))); console.info("sent"); }</script>`))
	require.Equal(t, "Essai", b.Title())

	b.Fill("[name=name]", "Hélène N’Diaye")
	b.Fill("[name=note]", "two\nlines")
	b.Fill("[name=day]", "2026-11-23")
	b.Fill("[name=place]", "studio")
	b.Click("[name=agree]")
	b.Click("button")

	b.WaitText("#sent", "studio")
	require.JSONEq(t, `{"name":"Hélène N’Diaye","note":"two\nlines","day":"2026-11-23","place":"studio","agree":"on"}`, b.Text("#sent"))
	require.Contains(t, b.Console(), browser.ConsoleMessage{Level: "info", Text: "sent"})
	require.Empty(t, b.ConsoleErrors())
}
