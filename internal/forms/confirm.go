package forms

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/forms/internal/formsdb"
	"github.com/parvis-crm/parvis/internal/pg"
)

const longestReason = 80 // of the contract

// Confirmable tells whether a link can still confirm, in which language its
// page speaks, and changes nothing.
func (s *Service) Confirmable(ctx context.Context, secret string) (lang string, ok bool, err error) {
	row, err := s.q.ResolveConfirmation(ctx, s.db.Unscoped(), linkHash(secret))
	if pg.IsNoRows(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	sub, err := s.q.GetSubmission(ctx, s.db.Tenant(row.TenantID), row.TenantID, row.SubmissionID)
	if err != nil {
		return "", false, err
	}
	return sub.Language, s.open(sub), nil
}

// Confirm uses a link up and applies its submission. A link that was used, that
// is too old or that never was is the same 410.
func (s *Service) Confirm(ctx context.Context, secret string) (Submission, error) {
	row, err := s.q.ResolveConfirmation(ctx, s.db.Unscoped(), linkHash(secret))
	if pg.IsNoRows(err) {
		return Submission{}, fault.New(fault.Gone, "confirmation-gone")
	}
	if err != nil {
		return Submission{}, err
	}
	p := published{tenant: row.TenantID, test: row.Mode == "test"}
	return s.settle(ctx, p, row.SubmissionID, true)
}

func (s *Service) open(sub Submission) bool {
	return sub.Status == "pending" && sub.TokenExpiresAt != nil && sub.TokenExpiresAt.After(s.clock.Now())
}

// reasonOf is what people and programs read of a submission that cannot be
// applied: the code, and where a field stands in the way, which.
func reasonOf(f *fault.Error) string {
	for _, v := range f.Violations {
		if v.Pointer != "" {
			return clip(v.Code+" "+v.Pointer, longestReason)
		}
	}
	return clip(f.Code, longestReason)
}

// settle applies one submission, or notes why it cannot be.
func (s *Service) settle(ctx context.Context, p published, id uuid.UUID, byLink bool) (Submission, error) {
	return pg.InTxValue(ctx, s.db, p.tenant, func(ctx context.Context, tx pgx.Tx) (Submission, error) {
		sub, err := s.q.LockSubmission(ctx, tx, p.tenant, id)
		if err != nil {
			return sub, err
		}
		if byLink && !s.open(sub) {
			return sub, fault.New(fault.Gone, "confirmation-gone")
		}
		if sub.Status != "pending" {
			return sub, nil
		}
		ctx = p.actor(ctx, sub.FormID)
		now := s.clock.Now()
		to := formsdb.SettleSubmissionParams{TenantID: p.tenant, ID: id, Status: "confirmed", ConfirmedAt: &now}
		err = pg.InSavepoint(ctx, tx, func(ctx context.Context, tx pgx.Tx) error {
			contact, err := s.apply(ctx, tx, sub, byLink, now)
			to.ContactID = contact
			return err
		})
		// What a rule refuses now it will refuse tomorrow; people look at it.
		if f, ok := fault.As(err); ok && f.Kind != fault.Unavailable {
			reason := reasonOf(f)
			to = formsdb.SettleSubmissionParams{TenantID: p.tenant, ID: id, Status: "rejected", Reason: &reason}
		} else if err != nil {
			return sub, err
		}
		if sub, err = s.q.SettleSubmission(ctx, tx, to); err != nil {
			return sub, err
		}
		return sub, recordSubmission(ctx, tx, "form_submission."+sub.Status, sub)
	})
}
