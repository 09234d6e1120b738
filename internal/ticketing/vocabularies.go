package ticketing

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Vocabulary is a list of terms that others keep, as the institution speaks of it.
type Vocabulary = ticketingdb.TicketingVocabulary

// NewVocabulary describes a vocabulary to be registered.
type NewVocabulary struct {
	Code, Name                string
	URI, Edition, Description *string
}

// VocabularyPatch changes one; nil leaves a member as it is, a pointer to nil
// empties it.
type VocabularyPatch struct {
	Name                      *string
	URI, Edition, Description **string
}

// whole refuses credentials of one source what concerns all of them.
func whole(ctx context.Context) (web.Actor, error) {
	actor, err := web.ActorFrom(ctx)
	if err == nil && actor.Source != "" {
		err = fault.NotFound()
	}
	return actor, err
}

// CreateVocabulary registers a vocabulary.
func (s *Service) CreateVocabulary(ctx context.Context, in NewVocabulary) (Vocabulary, error) {
	actor, err := whole(ctx)
	if err != nil {
		return Vocabulary{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Vocabulary, error) {
		out, err := s.q.InsertVocabulary(ctx, tx, ticketingdb.InsertVocabularyParams{
			TenantID: actor.Tenant, ID: ids.New(), Code: in.Code, Name: in.Name, Uri: in.URI, Edition: in.Edition, Description: in.Description,
		})
		if pg.Violated(err, "ticketing_vocabularies_code") {
			return out, fault.New(fault.Conflict, "ticketing-vocabulary-code-taken").With("code", in.Code).At("#/code", "not-unique")
		}
		if err != nil {
			return out, err
		}
		return out, recordVocabulary(ctx, tx, "created", nil, out)
	})
}

// GetVocabulary reads a vocabulary.
func (s *Service) GetVocabulary(ctx context.Context, id uuid.UUID) (Vocabulary, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Vocabulary{}, err
	}
	return s.q.GetVocabulary(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
}

// ListVocabularies returns at most limit vocabularies after a code.
func (s *Service) ListVocabularies(ctx context.Context, code *string, after string, limit int) ([]Vocabulary, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListVocabularies(ctx, s.db.Tenant(actor.Tenant), ticketingdb.ListVocabulariesParams{TenantID: actor.Tenant, Code: code, AfterCode: after, PageSize: int32(limit)})
}

// UpdateVocabulary changes a vocabulary.
func (s *Service) UpdateVocabulary(ctx context.Context, id uuid.UUID, p VocabularyPatch, want *int64) (Vocabulary, error) {
	actor, err := whole(ctx)
	if err != nil {
		return Vocabulary{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Vocabulary, error) {
		before, err := s.q.LockVocabulary(ctx, tx, actor.Tenant, id)
		if err != nil {
			return before, err
		}
		if err := web.CheckVersion(want, before.Version); err != nil {
			return before, err
		}
		next := before
		next.Name, next.Uri, next.Edition, next.Description = or(p.Name, before.Name), or(p.URI, before.Uri), or(p.Edition, before.Edition), or(p.Description, before.Description)
		if sameRow(next, before) {
			return before, nil
		}
		after, err := s.q.UpdateVocabulary(ctx, tx, ticketingdb.UpdateVocabularyParams{TenantID: actor.Tenant, ID: id, Name: next.Name, Uri: next.Uri, Edition: next.Edition, Description: next.Description})
		if err != nil {
			return after, err
		}
		return after, recordVocabulary(ctx, tx, "updated", &before, after)
	})
}

// DeleteVocabulary removes a vocabulary to whose terms nothing is mapped.
func (s *Service) DeleteVocabulary(ctx context.Context, id uuid.UUID, want *int64) error {
	actor, err := whole(ctx)
	if err != nil {
		return err
	}
	if want == nil {
		return fault.New(fault.PreconditionRequired, "precondition-required")
	}
	return pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		before, err := s.q.LockVocabulary(ctx, tx, actor.Tenant, id)
		if err != nil {
			return err
		}
		if err := web.CheckVersion(want, before.Version); err != nil {
			return err
		}
		used, err := s.q.VocabularyInUse(ctx, tx, actor.Tenant, id)
		if err != nil {
			return err
		}
		if used {
			return fault.New(fault.Conflict, "ticketing-vocabulary-in-use").With("code", before.Code)
		}
		if err := s.q.DeleteVocabulary(ctx, tx, actor.Tenant, id); err != nil {
			return err
		}
		before.Version++
		return recordVocabulary(ctx, tx, "deleted", nil, before)
	})
}

func recordVocabulary(ctx context.Context, tx pgx.Tx, what string, before *Vocabulary, after Vocabulary) error {
	e := events.Entry{Type: "ticketing.vocabulary." + what, Subject: events.Subject{Kind: "ticketing_vocabulary", ID: after.ID, Version: after.Version}, Facts: map[string]any{"code": after.Code}}
	if what != "deleted" {
		var err error
		if e.Changes, err = events.Diff(before, after, "tenant_id", "id", "version", "created_at", "updated_at"); err != nil {
			return err
		}
	}
	return events.RecordTx(ctx, tx, e)
}
