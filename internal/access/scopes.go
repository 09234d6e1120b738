package access

import (
	"fmt"
	"slices"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// everything is the right to do all that the institution can.
	everything = "*"
	// aboutSelf is what every credential may: ask who it is.
	aboutSelf = "me:read"
)

// Catalogue maps every scope to the operations it opens. It is read only.
func (s *Service) Catalogue() map[string][]string { return s.catalogue }

// ScopeNames lists the catalogue in order.
func (s *Service) ScopeNames() []string {
	names := make([]string, 0, len(s.catalogue))
	for name := range s.catalogue {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *Service) knownScope(scope string) bool {
	_, ok := s.catalogue[scope]
	return ok || scope == everything
}

// CheckScopes refuses scopes that are not in the catalogue.
func (s *Service) CheckScopes(scopes []string) error {
	f := fault.Invalid()
	for i, scope := range scopes {
		if !s.knownScope(scope) {
			f.At(fmt.Sprintf("#/scopes/%d", i), "unknown-scope", "scope", scope)
		}
	}
	return f.OrNil()
}

// mayGrant decides whether the actor may give these scopes to anyone: each is
// known, and the actor has it. The program itself is not held to the catalogue.
func (s *Service) mayGrant(actor web.Actor, scopes []string) error {
	if actor.Kind != web.System {
		if err := s.CheckScopes(scopes); err != nil {
			return err
		}
	}
	for _, scope := range scopes {
		if !actor.Scopes.Allow(scope) {
			return fault.New(fault.Forbidden, "insufficient-scope").With("scope", scope).Extra("required_scope", scope)
		}
	}
	return nil
}

// mayTouch decides whether the actor may change a principal that has these
// rights. Nobody changes, renews or ends what is stronger than themselves:
// the new secret of a stronger key would be those rights.
func mayTouch(actor web.Actor, scopes []string, source *string) error {
	for _, scope := range scopes {
		if !actor.Scopes.Allow(scope) {
			return fault.New(fault.Forbidden, "rights-exceeded").Extra("required_scope", scope)
		}
	}
	return sameSource(actor, source)
}

// sameSource keeps what is bound to a source from making or changing anything
// that is not bound to the same one.
func sameSource(actor web.Actor, source *string) error {
	if actor.Source != "" && (source == nil || *source != actor.Source) {
		return fault.New(fault.Forbidden, "rights-exceeded")
	}
	return nil
}

// withSelf adds what every credential may.
func withSelf(scopes []string) web.Scopes {
	out := web.Scopes(slices.Clone(scopes))
	if out.Allow(aboutSelf) {
		return out
	}
	return append(out, aboutSelf)
}

// ofPerson adds what every user may besides.
func ofPerson(scopes []string) web.Scopes {
	out := withSelf(scopes)
	if out.Allow(ManageAccount) {
		return out
	}
	return append(out, ManageAccount)
}
