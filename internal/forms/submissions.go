package forms

import (
	"context"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/forms/internal/formsdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// GetSubmission returns what a visitor sent.
func (s *Service) GetSubmission(ctx context.Context, id uuid.UUID) (Submission, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Submission{}, err
	}
	sub, err := s.q.GetSubmission(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	if err == nil && sub.ContactID != nil {
		web.NoteSubjects(ctx, *sub.ContactID)
	}
	if err == nil {
		err = s.reveal(ctx, s.db.Tenant(actor.Tenant), &sub)
	}
	return sub, err
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
	for i, sub := range rows {
		if err == nil {
			err = s.reveal(ctx, s.db.Tenant(actor.Tenant), &rows[i])
		}
		if sub.ContactID != nil {
			web.NoteSubjects(ctx, *sub.ContactID)
		}
	}
	return rows, err
}
