package webhooks

import (
	"strings"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// readScope is the scope that reading the records of an event type takes, by
// the resource that its name begins with.
func readScope(eventType string) string {
	resource, _, _ := strings.Cut(eventType, ".")
	switch resource {
	case "contact", "contact_merge", "contact_point", "address", "tag", "external_id":
		return "contacts:read"
	case "sensitive_fact":
		return "contacts.sensitive:read"
	case "encryption":
		return "encryption:read"
	case "consent", "purpose", "preference_link":
		return "consents:read"
	case "ticketing", "ticketing_source":
		return "ticketing:read"
	case "form", "form_submission":
		return "forms:read"
	case "api_key":
		return "api_keys:read"
	case "oauth_client":
		return "oauth_clients:read"
	case "user":
		return "users:read"
	case "department":
		return "departments:read"
	case "tenant":
		return "institution:read"
	case "webhook_endpoint":
		return "webhooks:read"
	case "export":
		return "exports:create"
	case "import":
		return "imports:create"
	case "operation":
		return "operations:read"
	default:
		return "events:read"
	}
}

// readScopes are all scopes that some event type takes: what "*" needs.
func readScopes() []string {
	return []string{"contacts:read", "contacts.sensitive:read", "encryption:read", "consents:read", "ticketing:read", "forms:read", "api_keys:read", "oauth_clients:read",
		"users:read", "departments:read", "institution:read", "webhooks:read", "operations:read", "events:read", "exports:create", "imports:create"}
}

// allowTypes refuses event types whose records the actor may not read.
func allowTypes(actor web.Actor, globs []string) error {
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
