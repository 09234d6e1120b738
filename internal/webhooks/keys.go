package webhooks

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
	"github.com/parvis-crm/parvis/internal/webhooks/signature"
)

// maxLiveKeys bounds the signatures of one delivery: two a key, and receivers
// read no more than sixteen.
const maxLiveKeys = 5

// DefaultOverlap is how long old keys still sign after a rotation.
const DefaultOverlap = 24 * time.Hour

// SealedColumns describes what is kept under the institution's key: secrets and
// private keys. legacy opens what was sealed for the text it is given before
// there was a vault.
func SealedColumns(legacy func(context func(row string) string) func(row string, sealed []byte) ([]byte, error)) (secrets, privateKeys vault.Column) {
	column := func(name, formerly string) vault.Column {
		return vault.Column{
			Table: "webhook_keys", Column: name, Key: "id", KeyType: "uuid", Legacy: legacy(func(row string) string { return formerly + " " + row }),
		}
	}
	return column("secret", "secret"), column("private_key", "private key")
}

// PublicKey is one key that deliveries to an endpoint are signed with.
type PublicKey struct {
	ID        uuid.UUID
	Key       signature.PublicKey
	CreatedAt time.Time
	ExpiresAt *time.Time
}

// newKeyTx makes a secret and a key pair for an endpoint and returns the secret
// and the public key as texts.
func (s *Service) newKeyTx(ctx context.Context, tx pgx.Tx, tenant, endpoint uuid.UUID) (secret, public string, err error) {
	shared, err := signature.GenerateSecret()
	if err != nil {
		return "", "", err
	}
	private, err := signature.GeneratePrivateKey()
	if err != nil {
		return "", "", err
	}
	p := webhooksdb.InsertKeyParams{TenantID: tenant, ID: ids.New(), EndpointID: endpoint, PublicKey: private.Public().String()}
	if p.Secret, err = s.secrets.Seal(ctx, tx, tenant, p.ID.String(), []byte(shared.Reveal())); err != nil {
		return "", "", err
	}
	if p.PrivateKey, err = s.privates.Seal(ctx, tx, tenant, p.ID.String(), []byte(private.Reveal())); err != nil {
		return "", "", err
	}
	_, err = s.q.InsertKey(ctx, tx, p)
	return shared.Reveal(), private.Public().String(), err
}

// signingKeys opens every key that still signs, the newest first.
func (s *Service) signingKeys(ctx context.Context, rows []webhooksdb.WebhookKey) ([]signature.SigningKey, error) {
	keys := make([]signature.SigningKey, 0, 2*len(rows))
	for _, row := range rows {
		text, err := s.secrets.Open(ctx, s.db.Tenant(row.TenantID), row.TenantID, row.ID.String(), row.Secret)
		if err != nil {
			return nil, err
		}
		secret, err := signature.ParseSecret(string(text))
		if err != nil {
			return nil, err
		}
		if text, err = s.privates.Open(ctx, s.db.Tenant(row.TenantID), row.TenantID, row.ID.String(), row.PrivateKey); err != nil {
			return nil, err
		}
		private, err := signature.ParsePrivateKey(string(text))
		if err != nil {
			return nil, err
		}
		keys = append(keys, secret, private)
	}
	return keys, nil
}

// Rotate gives an endpoint new keys. The old ones still sign for the overlap.
func (s *Service) Rotate(ctx context.Context, id uuid.UUID, overlap time.Duration) (EndpointSecret, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return EndpointSecret{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (EndpointSecret, error) {
		if _, err := s.q.LockEndpoint(ctx, tx, actor.Tenant, id); err != nil {
			return EndpointSecret{}, err
		}
		live, err := s.q.ListLiveKeys(ctx, tx, actor.Tenant, id)
		if err != nil {
			return EndpointSecret{}, err
		}
		if len(live) >= maxLiveKeys && overlap > 0 {
			return EndpointSecret{}, fault.New(fault.Conflict, "webhook-keys-limit").With("limit", maxLiveKeys)
		}
		until := clock.System{}.Now().Add(overlap)
		if err := s.q.ExpireKeys(ctx, tx, until, actor.Tenant, id); err != nil {
			return EndpointSecret{}, err
		}
		out := EndpointSecret{}
		if out.Secret, out.PublicKey, err = s.newKeyTx(ctx, tx, actor.Tenant, id); err != nil {
			return EndpointSecret{}, err
		}
		e, err := s.q.TouchEndpoint(ctx, tx, actor.Tenant, id)
		if err != nil {
			return EndpointSecret{}, err
		}
		s.changed(actor.Tenant)
		if err := events.RecordTx(ctx, tx, events.Entry{
			Type: "webhook_endpoint.secret_rotated", Subject: subject(e), Facts: map[string]any{"overlap_until": until.UTC().Format(time.RFC3339)},
		}); err != nil {
			return EndpointSecret{}, err
		}
		out.Endpoint, err = s.withHealth(ctx, tx, e)
		return out, err
	})
}

// PublicKeys returns the keys of any endpoint of any institution: they are
// public. An endpoint without keys is not there.
func (s *Service) PublicKeys(ctx context.Context, endpoint uuid.UUID) ([]PublicKey, error) {
	rows, err := s.db.Unscoped().Query(ctx, "select id, public_key, created_at, expires_at from webhook_public_keys($1)", endpoint)
	if err != nil {
		return nil, err
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (PublicKey, error) {
		var k PublicKey
		var text string
		if err := row.Scan(&k.ID, &text, &k.CreatedAt, &k.ExpiresAt); err != nil {
			return k, err
		}
		var err error
		k.Key, err = signature.ParsePublicKey(text)
		return k, err
	})
	if err == nil && len(keys) == 0 {
		return nil, fault.NotFound()
	}
	return keys, err
}
