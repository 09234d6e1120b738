package rights

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/rights/internal/rightsdb"
)

// A directory decides who is in the teams that are its groups. Whoever gave
// such a team a role decided that whoever is in the group has it.

// AddDirectoryTeamTx makes a team for a group of a directory.
func (s *Service) AddDirectoryTeamTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, in NewTeam) (Team, error) {
	t, err := s.q.InsertTeam(ctx, tx, rightsdb.InsertTeamParams{TenantID: tenant, ID: ids.New(), Code: in.Code, Name: in.Name, ExternalID: in.ExternalID})
	if err != nil {
		return Team{}, teamConflict(err)
	}
	changes, err := events.Diff(nil, recordOfTeam(t))
	if err != nil {
		return Team{}, err
	}
	return t, recordTeam(ctx, tx, "team.created", t, changes, nil)
}

// LockTx waits until nobody is giving or taking rights. It comes before the lock
// of any user or team.
func (s *Service) LockTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	return s.q.LockRights(ctx, tx, tenant.String())
}

// LockDirectoryTeamTx reads a team that is about to be changed, when nobody is
// giving or taking rights.
func (s *Service) LockDirectoryTeamTx(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) (Team, error) {
	if err := s.LockTx(ctx, tx, tenant); err != nil {
		return Team{}, err
	}
	return s.q.LockTeam(ctx, tx, tenant, id)
}

// ChangeDirectoryTeamTx names a locked team as its group is named.
func (s *Service) ChangeDirectoryTeamTx(ctx context.Context, tx pgx.Tx, before Team, name string, externalID *string) (Team, error) {
	after := before
	after.Name, after.ExternalID = name, externalID
	return s.writeDirectoryTeam(ctx, tx, "team.updated", before, after)
}

// ArchiveDirectoryTeamTx archives a locked team whose group is no more. Its
// external identifier is free for another group.
func (s *Service) ArchiveDirectoryTeamTx(ctx context.Context, tx pgx.Tx, before Team) error {
	after := before
	after.ArchivedAt, after.ExternalID = new(s.clock.Now()), nil
	_, err := s.writeDirectoryTeam(ctx, tx, "team.archived", before, after)
	return err
}

func (s *Service) writeDirectoryTeam(ctx context.Context, tx pgx.Tx, event string, before, after Team) (Team, error) {
	changes, err := events.Diff(recordOfTeam(before), recordOfTeam(after))
	if err != nil || len(changes) == 0 {
		return before, err
	}
	after, err = s.q.UpdateTeam(ctx, tx, rightsdb.UpdateTeamParams{
		TenantID: before.TenantID, ID: before.ID, Code: after.Code, Name: after.Name, DepartmentID: after.DepartmentID, ExternalID: after.ExternalID, ArchivedAt: after.ArchivedAt,
	})
	if err != nil {
		return Team{}, teamConflict(err)
	}
	s.access.Forget(before.TenantID)
	return after, recordTeam(ctx, tx, event, after, changes, nil)
}

// AddDirectoryMemberTx puts a user into a locked team.
func (s *Service) AddDirectoryMemberTx(ctx context.Context, tx pgx.Tx, t Team, user uuid.UUID) error {
	added, err := s.q.AddMember(ctx, tx, t.TenantID, t.ID, user)
	if err != nil || added == 0 {
		return err
	}
	s.access.Forget(t.TenantID)
	return recordTeam(ctx, tx, "team.member_added", t, nil, map[string]any{"user_id": user})
}

// RemoveDirectoryMemberTx takes a user out of a locked team.
func (s *Service) RemoveDirectoryMemberTx(ctx context.Context, tx pgx.Tx, t Team, user uuid.UUID) error {
	removed, err := s.q.RemoveMember(ctx, tx, t.TenantID, t.ID, user)
	if err != nil || removed == 0 {
		return err
	}
	s.access.Forget(t.TenantID)
	return recordTeam(ctx, tx, "team.member_removed", t, nil, map[string]any{"user_id": user})
}

// EndAllOfTx ends what a user has been given or has asked for, when they leave
// for good.
func (s *Service) EndAllOfTx(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID, actorKind, actorID string) error {
	open, err := s.q.OpenAssignmentsOf(ctx, tx, tenant, user)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	for _, before := range open {
		after := before
		if before.Status == requested {
			after.DecidedAt, after.DecidedByKind, after.DecidedBy = &now, &actorKind, &actorID
		}
		after.Status, after.RevokedAt = revoked, &now
		changes, err := events.Diff(recordOf(before), recordOf(after))
		if err != nil {
			return err
		}
		after, err = s.q.UpdateAssignment(ctx, tx, updateOf(after))
		if err != nil {
			return err
		}
		role, err := s.q.GetRole(ctx, tx, tenant, before.RoleID)
		if err != nil && !pg.IsNoRows(err) {
			return err
		}
		if err := record(ctx, tx, "role_assignment.revoked", after, role, changes); err != nil {
			return err
		}
	}
	if len(open) > 0 {
		s.access.Forget(tenant)
	}
	return nil
}
