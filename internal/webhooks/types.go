package webhooks

import (
	"maps"
	"slices"
	"strings"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// scopeOf is the scope that reading the records of an event type takes, by the
// resource that its name begins with.
var scopeOf = map[string]string{
	"siem_forwarder": "audit:read",
	"contact":        "contacts:read", "contact_merge": "contacts:read", "contact_point": "contacts:read", "address": "contacts:read",
	"tag": "contacts:read", "external_id": "contacts:read",
	"sensitive_fact": "contacts.sensitive:read",
	"consent":        "consents:read", "purpose": "consents:read", "preference_link": "consents:read",
	"ticketing": "ticketing:read", "ticketing_source": "ticketing:read",
	"statutory":  "statutory:read",
	"membership": "ticketing:read", "giftcard": "ticketing:read",
	"form": "forms:read", "form_submission": "forms:read",
	"user": "users:read", "account": "users:read", "password": "users:read", "second_factor": "users:read",
	"session": "users:read", "sign_in": "users:read", "sign_in_policy": "institution:read",
	"role": "rights:read", "team": "rights:read", "role_assignment": "rights:read",
	"api_key": "api_keys:read", "oauth_client": "oauth_clients:read", "department": "departments:read",
	"identity_provider": "identity-providers:read", "identity": "users:read", "processing_activity": "register:read",
	"read_policy": "audit:read", "audit_retention": "audit:read",
	"tenant": "institution:read", "quota": "quotas:read", "encryption": "encryption:read",
	"webhook_endpoint": "webhooks:read", "operation": "operations:read",
	"export": "exports:create", "import": "imports:create", "conformance_run": "conformance:read",
}

// readScope is that scope, and the one for the bare log where no record is named.
func readScope(eventType string) string {
	resource, _, _ := strings.Cut(eventType, ".")
	if scope, ok := scopeOf[resource]; ok {
		return scope
	}
	return bareLog
}

const bareLog = "events:read"

// readScopes are all scopes that some event type takes: what "*" needs.
func readScopes() []string {
	return append(slices.Compact(slices.Sorted(maps.Values(scopeOf))), bareLog)
}

// allowTypes refuses event types whose records the actor may not read, or may
// read from certain networks or of one source only.
func allowTypes(actor web.Actor, globs []string) error {
	if actor.Source != "" {
		return fault.New(fault.Forbidden, "events-beyond-source")
	}
	if len(actor.Networks) > 0 {
		// What is sent goes to an address of its own, outside of where this credential
		// may read.
		return fault.New(fault.Forbidden, "rights-exceeded")
	}
	for _, glob := range globs {
		needed := []string{readScope(glob)}
		if glob == "*" {
			needed = readScopes()
		}
		for _, scope := range needed {
			if !actor.Scopes.Allow(scope) {
				return fault.New(fault.Forbidden, "insufficient-scope").With("scope", scope).Extra("required_scope", scope)
			}
		}
	}
	return nil
}

// selects reports whether a glob ("*", "contact.*" or an exact type) covers an
// event type.
func selects(glob, eventType string) bool {
	if prefix, ok := strings.CutSuffix(glob, "*"); ok {
		return strings.HasPrefix(eventType, prefix)
	}
	return glob == eventType
}

// wants reports whether an endpoint with these globs and scopes receives an
// event type. The scopes count again here, since "*" also covers types that the
// endpoint's maker did not know of.
func wants(globs, scopes []string, eventType string) bool {
	if !web.Scopes(scopes).Allow(readScope(eventType)) {
		return false
	}
	for _, glob := range globs {
		if selects(glob, eventType) {
			return true
		}
	}
	return false
}

// aboutItself are the types that an endpoint never gets about itself: news of
// its failing could only fail too.
func aboutItself(eventType string) bool {
	return eventType == "webhook_endpoint.failing" || eventType == "webhook_endpoint.disabled"
}
