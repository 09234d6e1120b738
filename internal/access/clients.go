package access

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/access/internal/accessdb"
	"github.com/parvis-crm/parvis/internal/access/jwk"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// NewClient describes an OAuth client to be registered. With Keys it proves
// itself by private_key_jwt and has no secret.
type NewClient struct {
	Name   string
	Scopes []string
	Source *string
	Keys   *jwk.Set
	// AllowedCIDRs are the networks from which it gets and uses tokens; none: any.
	AllowedCIDRs []netip.Prefix
	ExpiresAt    *time.Time
	Limits       Limits
}

// ClientPatch changes what is given.
type ClientPatch struct {
	Name   *string
	Scopes *[]string
	Source nullable.Nullable[string]
	Keys   *jwk.Set

	AllowedCIDRs *[]netip.Prefix
	ExpiresAt    nullable.Nullable[time.Time]
	Limits       LimitsPatch
}

type clientRecord struct {
	Name      string          `json:"name"`
	Scopes    []string        `json:"scopes"`
	Source    *string         `json:"source"`
	Keys      json.RawMessage `json:"jwks"`
	RevokedAt *time.Time      `json:"revoked_at"`

	AllowedCIDRs []netip.Prefix `json:"allowed_cidrs"`
	ExpiresAt    *time.Time     `json:"expires_at"`
	limitsRecord
}

func recordOfClient(c OAuthClient) clientRecord {
	return clientRecord{c.Name, c.Scopes, c.Source, c.Jwks, c.RevokedAt, nonNil(c.AllowedCidrs), c.ExpiresAt, recordOfLimits(limitsOfClient(c))}
}

// secretPrefix makes a leaked client secret recognisable.
const secretPrefix = "pv_client_"

// newSecret makes a client secret of 256 random bits and its hash. Only the
// hash is stored; a fast one is enough for a secret that nobody can guess.
func newSecret() (text string, hash []byte) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails since Go 1.24: it ends the program instead
	text = secretPrefix + base64.RawURLEncoding.EncodeToString(raw)
	return text, hashSecret(text)
}

func hashSecret(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// CreateClient registers a client and returns its secret, empty for one that
// proves itself by its keys.
func (s *Service) CreateClient(ctx context.Context, in NewClient) (OAuthClient, string, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return OAuthClient{}, "", err
	}
	l := in.Limits.tidy()
	if err := s.mayGiveProgram(ctx, actor, in.Scopes, l); err != nil {
		return OAuthClient{}, "", err
	}
	if in.ExpiresAt != nil && !in.ExpiresAt.After(s.clock.Now()) {
		return OAuthClient{}, "", fault.Invalid().At("#/expires_at", "in-the-past")
	}
	if err := sameSource(actor, in.Source); err != nil {
		return OAuthClient{}, "", err
	}
	if err := within(actor, in.AllowedCIDRs, in.ExpiresAt); err != nil {
		return OAuthClient{}, "", err
	}
	p := accessdb.InsertOAuthClientParams{
		TenantID: actor.Tenant, ID: ids.New(), Name: in.Name, Scopes: sorted(in.Scopes), Source: in.Source,
		CreatedByKind: string(actor.Kind), CreatedBy: actor.ID, AllowedCidrs: nonNil(in.AllowedCIDRs), ExpiresAt: in.ExpiresAt,
		DepartmentIds: l.Departments, Verbs: l.Verbs, Purposes: l.Purposes, ReadableClasses: l.Readable, WritableClasses: l.Writable,
	}
	var secret string
	if in.Keys != nil {
		p.Jwks, err = clientKeys(*in.Keys)
	} else {
		secret, p.SecretHash = newSecret()
	}
	if err != nil {
		return OAuthClient{}, "", err
	}
	c, err := pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (OAuthClient, error) {
		if err := s.checkLimits(ctx, tx, actor.Tenant, l); err != nil {
			return OAuthClient{}, err
		}
		c, err := s.q.InsertOAuthClient(ctx, tx, p)
		if err != nil {
			return OAuthClient{}, err
		}
		return c, recordClient(ctx, tx, "oauth_client.created", c, nil, map[string]any{"scopes": c.Scopes})
	})
	return c, secret, err
}

// clientKeys checks a client's public keys and writes them as they are kept.
func clientKeys(set jwk.Set) (json.RawMessage, error) {
	f := fault.Invalid()
	seen := map[string]bool{}
	for i, k := range set.Keys {
		if _, _, err := k.Decode(); err != nil {
			f.At(fmt.Sprintf("#/jwks/keys/%d", i), "unusable-key")
		}
		if seen[k.ID] {
			f.At(fmt.Sprintf("#/jwks/keys/%d/kid", i), "not-unique")
		}
		seen[k.ID] = true
	}
	if err := f.OrNil(); err != nil {
		return nil, err
	}
	return json.Marshal(set)
}

// GetClient returns a client of the actor's institution.
func (s *Service) GetClient(ctx context.Context, id uuid.UUID) (OAuthClient, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return OAuthClient{}, err
	}
	return s.q.GetOAuthClient(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
}

// ListClients returns at most limit clients after one, newest first.
func (s *Service) ListClients(ctx context.Context, status *string, after *uuid.UUID, limit int) ([]OAuthClient, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListOAuthClients(ctx, s.db.Tenant(actor.Tenant), accessdb.ListOAuthClientsParams{
		TenantID: actor.Tenant, Status: status, After: after, PageSize: int32(limit),
	})
}

// UpdateClient changes a client. Its tokens never have more rights than it has
// now, so what is taken away is gone at once.
func (s *Service) UpdateClient(ctx context.Context, id uuid.UUID, p ClientPatch, version *int64) (OAuthClient, error) {
	return s.changeClient(ctx, id, version, "oauth_client.updated", func(ctx context.Context, tx pgx.Tx, actor web.Actor, c *OAuthClient) error {
		if p.Scopes != nil {
			c.Scopes = sorted(*p.Scopes)
		}
		former, l := limitsOfClient(*c).tidy(), p.Limits.apply(limitsOfClient(*c))
		c.DepartmentIds, c.Verbs, c.Purposes, c.ReadableClasses, c.WritableClasses = l.Departments, l.Verbs, l.Purposes, l.Readable, l.Writable
		if err := s.mayGiveProgram(ctx, actor, c.Scopes, l); err != nil {
			return err
		}
		if !reflect.DeepEqual(former, l) {
			if err := s.checkLimits(ctx, tx, c.TenantID, l); err != nil {
				return err
			}
		}
		replace(&c.AllowedCidrs, p.AllowedCIDRs)
		if assign(&c.ExpiresAt, p.ExpiresAt); p.ExpiresAt.IsSpecified() && c.ExpiresAt != nil && !c.ExpiresAt.After(s.clock.Now()) {
			return fault.Invalid().At("#/expires_at", "in-the-past")
		}
		if err := within(actor, c.AllowedCidrs, c.ExpiresAt); err != nil {
			return err
		}
		replace(&c.Name, p.Name)
		assign(&c.Source, p.Source)
		if err := sameSource(actor, c.Source); err != nil {
			return err
		}
		if p.Keys == nil {
			return nil
		}
		if c.Jwks == nil {
			return fault.Invalid().At("#/jwks", "proves-by-secret")
		}
		keys, err := clientKeys(*p.Keys)
		if err == nil && !sameJSON(keys, c.Jwks) {
			c.Jwks = keys
		}
		return err
	})
}

// sameJSON reports whether two documents say the same, however PostgreSQL
// wrote one of them.
func sameJSON(a, b json.RawMessage) bool {
	var x, y jwk.Set
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	one, errOne := json.Marshal(x)
	other, errOther := json.Marshal(y)
	return errOne == nil && errOther == nil && bytes.Equal(one, other)
}

// RevokeClient ends a client and its tokens for good.
func (s *Service) RevokeClient(ctx context.Context, id uuid.UUID, version *int64) (OAuthClient, error) {
	return s.changeClient(ctx, id, version, "oauth_client.revoked", func(_ context.Context, _ pgx.Tx, _ web.Actor, c *OAuthClient) error {
		now := s.clock.Now()
		c.RevokedAt = &now
		return nil
	})
}

// RotateClientSecret gives a client a new secret. The former one works beside
// it for overlap; one before that stops working now.
func (s *Service) RotateClientSecret(ctx context.Context, id uuid.UUID, overlap time.Duration) (OAuthClient, string, error) {
	var secret string
	c, err := s.changeClient(ctx, id, nil, "oauth_client.rotated", func(_ context.Context, _ pgx.Tx, _ web.Actor, c *OAuthClient) error {
		if c.Jwks != nil {
			return fault.New(fault.Conflict, "no-secret")
		}
		until := s.clock.Now().Add(overlap)
		c.FormerSecretHash, c.FormerSecretExpiresAt = c.SecretHash, &until
		secret, c.SecretHash = newSecret()
		return nil
	})
	return c, secret, err
}

func (s *Service) changeClient(ctx context.Context, id uuid.UUID, version *int64, event string, change func(context.Context, pgx.Tx, web.Actor, *OAuthClient) error) (OAuthClient, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return OAuthClient{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (OAuthClient, error) {
		before, err := s.q.LockOAuthClient(ctx, tx, actor.Tenant, id)
		if err != nil {
			return OAuthClient{}, err
		}
		if err := web.CheckVersion(version, before.Version); err != nil {
			return OAuthClient{}, err
		}
		if err := s.mayTouchProgram(ctx, actor, before.Scopes, limitsOfClient(before), before.Source); err != nil {
			return OAuthClient{}, err
		}
		if err := within(actor, before.AllowedCidrs, before.ExpiresAt); err != nil {
			return OAuthClient{}, err
		}
		if before.RevokedAt != nil {
			return OAuthClient{}, fault.New(fault.Conflict, "already-revoked")
		}
		after := before
		if err := change(ctx, tx, actor, &after); err != nil {
			return OAuthClient{}, err
		}
		changes, err := events.Diff(recordOfClient(before), recordOfClient(after))
		if err != nil || (len(changes) == 0 && bytes.Equal(before.SecretHash, after.SecretHash)) {
			return before, err
		}
		after, err = s.q.UpdateOAuthClient(ctx, tx, accessdb.UpdateOAuthClientParams{
			TenantID: actor.Tenant, ID: id, Name: after.Name, Scopes: after.Scopes, Source: after.Source, Jwks: after.Jwks, RevokedAt: after.RevokedAt,
			SecretHash: after.SecretHash, FormerSecretHash: after.FormerSecretHash, FormerSecretExpiresAt: after.FormerSecretExpiresAt,
			AllowedCidrs: nonNil(after.AllowedCidrs), ExpiresAt: after.ExpiresAt, DepartmentIds: nonNil(after.DepartmentIds), Verbs: after.Verbs,
			Purposes: nonNil(after.Purposes), ReadableClasses: after.ReadableClasses, WritableClasses: after.WritableClasses,
		})
		if err != nil {
			return OAuthClient{}, err
		}
		s.known.forget(actor.Tenant)
		return after, recordClient(ctx, tx, event, after, changes, nil)
	})
}

func recordClient(ctx context.Context, tx pgx.Tx, event string, c OAuthClient, changes []events.Change, facts map[string]any) error {
	return events.RecordTx(ctx, tx, events.Entry{
		Type: event, Subject: events.Subject{Kind: "oauth_client", ID: c.ID, Version: c.Version}, Changes: changes, Facts: facts,
	})
}
