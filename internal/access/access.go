package access

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/access/internal/accessdb"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Service is the domain's rules over its tables.
type Service struct {
	db    *pg.DB
	q     *accessdb.Queries
	clock clock.Clock
	known *credentialCache
}

// NewService makes the service.
func NewService(db *pg.DB, c clock.Clock) *Service {
	return &Service{db: db, q: accessdb.New(), clock: c, known: newCredentialCache(c)}
}

// NewTenant describes an institution to be made.
type NewTenant struct {
	Name      string
	Test      bool
	SandboxOf *uuid.UUID
	Locale    string // BCP 47; "fr" if empty
	TimeZone  string // IANA name; Europe/Paris if empty
	Currency  string // ISO 4217; EUR if empty
}

// CreateTenant makes an institution and returns its id.
func (s *Service) CreateTenant(ctx context.Context, in NewTenant) (uuid.UUID, error) {
	id := ids.New()
	mode := "live"
	if in.Test {
		mode = "test"
	}
	err := pg.InTx(ctx, s.db, id, func(ctx context.Context, tx pgx.Tx) error {
		_, err := s.q.InsertTenant(ctx, tx, accessdb.InsertTenantParams{
			TenantID: id, Name: in.Name, Mode: mode, SandboxOf: in.SandboxOf,
			Locale: orElse(in.Locale, "fr"), TimeZone: orElse(in.TimeZone, "Europe/Paris"), Currency: orElse(in.Currency, "EUR"),
		})
		return err
	})
	return id, err
}

// NewKey describes an API key to be made.
type NewKey struct {
	Name         string
	Kind         apikey.Kind
	Scopes       []string
	Source       *string
	AllowedCIDRs []netip.Prefix
	ExpiresAt    *time.Time
	RotatedFrom  *uuid.UUID
}

// CreateKey makes an API key and returns its row and its secret text, which is
// kept nowhere and shown once.
func (s *Service) CreateKey(ctx context.Context, in NewKey) (accessdb.APIKey, string, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return accessdb.APIKey{}, "", err
	}
	for _, scope := range in.Scopes {
		if !actor.Scopes.Allow(scope) {
			return accessdb.APIKey{}, "", fault.New(fault.Forbidden, "insufficient-scope").With("scope", scope).Extra("required_scope", scope)
		}
	}
	mode := apikey.Live
	if actor.Test {
		mode = apikey.Test
	}
	key, err := apikey.Generate(mode, in.Kind)
	if err != nil {
		return accessdb.APIKey{}, "", err
	}
	hash := key.Hash()
	var row accessdb.APIKey
	err = pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		row, err = s.q.InsertAPIKey(ctx, tx, accessdb.InsertAPIKeyParams{
			TenantID: actor.Tenant, ID: ids.New(), KeyID: key.ID(), SecretHash: hash[:], Kind: string(in.Kind), Name: in.Name,
			Scopes: nonNil(in.Scopes), Source: in.Source, AllowedCidrs: nonNil(in.AllowedCIDRs), ExpiresAt: in.ExpiresAt, RotatedFrom: in.RotatedFrom,
			CreatedByKind: string(actor.Kind), CreatedBy: actor.ID,
		})
		if err != nil {
			return err
		}
		return events.RecordTx(ctx, tx, events.Entry{
			Type: "api_key.created", Subject: events.Subject{Kind: "api_key", ID: row.ID, Version: row.Version},
			Facts: map[string]any{"kind": row.Kind, "scopes": row.Scopes},
		})
	})
	return row, key.Reveal(), err
}

var _ web.Authenticator = (*Service)(nil)

// Authenticate implements web.Authenticator: API keys by their prefix, access
// tokens otherwise.
func (s *Service) Authenticate(ctx context.Context, bearer string, remote netip.Addr) (web.Actor, error) {
	key, err := apikey.Parse(bearer)
	if err != nil {
		return web.Actor{}, unauthenticated(err)
	}
	c, err := s.known.get(ctx, key.ID(), s.resolveKey)
	if err != nil {
		return web.Actor{}, err
	}
	now := s.clock.Now()
	switch {
	case c == nil || !key.Matches(c.secretHash):
		return web.Actor{}, unauthenticated(nil)
	case c.revokedAt != nil && !now.Before(*c.revokedAt), c.expiresAt != nil && !now.Before(*c.expiresAt), c.tenantStatus != "active":
		return web.Actor{}, unauthenticated(nil)
	case len(c.allowed) > 0 && !slices.ContainsFunc(c.allowed, func(p netip.Prefix) bool { return p.Contains(remote.Unmap()) }):
		return web.Actor{}, unauthenticated(nil)
	case c.actor.Test != (key.Mode() == apikey.Test):
		return web.Actor{}, unauthenticated(nil)
	}
	s.touch(ctx, c, now)
	return c.actor, nil
}

func unauthenticated(cause error) error {
	return fault.New(fault.Unauthenticated, "unauthenticated").Because(cause)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
