package consents

import (
	"context"
	"crypto/sha256"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/text/language"

	"github.com/parvis-crm/parvis/internal/consents/internal/consentsdb"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// StoredWording is a text that people were shown; it never changes.
type StoredWording = consentsdb.ConsentWording

// Wording is a text to be stored. Label is the version its author gave it.
type Wording struct{ Text, Language, Label string }

// CreateWording stores a text; see EnsureWordingTx.
func (s *Service) CreateWording(ctx context.Context, in Wording) (StoredWording, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return StoredWording{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (StoredWording, error) {
		return s.EnsureWordingTx(ctx, tx, in)
	})
}

// EnsureWordingTx stores a text as part of tx, or finds it where the same text,
// language and label is already stored.
func (s *Service) EnsureWordingTx(ctx context.Context, tx pgx.Tx, in Wording) (StoredWording, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return StoredWording{}, err
	}
	if _, err := language.Parse(in.Language); err != nil {
		return StoredWording{}, fault.Invalid().At("#/language", "unknown-language")
	}
	if strings.TrimSpace(in.Text) == "" {
		return StoredWording{}, fault.Invalid().At("#/text", "required")
	}
	sum := sha256.Sum256([]byte(in.Text))
	err = s.q.EnsureWording(ctx, tx, consentsdb.EnsureWordingParams{
		TenantID: actor.Tenant, ID: ids.New(), Label: in.Label, Language: in.Language, Text: in.Text, Sha256: sum[:], CreatedAt: s.clock.Now(),
	})
	if err != nil {
		return StoredWording{}, err
	}
	return s.q.FindWording(ctx, tx, consentsdb.FindWordingParams{TenantID: actor.Tenant, Sha256: sum[:], Language: in.Language, Label: in.Label})
}

// GetWordingTx returns a stored text as part of tx.
func (s *Service) GetWordingTx(ctx context.Context, tx pgx.Tx, id uuid.UUID) (StoredWording, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return StoredWording{}, err
	}
	return s.q.GetWording(ctx, tx, actor.Tenant, id)
}

// GetWording returns a stored text.
func (s *Service) GetWording(ctx context.Context, id uuid.UUID) (StoredWording, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return StoredWording{}, err
	}
	return s.q.GetWording(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
}

// ListWordings returns at most limit texts after a position, newest first.
func (s *Service) ListWordings(ctx context.Context, lang *string, after *Position, limit int) ([]StoredWording, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	p := consentsdb.ListWordingsParams{TenantID: actor.Tenant, Language: lang, PageSize: int32(limit)}
	if after != nil {
		p.AfterCreatedAt, p.AfterID = &after.At, &after.ID
	}
	return s.q.ListWordings(ctx, s.db.Tenant(actor.Tenant), p)
}

func (s *Service) wordingFor(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, in Entry) (*StoredWording, error) {
	switch {
	case in.WordingID != nil:
		w, err := s.q.GetWording(ctx, tx, tenant, *in.WordingID)
		if pg.IsNoRows(err) {
			return nil, fault.Invalid().At("#/wording_id", "unknown-reference")
		}
		return &w, err
	case in.Wording != nil:
		w, err := s.EnsureWordingTx(ctx, tx, *in.Wording)
		return &w, err
	}
	return nil, nil
}
