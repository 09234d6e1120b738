package docs

import (
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"
)

const (
	catalogPath = "/.well-known/api-catalog"
	// catalogType names the profile of RFC 9727 section 4.2.
	catalogType = `application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"`
)

type link struct {
	Href string `json:"href"`
	Type string `json:"type,omitempty"`
}

// linkContext is one entry of a link set (RFC 9264 section 4.2), with the
// relations of RFC 8631.
type linkContext struct {
	Anchor      string `json:"anchor"`
	ServiceDesc []link `json:"service-desc"`
	ServiceDoc  []link `json:"service-doc"`
	Status      []link `json:"status"`
}

// catalog lists the APIs of this host (RFC 9727): one, under /v1. Its addresses
// come from the configuration and never from the request's Host.
func catalog(c echo.Context, origin string) error {
	content, err := json.MarshalIndent(map[string][]linkContext{"linkset": {{
		Anchor: origin + "/v1",
		ServiceDesc: []link{
			{Href: origin + "/v1/openapi.json", Type: "application/json"},
			{Href: origin + "/v1/openapi.yaml", Type: "application/yaml"},
		},
		ServiceDoc: []link{
			{Href: origin + "/docs", Type: "text/html"},
			{Href: origin + "/docs/try", Type: "text/html"},
		},
		Status: []link{{Href: origin + "/healthz"}},
	}}}, "", "  ")
	if err != nil {
		return err
	}
	header := c.Response().Header()
	// RFC 9727 section 2 asks for this link in the answer to HEAD.
	header.Set("Link", "<"+origin+catalogPath+`>; rel="api-catalog"`)
	header.Set(echo.HeaderCacheControl, "public, max-age=300")
	return c.Blob(http.StatusOK, catalogType, content)
}
