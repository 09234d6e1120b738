package rights

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/rights/internal/rightsdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Approve grants what was asked for.
func (s *Service) Approve(ctx context.Context, id uuid.UUID, note *string, version *int64) (Assignment, error) {
	return s.change(ctx, id, version, "role_assignment.approved", func(ctx context.Context, tx pgx.Tx, actor web.Actor, a *rightsdb.RoleAssignment, role Role) error {
		if a.Status != requested {
			return wrongState()
		}
		if err := s.mayDecide(ctx, tx, actor, *a, role); err != nil {
			return err
		}
		if role.ArchivedAt != nil {
			return fault.New(fault.Conflict, "role-archived")
		}
		now := s.clock.Now()
		if a.ExpiresAt != nil && !a.ExpiresAt.After(now) {
			return fault.New(fault.Conflict, "request-expired")
		}
		if a.StartsAt.Before(now) {
			a.StartsAt = now
		}
		latest, err := ends(role, a.Kind, a.StartsAt, nil, now)
		if err != nil {
			return err
		}
		if latest != nil && (a.ExpiresAt == nil || a.ExpiresAt.After(*latest)) {
			a.ExpiresAt = latest // the role has become shorter meanwhile, or counts from now
		}
		a.Status, a.DecisionNote, a.DecidedAt, a.DecidedByKind, a.DecidedBy = approved, note, &now, new(string(actor.Kind)), new(actor.ID)
		a.ReviewDueAt = nextReview(role, a.StartsAt)
		return nil
	})
}

// mayDecide admits whoever is not the beneficiary and could give the role.
func (s *Service) mayDecide(ctx context.Context, tx pgx.Tx, actor web.Actor, a rightsdb.RoleAssignment, role Role) error {
	if err := s.notForOneself(ctx, tx, actor, a.PrincipalKind, a.PrincipalID); err != nil {
		return err
	}
	return s.mayGive(ctx, actor, role.Scopes, role.Verbs, role.ReadableClasses, role.WritableClasses, a.DepartmentID)
}

// Refuse declines what was asked for.
func (s *Service) Refuse(ctx context.Context, id uuid.UUID, note *string, version *int64) (Assignment, error) {
	return s.change(ctx, id, version, "role_assignment.refused", func(_ context.Context, _ pgx.Tx, actor web.Actor, a *rightsdb.RoleAssignment, _ Role) error {
		if a.Status != requested {
			return wrongState()
		}
		a.Status, a.DecisionNote, a.DecidedAt, a.DecidedByKind, a.DecidedBy = refused, note, new(s.clock.Now()), new(string(actor.Kind)), new(actor.ID)
		return nil
	})
}

// Revoke ends an assignment for good.
func (s *Service) Revoke(ctx context.Context, id uuid.UUID, note *string, version *int64) (Assignment, error) {
	return s.change(ctx, id, version, "role_assignment.revoked", func(ctx context.Context, _ pgx.Tx, actor web.Actor, a *rightsdb.RoleAssignment, role Role) error {
		// Nobody ends what is stronger than themselves: it would be a way to lock
		// its holder out.
		if err := s.mayGive(ctx, actor, role.Scopes, role.Verbs, role.ReadableClasses, role.WritableClasses, a.DepartmentID); err != nil {
			return err
		}
		return s.end(actor, a, note)
	})
}

// Withdraw gives up a role, or the wish for one, of the user who acts.
func (s *Service) Withdraw(ctx context.Context, id uuid.UUID, note *string, version *int64) (Assignment, error) {
	return s.change(ctx, id, version, "role_assignment.withdrawn", func(_ context.Context, _ pgx.Tx, actor web.Actor, a *rightsdb.RoleAssignment, _ Role) error {
		if actor.Kind != web.User || a.PrincipalKind != "user" || a.PrincipalID.String() != actor.ID {
			return fault.New(fault.Forbidden, "not-your-role")
		}
		return s.end(actor, a, note)
	})
}

func (s *Service) end(actor web.Actor, a *rightsdb.RoleAssignment, note *string) error {
	now := s.clock.Now()
	switch a.Status {
	case requested:
		a.DecidedAt, a.DecidedByKind, a.DecidedBy = &now, new(string(actor.Kind)), new(actor.ID)
	case approved:
	default:
		return wrongState()
	}
	a.Status, a.RevokedAt = revoked, &now
	if note != nil {
		a.DecisionNote = note
	}
	return nil
}

// Review confirms that an assignment is still needed, which makes it count again
// if it had lapsed, or that break-glass was justified.
func (s *Service) Review(ctx context.Context, id uuid.UUID, note *string, version *int64) (Assignment, error) {
	return s.change(ctx, id, version, "role_assignment.reviewed", func(ctx context.Context, tx pgx.Tx, actor web.Actor, a *rightsdb.RoleAssignment, role Role) error {
		if a.Status != approved && (a.Kind != BreakGlass || a.Status != revoked) {
			return wrongState()
		}
		now := s.clock.Now()
		if a.Kind == BreakGlass {
			// Looking at what happened gives nothing: it is over in hours anyway.
			if err := s.notForOneself(ctx, tx, actor, a.PrincipalKind, a.PrincipalID); err != nil {
				return err
			}
			a.ReviewDueAt = nil
		} else {
			if err := s.mayDecide(ctx, tx, actor, *a, role); err != nil {
				return err
			}
			a.ReviewDueAt = nextReview(role, now)
			if a.ExpiresAt == nil || a.ExpiresAt.After(now) {
				a.EndNotedAt = nil // it counts again, and may end again
			}
		}
		a.ReviewedAt, a.ReviewedBy = &now, new(string(actor.Kind)+":"+actor.ID)
		if note != nil {
			a.DecisionNote = note
		}
		return nil
	})
}
