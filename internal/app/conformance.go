package app

import (
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/conformance"
	"github.com/parvis-crm/parvis/internal/egress"
)

// newConformance wires the trials of connectors, which reach the API of this
// process as any client would.
func (a *App) newConformance() *conformance.Service {
	return conformance.NewService(conformance.Needs{
		DB: a.DB, Operations: a.domains.operations, Access: a.domains.access, Log: a.Log,
		Client: egress.New(egress.Config{AllowCIDRs: a.Config.WebhookAllowCIDRs, MaxIdlePerHost: 8}),
		API:    http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.echo.ServeHTTP(w, r) }),
		Key:    ed25519.NewKeyFromSeed(a.master.Derive("conformance signature")),
	}, conformance.Config{Addr: a.Config.ConformanceAddr, URL: a.Config.ConformanceURL, Issuer: a.Config.Public(), Version: Version, Contract: contractVersion()})
}

// contractVersion is the version of the contract that the program answers.
var contractVersion = sync.OnceValue(func() string {
	var document struct {
		Info struct {
			Version string `json:"version"`
		} `json:"info"`
	}
	if json.Unmarshal(api.SpecJSON, &document) != nil {
		return ""
	}
	return document.Info.Version
})
