package ticketing

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Mapping says which term a value stands for.
type Mapping struct {
	ticketingdb.TicketingMapping
	Vocabulary string  // its code
	SourceCode *string // nil: of all sources
}

// NewMapping maps a value of a source, or of all when Source is nil.
type NewMapping struct {
	Vocabulary   string
	Source       *string
	Field, Value string
	TermID       *string
	TermLabel    map[string]string
	TermURI      *string
}

// MappingPatch changes the term; nil leaves a member as it is.
type MappingPatch struct {
	TermID    *string
	TermLabel *map[string]string
	TermURI   **string
}

// MappingFilter narrows a list of mappings.
type MappingFilter struct{ Vocabulary, Source, Field, Value, TermID *string }

// MappingItem is one piece of work of a batch.
type MappingItem struct {
	NewMapping
	Delete  bool
	Refused *fault.Error // why it cannot be read
}

// MappingResult is what came of an item.
type MappingResult struct {
	ID     *uuid.UUID
	Result string // created, updated, unchanged, deleted
	Fault  *fault.Error
}

// mappedIn is what a mapping is of: a vocabulary, and a source or all.
type mappedIn struct {
	vocabulary Vocabulary
	source     *Source
}

func (p mappedIn) sourceID() *uuid.UUID {
	if p.source == nil {
		return nil
	}
	return &p.source.ID
}

// placeTx finds what a mapping is of. A credential of one source maps the values
// of that source only.
func (s *Service) placeTx(ctx context.Context, tx pgx.Tx, actor web.Actor, in NewMapping) (mappedIn, error) {
	refused := fault.Invalid()
	var out mappedIn
	var err error
	if out.vocabulary, err = s.q.FindVocabulary(ctx, tx, actor.Tenant, in.Vocabulary); errors.Is(err, pgx.ErrNoRows) {
		refused.At("#/vocabulary", "no-match")
	} else if err != nil {
		return out, err
	}
	if in.Source == nil {
		if actor.Source != "" {
			refused.At("#/source", "required")
		}
		return out, refused.OrNil()
	}
	source, err := s.q.GetSource(ctx, tx, actor.Tenant, *in.Source)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && !mayUse(actor, source) {
		refused.At("#/source", "no-match")
	} else if err != nil {
		return out, err
	}
	out.source = &source
	return out, refused.OrNil()
}

func (p mappedIn) shown(row ticketingdb.TicketingMapping) Mapping {
	out := Mapping{TicketingMapping: row, Vocabulary: p.vocabulary.Code}
	if p.source != nil {
		out.SourceCode = &p.source.Code
	}
	return out
}

// insert makes a mapping; false where its value is mapped already.
func (s *Service) insertMapping(ctx context.Context, tx pgx.Tx, actor web.Actor, p mappedIn, in NewMapping) (ticketingdb.TicketingMapping, bool, error) {
	row, err := s.q.InsertMapping(ctx, tx, ticketingdb.InsertMappingParams{
		TenantID: actor.Tenant, ID: ids.New(), VocabularyID: p.vocabulary.ID, SourceID: p.sourceID(), Field: in.Field, Value: in.Value,
		TermID: or(in.TermID, ""), TermLabel: labelOf(in.TermLabel), TermUri: in.TermURI,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return row, false, nil
	}
	if err != nil {
		return row, false, err
	}
	return row, true, recordMapping(ctx, tx, "created", nil, row)
}

func labelOf(label map[string]string) json.RawMessage {
	if len(label) == 0 {
		return json.RawMessage("{}")
	}
	return encode(label)
}

func (s *Service) findMapping(ctx context.Context, tx pgx.Tx, actor web.Actor, p mappedIn, in NewMapping) (ticketingdb.TicketingMapping, error) {
	return s.q.FindMapping(ctx, tx, ticketingdb.FindMappingParams{TenantID: actor.Tenant, Field: in.Field, Value: in.Value, VocabularyID: p.vocabulary.ID, SourceID: p.sourceID()})
}

// CreateMapping maps a value to a term.
func (s *Service) CreateMapping(ctx context.Context, in NewMapping) (Mapping, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Mapping{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Mapping, error) {
		p, err := s.placeTx(ctx, tx, actor, in)
		if err != nil {
			return Mapping{}, err
		}
		row, made, err := s.insertMapping(ctx, tx, actor, p, in)
		if err != nil {
			return Mapping{}, err
		}
		if !made {
			held, err := s.findMapping(ctx, tx, actor, p, in)
			if err != nil {
				return Mapping{}, err
			}
			return Mapping{}, fault.New(fault.Conflict, "ticketing-value-mapped").With("value", in.Value).Extra("existing_id", held.ID.String()).At("#/value", "not-unique")
		}
		return p.shown(row), s.reterm(ctx, tx, actor.Tenant, row)
	})
}

// mappingSeen refuses mappings of other sources to credentials of one.
func (s *Service) mappingSeen(ctx context.Context, db ticketingdb.DBTX, row ticketingdb.TicketingMapping) error {
	if row.SourceID == nil {
		return nil
	}
	return s.visibleIn(ctx, db, *row.SourceID)
}

// GetMapping reads a mapping.
func (s *Service) GetMapping(ctx context.Context, id uuid.UUID) (Mapping, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Mapping{}, err
	}
	row, err := s.q.GetMapping(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	if err != nil {
		return Mapping{}, err
	}
	return Mapping{row.TicketingMapping, row.Code, row.SourceCode}, s.mappingSeen(ctx, s.db.Tenant(actor.Tenant), row.TicketingMapping)
}

// ListMappings returns at most limit mappings after an id.
func (s *Service) ListMappings(ctx context.Context, f MappingFilter, after uuid.UUID, limit int) ([]Mapping, error) {
	actor, only, err := s.scope(ctx, nil)
	if err != nil {
		return nil, err
	}
	p := ticketingdb.ListMappingsParams{TenantID: actor.Tenant, Vocabulary: f.Vocabulary, Only: only, Field: f.Field, Value: f.Value, TermID: f.TermID, AfterID: after, PageSize: int32(limit)}
	if f.Source != nil {
		if _, p.SourceID, err = s.scope(ctx, f.Source); err != nil {
			return nil, err
		}
	}
	rows, err := s.q.ListMappings(ctx, s.db.Tenant(actor.Tenant), p)
	return web.Map(rows, func(r ticketingdb.ListMappingsRow) Mapping { return Mapping{r.TicketingMapping, r.Code, r.SourceCode} }), err
}

// lockMapping takes a mapping that the actor may change.
func (s *Service) lockMapping(ctx context.Context, tx pgx.Tx, actor web.Actor, id uuid.UUID, want *int64) (ticketingdb.TicketingMapping, error) {
	row, err := s.q.LockMapping(ctx, tx, actor.Tenant, id)
	if err != nil {
		return row, err
	}
	if row.SourceID == nil && actor.Source != "" {
		return row, fault.NotFound()
	}
	if err := s.mappingSeen(ctx, tx, row); err != nil {
		return row, err
	}
	return row, web.CheckVersion(want, row.Version)
}

// UpdateMapping maps the value to another term.
func (s *Service) UpdateMapping(ctx context.Context, id uuid.UUID, patch MappingPatch, want *int64) (Mapping, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Mapping{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Mapping, error) {
		before, err := s.lockMapping(ctx, tx, actor, id, want)
		if err != nil {
			return Mapping{}, err
		}
		label := before.TermLabel
		if patch.TermLabel != nil {
			label = labelOf(*patch.TermLabel)
		}
		changed, err := s.changeMapping(ctx, tx, before, or(patch.TermID, before.TermID), label, or(patch.TermURI, before.TermUri))
		if err != nil {
			return Mapping{}, err
		}
		if changed {
			if err := s.reterm(ctx, tx, actor.Tenant, before); err != nil {
				return Mapping{}, err
			}
		}
		row, err := s.q.GetMapping(ctx, tx, actor.Tenant, id)
		return Mapping{row.TicketingMapping, row.Code, row.SourceCode}, err
	})
}

// changeMapping reports whether there was anything to change.
func (s *Service) changeMapping(ctx context.Context, tx pgx.Tx, before ticketingdb.TicketingMapping, id string, label json.RawMessage, uri *string) (bool, error) {
	next := before
	next.TermID, next.TermLabel, next.TermUri = id, label, uri
	if sameRow(next, before) {
		return false, nil
	}
	after, err := s.q.UpdateMapping(ctx, tx, ticketingdb.UpdateMappingParams{TenantID: before.TenantID, ID: before.ID, TermID: id, TermLabel: label, TermUri: uri})
	if err != nil {
		return false, err
	}
	return true, recordMapping(ctx, tx, "updated", &before, after)
}

// DeleteMapping takes a mapping away.
func (s *Service) DeleteMapping(ctx context.Context, id uuid.UUID, want *int64) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	if want == nil {
		return fault.New(fault.PreconditionRequired, "precondition-required")
	}
	return pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		before, err := s.lockMapping(ctx, tx, actor, id, want)
		if err != nil {
			return err
		}
		if err := s.dropMapping(ctx, tx, before); err != nil {
			return err
		}
		return s.reterm(ctx, tx, actor.Tenant, before)
	})
}

func (s *Service) dropMapping(ctx context.Context, tx pgx.Tx, row ticketingdb.TicketingMapping) error {
	if err := s.q.DeleteMapping(ctx, tx, row.TenantID, row.ID); err != nil {
		return err
	}
	return recordMapping(ctx, tx, "deleted", nil, row)
}

// BatchMappings does the items in their order, each standing or falling alone.
// Batches wait for each other in a line; sources are waited for at the end, when
// it is known what changed.
func (s *Service) BatchMappings(ctx context.Context, items []MappingItem) ([]MappingResult, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	results := make([]MappingResult, len(items))
	err = pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if err := s.q.LockNames(ctx, tx, []int64{number(actor.Tenant.String(), "mappings")}); err != nil {
			return err
		}
		var changed []ticketingdb.TicketingMapping
		for i, item := range items {
			var row ticketingdb.TicketingMapping
			err := pg.InSavepoint(ctx, tx, func(ctx context.Context, tx pgx.Tx) error {
				var err error
				row, results[i], err = s.mapOne(ctx, tx, actor, item)
				return err
			})
			if err == nil {
				if results[i].Result != Unchanged {
					changed = append(changed, row)
				}
				continue
			}
			f := web.Fault(err)
			if f == nil || f.Kind == fault.Unavailable {
				return err
			}
			results[i] = MappingResult{Fault: asFault(under(f, "#/items/"+strconv.Itoa(i)))}
		}
		return s.reterm(ctx, tx, actor.Tenant, changed...)
	})
	return results, err
}

func asFault(err error) *fault.Error {
	f, _ := fault.As(err)
	return f
}

func (s *Service) mapOne(ctx context.Context, tx pgx.Tx, actor web.Actor, item MappingItem) (row ticketingdb.TicketingMapping, out MappingResult, err error) {
	if item.Refused != nil {
		return row, out, item.Refused
	}
	if !item.Delete {
		refused := fault.Invalid()
		if item.TermID == nil {
			refused.At("#/term_id", "required")
		}
		if len(item.TermLabel) == 0 {
			refused.At("#/term_label", "required")
		}
		if err := refused.OrNil(); err != nil {
			return row, out, err
		}
	}
	p, err := s.placeTx(ctx, tx, actor, item.NewMapping)
	if err != nil {
		return row, out, err
	}
	row, err = s.findMapping(ctx, tx, actor, p, item.NewMapping)
	missing := errors.Is(err, pgx.ErrNoRows)
	if err != nil && !missing {
		return row, out, err
	}
	switch {
	case item.Delete && missing:
		return row, MappingResult{Result: Unchanged}, nil
	case item.Delete:
		return row, MappingResult{ID: &row.ID, Result: "deleted"}, s.dropMapping(ctx, tx, row)
	case !missing:
		changed, err := s.changeMapping(ctx, tx, row, *item.TermID, labelOf(item.TermLabel), item.TermURI)
		if !changed {
			return row, MappingResult{ID: &row.ID, Result: Unchanged}, err
		}
		return row, MappingResult{ID: &row.ID, Result: Updated}, err
	}
	row, made, err := s.insertMapping(ctx, tx, actor, p, item.NewMapping)
	if err == nil && !made { // by somebody else meanwhile
		err = fault.New(fault.Conflict, "ticketing-value-mapped").With("value", item.Value).At("#/value", "not-unique")
	}
	return row, MappingResult{ID: &row.ID, Result: Created}, err
}

// dropMappingsOf takes away what a source that goes has been mapped to.
func (s *Service) dropMappingsOf(ctx context.Context, tx pgx.Tx, source Source) error {
	rows, err := s.q.DeleteMappingsOfSource(ctx, tx, source.TenantID, source.ID)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := recordMapping(ctx, tx, "deleted", nil, row); err != nil {
			return err
		}
	}
	return nil
}

func recordMapping(ctx context.Context, tx pgx.Tx, what string, before *ticketingdb.TicketingMapping, after ticketingdb.TicketingMapping) error {
	e := events.Entry{Type: "ticketing.mapping." + what, Subject: events.Subject{Kind: "ticketing_mapping", ID: after.ID, Version: after.Version},
		Facts: map[string]any{"vocabulary_id": after.VocabularyID, "source_id": after.SourceID, "field": after.Field}}
	if what == "deleted" {
		e.Subject.Version++
	} else {
		var err error
		if e.Changes, err = events.Diff(before, after, "tenant_id", "id", "version", "created_at", "updated_at"); err != nil {
			return err
		}
	}
	return events.RecordTx(ctx, tx, e)
}
