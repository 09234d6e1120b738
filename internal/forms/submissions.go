package forms

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/forms/internal/formsdb"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// GetSubmission returns what a visitor sent.
func (s *Service) GetSubmission(ctx context.Context, id uuid.UUID) (Submission, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Submission{}, err
	}
	sub, err := s.q.GetSubmission(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	if err != nil {
		return Submission{}, err
	}
	seen, err := s.seen(ctx, actor.Tenant, []Submission{sub})
	if err == nil && len(seen) == 0 {
		err = fault.NotFound()
	}
	if err != nil {
		return Submission{}, err
	}
	return seen[0], nil
}

// ListSubmissions returns at most limit submissions of a form, newest first.
func (s *Service) ListSubmissions(ctx context.Context, form uuid.UUID, statuses []string, after *Position, limit int) ([]Submission, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.Get(ctx, form); err != nil {
		return nil, err
	}
	p := formsdb.ListSubmissionsParams{TenantID: actor.Tenant, FormID: form, Statuses: statuses, PageSize: int32(limit)}
	if after != nil {
		p.AfterAt, p.AfterID = &after.At, &after.ID
	}
	rows, err := s.q.ListSubmissions(ctx, s.db.Tenant(actor.Tenant), p)
	if err != nil {
		return nil, err
	}
	return s.seen(ctx, actor.Tenant, rows)
}

// seen leaves the submissions of nobody yet and of contacts that the reader
// sees, without what was sent where it may not see how to reach them, and notes
// whose they are.
func (s *Service) seen(ctx context.Context, tenant uuid.UUID, rows []Submission) ([]Submission, error) {
	var named []uuid.UUID
	for _, sub := range rows {
		if sub.ContactID != nil {
			named = append(named, *sub.ContactID)
		}
	}
	look, err := pg.LookAt(ctx, s.db.Tenant(tenant), tenant, named)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(sub Submission) bool { return !look.Sees(sub.ContactID) })
	sight := pg.SightIn(ctx)
	for i, sub := range rows {
		if sub.ContactID != nil {
			web.NoteSubjects(ctx, *sub.ContactID)
		}
		if !sight.HoldsAnywhere(pg.SeeContactPoints) || !look.May(pg.SeeContactPoints, sub.ContactID) {
			rows[i].Data = []byte("{}")
			web.NoteMasked(ctx, "/data")
			continue
		}
		if err := s.reveal(ctx, s.db.Tenant(tenant), &rows[i]); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
