package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/federation/internal/federationdb"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/rights"
	"github.com/parvis-crm/parvis/internal/web"
)

// Provider is an identity provider that an institution trusts.
type Provider = federationdb.IdentityProvider

// RoleRule gives a role to whoever's token has a value in the role claim.
type RoleRule struct {
	Value        string     `json:"value"`
	Role         string     `json:"role"`
	DepartmentID *uuid.UUID `json:"department_id,omitempty"`
}

// Needs are the parts of the program that federation works with.
type Needs struct {
	Access *access.Service
	Rights *rights.Service
	// Client fetches keys; it is guarded, since institutions name the addresses.
	Client *egress.Client
	Log    *slog.Logger
	// OwnIssuer is the program itself, which nobody else may be.
	OwnIssuer string
}

// Service judges tokens.
type Service struct {
	db      *pg.DB
	q       *federationdb.Queries
	clock   clock.Clock
	log     *slog.Logger
	access  *access.Service
	rights  *rights.Service
	client  *egress.Client
	issuer  string
	keys    *keySets
	mu      sync.Mutex
	trusted map[string]trust // by issuer
}

type trust struct {
	rows  []federationdb.ResolveProvidersRow
	until time.Time
}

// NewService makes the service.
func NewService(db *pg.DB, c clock.Clock, n Needs) *Service {
	return &Service{
		db: db, q: federationdb.New(), clock: c, log: n.Log, access: n.Access, rights: n.Rights, client: n.Client, issuer: strings.TrimRight(n.OwnIssuer, "/"),
		keys: newKeySets(n.Client, c), trusted: map[string]trust{},
	}
}

// MayTrust refuses who does not have every right: whoever trusts an issuer trusts
// it with everybody's.
func MayTrust(actor web.Actor) error {
	if !actor.Scopes.Allow("*") || actor.Source != "" {
		return fault.New(fault.Forbidden, "rights-exceeded").Extra("required_scope", "*")
	}
	return nil
}

// Create begins to trust a provider.
func (s *Service) Create(ctx context.Context, p Provider) (Provider, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Provider{}, err
	}
	if err := MayTrust(actor); err != nil {
		return Provider{}, err
	}
	p.TenantID, p.ID = actor.Tenant, ids.New()
	out, err := pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Provider, error) {
		if err := s.check(ctx, tx, &p); err != nil {
			return Provider{}, err
		}
		row, err := s.q.InsertProvider(ctx, tx, federationdb.InsertProviderParams{
			TenantID: p.TenantID, ID: p.ID, Name: p.Name, Issuer: p.Issuer, Audience: p.Audience, JwksUri: p.JwksUri, AllowedAlgs: p.AllowedAlgs,
			TokenTypes: p.TokenTypes, AcceptsIDTokens: p.AcceptsIDTokens, TenantClaim: p.TenantClaim, TenantValue: p.TenantValue,
			RequiredClaims: p.RequiredClaims, EmailClaim: p.EmailClaim, NameClaim: p.NameClaim, RoleClaim: p.RoleClaim, RoleMapping: p.RoleMapping,
			Provision: p.Provision, IsEnabled: p.IsEnabled, Protocol: p.Protocol, AcceptsBearerTokens: p.AcceptsBearerTokens,
			StrongAcr: p.StrongAcr, StrongAmr: p.StrongAmr,
		})
		if err != nil {
			return Provider{}, err
		}
		return row, record(ctx, tx, "identity_provider.created", Provider{}, row)
	})
	s.forget()
	return out, taken(err)
}

// Update changes a provider.
func (s *Service) Update(ctx context.Context, id uuid.UUID, version *int64, change func(*Provider) error) (Provider, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Provider{}, err
	}
	if err := MayTrust(actor); err != nil {
		return Provider{}, err
	}
	out, err := pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Provider, error) {
		before, err := s.q.LockProvider(ctx, tx, actor.Tenant, id)
		if err != nil {
			return Provider{}, err
		}
		if err := web.CheckVersion(version, before.Version); err != nil {
			return Provider{}, err
		}
		p := before
		if err := change(&p); err != nil {
			return Provider{}, err
		}
		if err := s.check(ctx, tx, &p); err != nil {
			return Provider{}, err
		}
		row, err := s.q.UpdateProvider(ctx, tx, federationdb.UpdateProviderParams{
			TenantID: p.TenantID, ID: p.ID, Name: p.Name, Issuer: p.Issuer, Audience: p.Audience, JwksUri: p.JwksUri, AllowedAlgs: p.AllowedAlgs,
			TokenTypes: p.TokenTypes, AcceptsIDTokens: p.AcceptsIDTokens, TenantClaim: p.TenantClaim, TenantValue: p.TenantValue,
			RequiredClaims: p.RequiredClaims, EmailClaim: p.EmailClaim, NameClaim: p.NameClaim, RoleClaim: p.RoleClaim, RoleMapping: p.RoleMapping,
			Provision: p.Provision, IsEnabled: p.IsEnabled, AcceptsBearerTokens: p.AcceptsBearerTokens, StrongAcr: p.StrongAcr, StrongAmr: p.StrongAmr,
		})
		if err != nil {
			return Provider{}, err
		}
		return row, record(ctx, tx, "identity_provider.updated", before, row)
	})
	s.forget()
	s.access.Forget(actor.Tenant)
	return out, taken(err)
}

func taken(err error) error {
	if pg.Violated(err, "identity_providers_tenant_id_issuer_audience_key") {
		return fault.New(fault.Conflict, "already-exists").At("#/audience", "not-unique")
	}
	return err
}

// Get returns a provider of the actor's institution.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Provider, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Provider{}, err
	}
	return s.q.GetProvider(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
}

// GetTx is Get inside a transaction of the actor's institution.
func (s *Service) GetTx(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Provider, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Provider{}, err
	}
	return s.q.GetProvider(ctx, tx, actor.Tenant, id)
}

// List returns at most limit providers after one, newest first.
func (s *Service) List(ctx context.Context, after *uuid.UUID, limit int) ([]Provider, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListProviders(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, after, int32(limit))
}

// check refuses what could not be relied upon.
func (s *Service) check(ctx context.Context, tx pgx.Tx, p *Provider) error {
	f := fault.Invalid()
	if p.Issuer == s.issuer {
		f.At("#/issuer", "own-issuer")
	}
	// Where there is no address of keys, the issuer's is where they are asked for.
	addresses := map[string]*string{"#/issuer": addressless(p), "#/jwks_uri": p.JwksUri}
	if p.Protocol == "saml" {
		// An entity id is a name, and its keys are in its metadata.
		addresses, p.AcceptsBearerTokens = nil, false
		if p.JwksUri != nil {
			f.At("#/jwks_uri", "not-for-saml")
		}
	}
	for pointer, raw := range addresses {
		if raw == nil {
			continue
		}
		_, err := s.client.ValidateURLContext(ctx, *raw)
		if refused, ok := errors.AsType[*egress.Error](err); ok {
			f.At(pointer, strings.ReplaceAll(string(refused.Code), "_", "-"))
		} else if err != nil {
			return err
		}
	}
	if (p.TenantClaim == nil) != (p.TenantValue == nil) {
		f.At("#/tenant_value", "required")
	}
	if err := s.checkRules(ctx, tx, p, f); err != nil {
		return err
	}
	if err := f.OrNil(); err != nil {
		return err
	}
	if !p.AcceptsBearerTokens {
		return nil
	}
	if err := s.q.LockIssuer(ctx, tx, p.Issuer); err != nil {
		return err
	}
	ambiguous, err := s.q.IsAmbiguous(ctx, tx, federationdb.IsAmbiguousParams{
		Own: p.TenantID, Issuer: p.Issuer, Audience: p.Audience, TenantClaim: deref(p.TenantClaim), TenantValue: deref(p.TenantValue),
	})
	if err == nil && ambiguous {
		return fault.New(fault.Conflict, "issuer-shared")
	}
	return err
}

func addressless(p *Provider) *string {
	if p.JwksUri == nil {
		return &p.Issuer
	}
	return nil
}

func (s *Service) checkRules(ctx context.Context, tx pgx.Tx, p *Provider, f *fault.Error) error {
	rules, err := rulesOf(*p)
	if err != nil {
		return err
	}
	if len(rules) > 0 && p.RoleClaim == nil {
		f.At("#/role_claim", "required")
	}
	known, err := s.roles(ctx, tx, p.TenantID, rules)
	if err != nil {
		return err
	}
	var wanted []uuid.UUID
	for _, r := range rules {
		if r.DepartmentID != nil {
			wanted = append(wanted, *r.DepartmentID)
		}
	}
	departments, err := s.q.KnownDepartments(ctx, tx, p.TenantID, wanted)
	if err != nil {
		return err
	}
	for i, r := range rules {
		if _, ok := known[r.Role]; !ok {
			f.At(fmt.Sprintf("#/role_mapping/%d/role", i), "unknown-reference")
		}
		if r.DepartmentID != nil && !slices.Contains(departments, *r.DepartmentID) {
			f.At(fmt.Sprintf("#/role_mapping/%d/department_id", i), "unknown-reference")
		}
	}
	return nil
}

func (s *Service) roles(ctx context.Context, db pg.DBTX, tenant uuid.UUID, rules []RoleRule) (map[string]uuid.UUID, error) {
	codes := make([]string, 0, len(rules))
	for _, r := range rules {
		codes = append(codes, r.Role)
	}
	rows, err := s.q.RolesByCode(ctx, db, tenant, codes)
	out := map[string]uuid.UUID{}
	for _, r := range rows {
		out[r.Code] = r.ID
	}
	return out, err
}

func rulesOf(p Provider) ([]RoleRule, error) {
	var rules []RoleRule
	return rules, json.Unmarshal(p.RoleMapping, &rules)
}

func recordOf(p Provider) map[string]any {
	if p.ID == uuid.Nil {
		return nil
	}
	return map[string]any{
		"name": p.Name, "issuer": p.Issuer, "audience": p.Audience, "jwks_uri": p.JwksUri, "allowed_algs": p.AllowedAlgs, "token_types": p.TokenTypes,
		"accepts_id_tokens": p.AcceptsIDTokens, "tenant_claim": p.TenantClaim, "tenant_value": p.TenantValue, "required_claims": p.RequiredClaims,
		"email_claim": p.EmailClaim, "name_claim": p.NameClaim, "role_claim": p.RoleClaim, "role_mapping": p.RoleMapping, "provision": p.Provision, "is_enabled": p.IsEnabled,
		"protocol": p.Protocol, "accepts_bearer_tokens": p.AcceptsBearerTokens, "strong_acr": p.StrongAcr, "strong_amr": p.StrongAmr,
	}
}

func record(ctx context.Context, tx pgx.Tx, kind string, before, after Provider) error {
	changes, err := events.Diff(recordOf(before), recordOf(after))
	if err != nil {
		return err
	}
	return events.RecordTx(ctx, tx, events.Entry{Type: kind, Subject: events.Subject{Kind: "identity_provider", ID: after.ID, Version: after.Version}, Changes: changes})
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// forget makes a change effective at once in this process.
func (s *Service) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.trusted)
}
