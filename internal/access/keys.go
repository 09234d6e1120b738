package access

import (
	"context"
	"net/netip"
	"reflect"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/access/internal/accessdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// AdministratorKey is the name of the key that the program makes by itself.
const AdministratorKey = "Administrator"

// NewKey describes an API key to be made.
type NewKey struct {
	Name         string
	Kind         apikey.Kind
	Scopes       []string
	Source       *string
	AllowedCIDRs []netip.Prefix
	ExpiresAt    *time.Time
	RotatedFrom  *uuid.UUID
	Limits       Limits
}

// CreateKey makes an API key and returns its row and its secret text, which is
// kept nowhere and shown once.
func (s *Service) CreateKey(ctx context.Context, in NewKey) (APIKey, string, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return APIKey{}, "", err
	}
	in.Limits = in.Limits.tidy()
	if err := s.mayGiveKey(ctx, actor, in.Kind, in.Scopes, in.Limits); err != nil {
		return APIKey{}, "", err
	}
	if err := checkKey(in.Kind, in.Scopes, in.Source, in.ExpiresAt, s.clock.Now()); err != nil {
		return APIKey{}, "", err
	}
	if err := sameSource(actor, in.Source); err != nil {
		return APIKey{}, "", err
	}
	if err := within(actor, in.AllowedCIDRs, in.ExpiresAt); err != nil {
		return APIKey{}, "", err
	}
	var row APIKey
	var secret string
	err = pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if err := s.checkLimits(ctx, tx, actor.Tenant, in.Limits); err != nil {
			return err
		}
		row, secret, err = s.insertKey(ctx, tx, actor, in)
		return err
	})
	return row, secret, err
}

// mayGiveKey decides whether the actor may make such a key. A publishable one
// has no rights at all: it opens what is public.
func (s *Service) mayGiveKey(ctx context.Context, actor web.Actor, kind apikey.Kind, scopes []string, l Limits) error {
	if kind == apikey.Publishable {
		return s.mayGrant(actor, scopes)
	}
	return s.mayGiveProgram(ctx, actor, scopes, l)
}

func (s *Service) insertKey(ctx context.Context, tx pgx.Tx, actor web.Actor, in NewKey) (APIKey, string, error) {
	mode := apikey.Live
	if actor.Test {
		mode = apikey.Test
	}
	key, err := apikey.Generate(mode, in.Kind)
	if err != nil {
		return APIKey{}, "", err
	}
	hash := key.Hash()
	row, err := s.q.InsertAPIKey(ctx, tx, accessdb.InsertAPIKeyParams{
		TenantID: actor.Tenant, ID: ids.New(), KeyID: key.ID(), SecretHash: hash[:], Kind: string(in.Kind), Name: in.Name,
		Scopes: sorted(in.Scopes), Source: in.Source, AllowedCidrs: nonNil(in.AllowedCIDRs), ExpiresAt: in.ExpiresAt, RotatedFrom: in.RotatedFrom,
		CreatedByKind: string(actor.Kind), CreatedBy: actor.ID,
		DepartmentIds: nonNil(in.Limits.Departments), Verbs: in.Limits.Verbs, Purposes: nonNil(in.Limits.Purposes),
		ReadableClasses: in.Limits.Readable, WritableClasses: in.Limits.Writable,
	})
	if err != nil {
		return APIKey{}, "", err
	}
	return row, key.Reveal(), recordKey(ctx, tx, "api_key.created", row, nil, map[string]any{"kind": row.Kind, "scopes": row.Scopes})
}

// checkKey holds the rules of the kinds: a restricted key is bound to a source
// and no other is; a publishable key has no rights of its own.
func checkKey(kind apikey.Kind, scopes []string, source *string, expires *time.Time, now time.Time) error {
	f := fault.Invalid()
	switch {
	case kind == apikey.Restricted && source == nil:
		f.At("#/source", "source-required")
	case kind != apikey.Restricted && source != nil:
		f.At("#/source", "source-not-allowed")
	}
	if kind == apikey.Publishable && len(scopes) > 0 {
		f.At("#/scopes", "publishable-scopes")
	}
	if expires != nil && !expires.After(now) {
		f.At("#/expires_at", "in-the-past")
	}
	return f.OrNil()
}

// GetKey returns a key of the actor's institution.
func (s *Service) GetKey(ctx context.Context, id uuid.UUID) (APIKey, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return APIKey{}, err
	}
	return s.q.GetAPIKey(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
}

// ListKeys returns at most limit keys after one, newest first.
func (s *Service) ListKeys(ctx context.Context, status, kind *string, after *uuid.UUID, limit int) ([]APIKey, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListAPIKeys(ctx, s.db.Tenant(actor.Tenant), accessdb.ListAPIKeysParams{
		TenantID: actor.Tenant, Status: status, Kind: kind, Now: s.clock.Now(), After: after, PageSize: int32(limit),
	})
}

// KeyPatch changes what is given.
type KeyPatch struct {
	Name         *string
	Scopes       *[]string
	Source       nullable.Nullable[string]
	AllowedCIDRs *[]netip.Prefix
	ExpiresAt    nullable.Nullable[time.Time]
	Limits       LimitsPatch
}

type keyRecord struct {
	Name         string         `json:"name"`
	Scopes       []string       `json:"scopes"`
	Source       *string        `json:"source"`
	AllowedCIDRs []netip.Prefix `json:"allowed_cidrs"`
	ExpiresAt    *time.Time     `json:"expires_at"`
	RevokedAt    *time.Time     `json:"revoked_at"`
	limitsRecord
}

func recordOfKey(k APIKey) keyRecord {
	return keyRecord{k.Name, k.Scopes, k.Source, nonNil(k.AllowedCidrs), k.ExpiresAt, k.RevokedAt, recordOfLimits(limitsOfKey(k))}
}

// UpdateKey changes a key. What it may do from now on holds at once.
func (s *Service) UpdateKey(ctx context.Context, id uuid.UUID, p KeyPatch, version *int64) (APIKey, error) {
	return s.changeKey(ctx, id, version, "api_key.updated", func(ctx context.Context, tx pgx.Tx, actor web.Actor, k *APIKey) error {
		if p.Scopes != nil {
			k.Scopes = sorted(*p.Scopes)
		}
		former, l := limitsOfKey(*k).tidy(), p.Limits.apply(limitsOfKey(*k))
		k.DepartmentIds, k.Verbs, k.Purposes, k.ReadableClasses, k.WritableClasses = l.Departments, l.Verbs, l.Purposes, l.Readable, l.Writable
		if err := s.mayGiveKey(ctx, actor, apikey.Kind(k.Kind), k.Scopes, l); err != nil {
			return err
		}
		if !reflect.DeepEqual(former, l) {
			if err := s.checkLimits(ctx, tx, k.TenantID, l); err != nil {
				return err
			}
		}
		replace(&k.Name, p.Name)
		replace(&k.AllowedCidrs, p.AllowedCIDRs)
		assign(&k.Source, p.Source)
		if err := sameSource(actor, k.Source); err != nil {
			return err
		}
		var expires *time.Time
		if p.ExpiresAt.IsSpecified() {
			assign(&k.ExpiresAt, p.ExpiresAt)
			expires = k.ExpiresAt
		}
		if err := within(actor, k.AllowedCidrs, k.ExpiresAt); err != nil {
			return err
		}
		return checkKey(apikey.Kind(k.Kind), k.Scopes, k.Source, expires, s.clock.Now())
	})
}

// RevokeKey ends a key for good.
func (s *Service) RevokeKey(ctx context.Context, id uuid.UUID, version *int64) (APIKey, error) {
	return s.changeKey(ctx, id, version, "api_key.revoked", func(_ context.Context, _ pgx.Tx, _ web.Actor, k *APIKey) error {
		now := s.clock.Now()
		k.RevokedAt = &now
		return nil
	})
}

// changeKey locks a key that is still in use, changes it, and records what
// became different.
func (s *Service) changeKey(ctx context.Context, id uuid.UUID, version *int64, event string, change func(context.Context, pgx.Tx, web.Actor, *APIKey) error) (APIKey, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return APIKey{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (APIKey, error) {
		before, err := s.lockKey(ctx, tx, actor, id, version)
		if err != nil {
			return APIKey{}, err
		}
		after := before
		if err := change(ctx, tx, actor, &after); err != nil {
			return APIKey{}, err
		}
		return s.writeKey(ctx, tx, event, before, after, nil)
	})
}

func (s *Service) lockKey(ctx context.Context, tx pgx.Tx, actor web.Actor, id uuid.UUID, version *int64) (APIKey, error) {
	k, err := s.q.LockAPIKey(ctx, tx, actor.Tenant, id)
	if err != nil {
		return APIKey{}, err
	}
	if err := web.CheckVersion(version, k.Version); err != nil {
		return APIKey{}, err
	}
	if k.Kind == string(apikey.Publishable) {
		err = mayTouch(actor, k.Scopes, k.Source)
	} else {
		err = s.mayTouchProgram(ctx, actor, k.Scopes, limitsOfKey(k), k.Source)
	}
	if err == nil {
		err = within(actor, k.AllowedCidrs, k.ExpiresAt)
	}
	if err != nil {
		return APIKey{}, err
	}
	if k.RevokedAt != nil {
		return APIKey{}, fault.New(fault.Conflict, "already-revoked")
	}
	return k, nil
}

func (s *Service) writeKey(ctx context.Context, tx pgx.Tx, event string, before, after APIKey, facts map[string]any) (APIKey, error) {
	changes, err := events.Diff(recordOfKey(before), recordOfKey(after))
	if err != nil || (len(changes) == 0 && facts == nil) {
		return before, err
	}
	after, err = s.q.UpdateAPIKey(ctx, tx, accessdb.UpdateAPIKeyParams{
		TenantID: before.TenantID, ID: before.ID, Name: after.Name, Scopes: after.Scopes, Source: after.Source,
		AllowedCidrs: nonNil(after.AllowedCidrs), ExpiresAt: after.ExpiresAt, RevokedAt: after.RevokedAt,
		DepartmentIds: nonNil(after.DepartmentIds), Verbs: after.Verbs, Purposes: nonNil(after.Purposes), ReadableClasses: after.ReadableClasses, WritableClasses: after.WritableClasses,
	})
	if err != nil {
		return APIKey{}, err
	}
	s.known.forget(after.TenantID)
	return after, recordKey(ctx, tx, event, after, changes, facts)
}

// RotateKey makes a second key with the same rights and limits. The first one
// goes on beside it for overlap, and no longer than it would have anyway.
func (s *Service) RotateKey(ctx context.Context, id uuid.UUID, overlap time.Duration) (APIKey, string, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return APIKey{}, "", err
	}
	var successor APIKey
	var secret string
	err = pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		former, err := s.lockKey(ctx, tx, actor, id, nil)
		if err != nil {
			return err
		}
		now := s.clock.Now()
		if former.ExpiresAt != nil && !former.ExpiresAt.After(now) {
			return fault.New(fault.Conflict, "key-expired")
		}
		successor, secret, err = s.insertKey(ctx, tx, actor, NewKey{
			Name: former.Name, Kind: apikey.Kind(former.Kind), Scopes: former.Scopes, Source: former.Source,
			AllowedCIDRs: former.AllowedCidrs, ExpiresAt: former.ExpiresAt, RotatedFrom: &former.ID, Limits: limitsOfKey(former),
		})
		if err != nil {
			return err
		}
		ending := former
		if end := now.Add(overlap); ending.ExpiresAt == nil || end.Before(*ending.ExpiresAt) {
			ending.ExpiresAt = &end
		}
		_, err = s.writeKey(ctx, tx, "api_key.rotated", former, ending, map[string]any{"successor_id": successor.ID})
		return err
	})
	return successor, secret, err
}

// ReplaceAdministratorKey makes a new administrator key and revokes the ones
// that the program made before, for an operator whose key was lost or leaked.
func (s *Service) ReplaceAdministratorKey(ctx context.Context) (string, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return "", err
	}
	var secret string
	err = pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		formers, err := s.q.ActiveKeysNamed(ctx, tx, actor.Tenant, AdministratorKey)
		if err != nil {
			return err
		}
		var row APIKey
		row, secret, err = s.insertKey(ctx, tx, actor, NewKey{Name: AdministratorKey, Kind: apikey.Secret, Scopes: []string{everything}})
		if err != nil {
			return err
		}
		now := s.clock.Now()
		for _, former := range formers {
			ended := former
			ended.RevokedAt = &now
			if _, err := s.writeKey(ctx, tx, "api_key.revoked", former, ended, map[string]any{"successor_id": row.ID}); err != nil {
				return err
			}
		}
		return nil
	})
	return secret, err
}

func recordKey(ctx context.Context, tx pgx.Tx, event string, k APIKey, changes []events.Change, facts map[string]any) error {
	return events.RecordTx(ctx, tx, events.Entry{
		Type: event, Subject: events.Subject{Kind: "api_key", ID: k.ID, Version: k.Version}, Changes: changes, Facts: facts,
	})
}

// ParseCIDRs reads networks, and single addresses as networks of one.
func ParseCIDRs(texts []string) ([]netip.Prefix, []int) {
	out := make([]netip.Prefix, 0, len(texts))
	var wrong []int
	for i, text := range texts {
		if p, err := netip.ParsePrefix(text); err == nil && p == p.Masked() && !p.Addr().Is4In6() {
			out = append(out, p)
			continue
		}
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			out = append(out, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		wrong = append(wrong, i)
	}
	return out, wrong
}
