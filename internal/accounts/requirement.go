package accounts

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/accounts/internal/accountsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Policy says for whom an institution asks for a second factor, and where a
// browser may be sent back to after signing in.
type Policy = accountsdb.AccountPolicy

// PolicyPatch changes what is not nil.
type PolicyPatch struct{ Roles, Scopes, Returns []string }

// GetPolicy returns the policy of the actor's institution. Until somebody says
// otherwise it asks for nothing.
func (s *Service) GetPolicy(ctx context.Context) (Policy, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Policy{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Policy, error) {
		if err := s.q.EnsurePolicy(ctx, tx, actor.Tenant); err != nil {
			return Policy{}, err
		}
		return s.q.GetPolicy(ctx, tx, actor.Tenant)
	})
}

// UpdatePolicy changes the policy. It counts within a second, also for sessions
// that are open.
func (s *Service) UpdatePolicy(ctx context.Context, p PolicyPatch, version *int64) (Policy, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Policy{}, err
	}
	out, err := pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Policy, error) {
		if err := s.q.EnsurePolicy(ctx, tx, actor.Tenant); err != nil {
			return Policy{}, err
		}
		before, err := s.q.LockPolicy(ctx, tx, actor.Tenant)
		if err != nil {
			return Policy{}, err
		}
		if err := web.CheckVersion(version, before.Version); err != nil {
			return Policy{}, err
		}
		after := before
		if p.Roles != nil {
			after.MfaRoles = inOrder(p.Roles)
		}
		if p.Scopes != nil {
			after.MfaScopes = inOrder(p.Scopes)
		}
		if p.Returns != nil {
			after.ReturnAddresses = inOrder(p.Returns)
		}
		if err := s.checkPolicy(ctx, tx, actor.Tenant, after); err != nil {
			return Policy{}, err
		}
		changes, err := events.Diff(recordOf(before), recordOf(after))
		if err != nil || len(changes) == 0 {
			return before, err
		}
		after, err = s.q.UpdatePolicy(ctx, tx, accountsdb.UpdatePolicyParams{
			TenantID: actor.Tenant, MfaRoles: after.MfaRoles, MfaScopes: after.MfaScopes, ReturnAddresses: after.ReturnAddresses,
		})
		if err != nil {
			return Policy{}, err
		}
		return after, events.RecordTx(ctx, tx, events.Entry{
			Type: "sign_in_policy.updated", Subject: events.Subject{Kind: "sign_in_policy", ID: actor.Tenant, Version: after.Version}, Changes: changes,
		})
	})
	s.access.Forget(actor.Tenant)
	return out, err
}

func recordOf(p Policy) map[string]any {
	return map[string]any{"mfa_roles": p.MfaRoles, "mfa_scopes": p.MfaScopes, "return_addresses": p.ReturnAddresses}
}

func (s *Service) checkPolicy(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, p Policy) error {
	f := fault.Invalid()
	known := s.access.ScopeNames()
	for i, scope := range p.MfaScopes {
		if scope != "*" && !slices.Contains(known, scope) {
			f.At(fmt.Sprintf("#/mfa_scopes/%d", i), "unknown-scope", "scope", scope)
		}
	}
	unknown, err := s.q.UnknownRoles(ctx, tx, p.MfaRoles, tenant)
	if err != nil {
		return err
	}
	for i, role := range p.MfaRoles {
		if slices.Contains(unknown, role) {
			f.At(fmt.Sprintf("#/mfa_roles/%d", i), "unknown-role")
		}
	}
	for i, address := range p.ReturnAddresses {
		if !fitsReturn(address) {
			f.At(fmt.Sprintf("#/return_addresses/%d", i), "return-address-unfit")
		}
	}
	return f.OrNil()
}

// fitsReturn: what a browser is sent to with a code is read by nobody on the
// way, and is all of it compared.
func fitsReturn(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || strings.HasSuffix(address, "#") || u.Opaque != "" {
		return false
	}
	local := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"
	return u.Scheme == "https" || (u.Scheme == "http" && local)
}

func inOrder(in []string) []string {
	out := append([]string{}, in...)
	slices.Sort(out)
	return slices.Compact(out)
}
