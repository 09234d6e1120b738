package docs_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// send makes one request without the transport's own gzip handling.
func send(t *testing.T, method, url string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequest(method, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, body
}

func TestContractIsPublishedForEveryOrigin(t *testing.T) {
	t.Parallel()
	origin, spec := portal(t), contract(t)
	text, err := spec.YAML()
	require.NoError(t, err)
	for path, want := range map[string]struct {
		mediaType string
		content   []byte
	}{
		"/v1/openapi.json": {"application/json", spec.JSON},
		"/v1/openapi.yaml": {"application/yaml", text},
	} {
		response, body := send(t, http.MethodGet, origin+path)
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.Equal(t, want.mediaType, response.Header.Get("Content-Type"))
		require.Equal(t, "public, max-age=300", response.Header.Get("Cache-Control"))
		require.Equal(t, "*", response.Header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, want.content, body)

		head, empty := send(t, http.MethodHead, origin+path)
		require.Equal(t, http.StatusOK, head.StatusCode)
		require.Equal(t, response.Header.Get("ETag"), head.Header.Get("ETag"))
		require.EqualValues(t, len(body), head.ContentLength)
		require.Empty(t, empty)

		tag := response.Header.Get("ETag")
		cached, empty := send(t, http.MethodGet, origin+path, "If-None-Match", `"other", W/`+tag)
		require.Equal(t, http.StatusNotModified, cached.StatusCode)
		require.Empty(t, empty)

		preflight, _ := send(t, http.MethodOptions, origin+path)
		require.Equal(t, http.StatusNoContent, preflight.StatusCode)
		require.Equal(t, "If-None-Match", preflight.Header.Get("Access-Control-Allow-Headers"))
	}
	page, _ := send(t, http.MethodGet, origin+"/docs")
	require.Empty(t, page.Header.Get("Access-Control-Allow-Origin"))
}

func TestEncodingIsNegotiated(t *testing.T) {
	t.Parallel()
	origin, spec := portal(t), contract(t)
	for accept, zipped := range map[string]bool{
		"gzip": true, "br;q=1, GZIP;q=0.5": true, "*": true, "": false, "gzip;q=0": false,
		"*, gzip;q=0": false, "identity": false, "br": false, "gzip;q=none": false,
	} {
		response, body := send(t, http.MethodGet, origin+"/v1/openapi.json", "Accept-Encoding", accept)
		require.Contains(t, response.Header.Values("Vary"), "Accept-Encoding")
		if !zipped {
			require.Empty(t, response.Header.Get("Content-Encoding"), accept)
			require.Equal(t, spec.JSON, body, accept)
			continue
		}
		require.Equal(t, "gzip", response.Header.Get("Content-Encoding"), accept)
		reader, err := gzip.NewReader(strings.NewReader(string(body)))
		require.NoError(t, err)
		plain, err := io.ReadAll(reader)
		require.NoError(t, err)
		require.Equal(t, spec.JSON, plain)

		// A tag of one encoding says nothing about the other.
		other, _ := send(t, http.MethodGet, origin+"/v1/openapi.json", "If-None-Match", response.Header.Get("ETag"))
		require.Equal(t, http.StatusOK, other.StatusCode)
	}
}

func TestAssetsAreKeptForEver(t *testing.T) {
	t.Parallel()
	origin := portal(t)
	for _, path := range []string{"/docs", "/docs/try"} {
		_, html := send(t, http.MethodGet, origin+path)
		addresses := regexp.MustCompile(`/docs/assets/[^"/]+/[^"]+`).FindAllString(string(html), -1)
		require.NotEmpty(t, addresses)
		for _, address := range addresses {
			response, body := send(t, http.MethodGet, origin+address)
			require.Equal(t, http.StatusOK, response.StatusCode, address)
			require.Contains(t, response.Header.Get("Cache-Control"), "immutable", address)
			require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
			require.NotEmpty(t, response.Header.Get("ETag"))
			require.NotEmpty(t, body)
		}

		// Another release's address works, and is not kept.
		older := regexp.MustCompile(`/assets/[0-9a-f]+/`).ReplaceAllString(addresses[0], "/assets/000000000000/")
		response, _ := send(t, http.MethodHead, origin+older)
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.Equal(t, "no-cache", response.Header.Get("Cache-Control"))
	}
	missing, _ := send(t, http.MethodGet, origin+"/docs/assets/x/missing.js")
	require.Equal(t, http.StatusNotFound, missing.StatusCode)
}

func TestPagesHoldNothingInline(t *testing.T) {
	t.Parallel()
	origin := portal(t)
	for _, path := range []string{"/docs", "/docs/try", "/docs/problems/not-found", "/docs/problems/unheard-of"} {
		response, body := send(t, http.MethodGet, origin+path)
		html := string(body)
		require.Equal(t, "default-src 'self'", response.Header.Get("Content-Security-Policy"))
		require.Contains(t, response.Header.Get("Content-Type"), "text/html")
		require.NotRegexp(t, `(?i)<style|\sstyle=|\son\w+=|<script(?:\s+(?:defer|src="[^"]*"))*>[^<]|(?:src|href)="(?:https?:)?//`, html)
		head, _ := send(t, http.MethodHead, origin+path)
		require.Equal(t, response.StatusCode, head.StatusCode)
	}
	redirect, _ := send(t, http.MethodGet, origin+"/docs/")
	require.Equal(t, "/docs", redirect.Header.Get("Location"))
}

func TestPagesSpeakTheReadersLanguage(t *testing.T) {
	t.Parallel()
	origin := portal(t)
	for accept, want := range map[string]string{"": "fr", "fr-CA, en;q=0.8": "fr", "de, fr;q=0.5": "fr", "en-GB, fr": "en", "ja": "fr", "??": "fr"} {
		response, body := send(t, http.MethodGet, origin+"/docs/problems/not-found", "Accept-Language", accept)
		require.Equal(t, want, response.Header.Get("Content-Language"), accept)
		require.Contains(t, response.Header.Values("Vary"), "Accept-Language")
		require.Contains(t, string(body), `<html lang="`+want+`"`)
		require.Contains(t, string(body), map[string]string{"en": "What to do", "fr": "Que faire"}[want])
	}
}

func TestProblemPages(t *testing.T) {
	t.Parallel()
	origin := portal(t)
	response, body := send(t, http.MethodGet, origin+"/docs/problems/not-found", "Accept-Language", "en")
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Contains(t, string(body), "is not yours &lt;to see&gt;.")
	require.Contains(t, string(body), "Check its identifier.")

	response, body = send(t, http.MethodGet, origin+"/docs/problems/%3Cscript%3E")
	require.Equal(t, http.StatusNotFound, response.StatusCode)
	require.Contains(t, string(body), "&lt;script&gt;")
}

func TestCatalogLinksToTheRest(t *testing.T) {
	t.Parallel()
	origin := portal(t)
	response, body := send(t, http.MethodGet, origin+"/.well-known/api-catalog")
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, `application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"`, response.Header.Get("Content-Type"))

	var catalog struct {
		Linkset []struct {
			Anchor      string
			ServiceDesc []struct{ Href, Type string } `json:"service-desc"`
			ServiceDoc  []struct{ Href, Type string } `json:"service-doc"`
			Status      []struct{ Href string }       `json:"status"`
		}
	}
	require.NoError(t, json.Unmarshal(body, &catalog))
	require.Len(t, catalog.Linkset, 1)
	entry := catalog.Linkset[0]
	require.Equal(t, origin+"/v1", entry.Anchor)
	require.Equal(t, origin+"/healthz", entry.Status[0].Href)
	for _, link := range append(entry.ServiceDesc, entry.ServiceDoc...) {
		target, _ := send(t, http.MethodGet, link.Href)
		require.Equal(t, http.StatusOK, target.StatusCode, link.Href)
		require.True(t, strings.HasPrefix(target.Header.Get("Content-Type"), link.Type), link.Href)
	}

	head, _ := send(t, http.MethodHead, origin+"/.well-known/api-catalog")
	require.Equal(t, "<"+origin+`/.well-known/api-catalog>; rel="api-catalog"`, head.Header.Get("Link"))

	claimed, again := send(t, http.MethodGet, origin+"/.well-known/api-catalog", "X-Forwarded-Proto", "javascript", "X-Forwarded-Host", "elsewhere.example")
	require.Equal(t, http.StatusOK, claimed.StatusCode)
	require.Equal(t, body, again, "what a caller claims is not repeated")
}
