package rights

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/rights/internal/rightsdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// The kinds of assignments.
const (
	Ordinary   = "ordinary"
	Elevation  = "elevation"
	BreakGlass = "break_glass"
)

// The states of an assignment.
const (
	requested = "requested"
	approved  = "approved"
	refused   = "refused"
	revoked   = "revoked"
)

// Assignment is who has a role, where, and how that came about.
type Assignment struct {
	rightsdb.RoleAssignment
	RoleCode       string
	RoleArchivedAt *time.Time
}

// CountsUntil is when the assignment stops counting by itself, nil for never.
func (a Assignment) CountsUntil() *time.Time {
	end := a.ExpiresAt
	if a.ReviewDueAt != nil {
		if lapse := a.ReviewDueAt.Add(access.ReviewGrace); end == nil || lapse.Before(*end) {
			end = &lapse
		}
	}
	return end
}

// Effective reports whether the assignment counts at an instant.
func (a Assignment) Effective(now time.Time) bool {
	end := a.CountsUntil()
	return a.Status == approved && a.RoleArchivedAt == nil && !now.Before(a.StartsAt) && (end == nil || now.Before(*end))
}

// Filter narrows the list of assignments.
type Filter struct {
	PrincipalKind, Status, Kind       *string
	PrincipalID, RoleID, DepartmentID *uuid.UUID
	Effective                         *bool
	// Review: "due", or "overdue" for what no longer counts because of it.
	Review *string
}

type assignmentRecord struct {
	Status       string     `json:"status"`
	StartsAt     time.Time  `json:"starts_at"`
	ExpiresAt    *time.Time `json:"expires_at"`
	Reason       *string    `json:"reason"`
	DecisionNote *string    `json:"decision_note"`
	ReviewDueAt  *time.Time `json:"review_due_at"`
	ReviewedAt   *time.Time `json:"reviewed_at"`
	RevokedAt    *time.Time `json:"revoked_at"`
}

func recordOf(a rightsdb.RoleAssignment) assignmentRecord {
	return assignmentRecord{a.Status, a.StartsAt, a.ExpiresAt, a.Reason, a.DecisionNote, a.ReviewDueAt, a.ReviewedAt, a.RevokedAt}
}

// GetAssignment returns an assignment of the actor's institution.
func (s *Service) GetAssignment(ctx context.Context, id uuid.UUID) (Assignment, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Assignment{}, err
	}
	row, err := s.q.GetAssignment(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	return Assignment{row.RoleAssignment, row.RoleCode, row.RoleArchivedAt}, err
}

// ListAssignments returns at most limit assignments after one, newest first.
func (s *Service) ListAssignments(ctx context.Context, f Filter, after *uuid.UUID, limit int) ([]Assignment, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	rows, err := s.q.ListAssignments(ctx, s.db.Tenant(actor.Tenant), rightsdb.ListAssignmentsParams{
		TenantID: actor.Tenant, PrincipalKind: f.PrincipalKind, PrincipalID: f.PrincipalID, RoleID: f.RoleID, DepartmentID: f.DepartmentID,
		Status: f.Status, Kind: f.Kind, Effective: f.Effective, Review: f.Review, Now: now, Lapsed: now.Add(-access.ReviewGrace),
		After: after, PageSize: int32(limit),
	})
	return web.Map(rows, func(r rightsdb.ListAssignmentsRow) Assignment {
		return Assignment{r.RoleAssignment, r.RoleCode, r.RoleArchivedAt}
	}), err
}

// record notes a step of an assignment.
func record(ctx context.Context, tx pgx.Tx, event string, a rightsdb.RoleAssignment, role Role, changes []events.Change) error {
	facts := map[string]any{"principal_kind": a.PrincipalKind, "principal_id": a.PrincipalID, "role_id": a.RoleID, "kind": a.Kind}
	if role.Code != "" {
		facts["role_code"] = role.Code
	}
	if a.DepartmentID != nil {
		facts["department_id"] = a.DepartmentID
	}
	return events.RecordTx(ctx, tx, events.Entry{
		Type: event, Subject: events.Subject{Kind: "role_assignment", ID: a.ID, Version: a.Version}, Changes: changes, Facts: facts,
	})
}

// change takes an assignment one step further, which counts at once.
func (s *Service) change(ctx context.Context, id uuid.UUID, version *int64, event string,
	step func(context.Context, pgx.Tx, web.Actor, *rightsdb.RoleAssignment, Role) error) (Assignment, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Assignment{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Assignment, error) {
		if err := s.q.ShareLockRights(ctx, tx, actor.Tenant.String()); err != nil {
			return Assignment{}, err
		}
		before, err := s.q.LockAssignment(ctx, tx, actor.Tenant, id)
		if err != nil {
			return Assignment{}, err
		}
		if err := web.CheckVersion(version, before.Version); err != nil {
			return Assignment{}, err
		}
		role, err := s.q.GetRole(ctx, tx, actor.Tenant, before.RoleID)
		if err != nil {
			return Assignment{}, err
		}
		after := before
		if err := step(ctx, tx, actor, &after, role); err != nil {
			return Assignment{}, err
		}
		changes, err := events.Diff(recordOf(before), recordOf(after))
		if err != nil {
			return Assignment{}, err
		}
		after, err = s.q.UpdateAssignment(ctx, tx, updateOf(after))
		if err != nil {
			return Assignment{}, err
		}
		s.access.Forget(actor.Tenant)
		return Assignment{after, role.Code, role.ArchivedAt}, record(ctx, tx, event, after, role, changes)
	})
}

// updateOf carries an assignment over into its row.
func updateOf(a rightsdb.RoleAssignment) rightsdb.UpdateAssignmentParams {
	return rightsdb.UpdateAssignmentParams{
		TenantID: a.TenantID, ID: a.ID, Status: a.Status, DecidedByKind: a.DecidedByKind, DecidedBy: a.DecidedBy, DecidedAt: a.DecidedAt,
		DecisionNote: a.DecisionNote, StartsAt: a.StartsAt, ExpiresAt: a.ExpiresAt, ReviewDueAt: a.ReviewDueAt, ReviewedAt: a.ReviewedAt,
		ReviewedBy: a.ReviewedBy, RevokedAt: a.RevokedAt, EndNotedAt: a.EndNotedAt,
	}
}

func wrongState() error { return fault.New(fault.Conflict, "assignment-decided") }
