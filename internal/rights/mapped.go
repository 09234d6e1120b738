package rights

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/rights/internal/rightsdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Mapped is a role that an identity provider or a directory says a user has.
type Mapped struct {
	RoleID       uuid.UUID
	DepartmentID *uuid.UUID
}

// MapTx makes the assignments of a user that came from one place those of wanted:
// what is new is given, what is missing goes. Assignments that people gave are
// left alone. The actor is the program: who trusts the place decided before.
func (s *Service) MapTx(ctx context.Context, tx pgx.Tx, user uuid.UUID, from string, wanted []Mapped) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	if err := s.q.ShareLockRights(ctx, tx, actor.Tenant.String()); err != nil {
		return err
	}
	have, err := s.q.MappedAssignments(ctx, tx, actor.Tenant, user, &from)
	if err != nil {
		return err
	}
	name := func(role uuid.UUID, department *uuid.UUID) string {
		if department == nil {
			return role.String()
		}
		return fmt.Sprint(role, department)
	}
	missing := map[string]Mapped{}
	for _, w := range wanted {
		missing[name(w.RoleID, w.DepartmentID)] = w
	}
	for _, a := range have {
		key := name(a.RoleID, a.DepartmentID)
		if _, keep := missing[key]; keep {
			delete(missing, key)
			continue
		}
		if err := s.unmap(ctx, tx, actor, a); err != nil {
			return err
		}
	}
	for _, w := range missing {
		if err := s.mapOne(ctx, tx, actor, user, from, w); err != nil {
			return err
		}
	}
	s.access.Forget(actor.Tenant)
	return nil
}

func (s *Service) mapOne(ctx context.Context, tx pgx.Tx, actor web.Actor, user uuid.UUID, from string, w Mapped) error {
	role, err := s.q.GetRole(ctx, tx, actor.Tenant, w.RoleID)
	if err != nil || role.ArchivedAt != nil {
		return err
	}
	now := s.clock.Now()
	a := rightsdb.InsertAssignmentParams{
		TenantID: actor.Tenant, ID: ids.New(), PrincipalKind: "user", PrincipalID: user, RoleID: w.RoleID, DepartmentID: w.DepartmentID,
		Kind: "ordinary", MappedFrom: &from, RequestedByKind: string(actor.Kind), RequestedBy: actor.ID, StartsAt: now,
	}
	decide(&a, string(actor.Kind), actor.ID, now)
	row, err := s.q.InsertAssignment(ctx, tx, a)
	if err != nil {
		return err
	}
	changes, err := events.Diff(nil, recordOf(row))
	if err != nil {
		return err
	}
	return record(ctx, tx, "role_assignment.approved", row, role, changes)
}

func (s *Service) unmap(ctx context.Context, tx pgx.Tx, actor web.Actor, a rightsdb.RoleAssignment) error {
	role, err := s.q.GetRole(ctx, tx, actor.Tenant, a.RoleID)
	if err != nil {
		return err
	}
	row, err := s.q.EndMapped(ctx, tx, s.clock.Now(), actor.Tenant, a.ID)
	if err != nil {
		return err
	}
	changes, err := events.Diff(recordOf(a), recordOf(row))
	if err != nil {
		return err
	}
	return record(ctx, tx, "role_assignment.revoked", row, role, changes)
}
