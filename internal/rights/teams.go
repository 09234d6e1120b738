package rights

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/rights/internal/rightsdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// NewTeam describes a team to be made.
type NewTeam struct {
	Code, Name   string
	DepartmentID *uuid.UUID
	ExternalID   *string
}

// TeamPatch changes what is given.
type TeamPatch struct {
	Code, Name   *string
	DepartmentID nullable.Nullable[uuid.UUID]
	ExternalID   nullable.Nullable[string]
}

// TeamFilter narrows the list of teams.
type TeamFilter struct {
	Archived string     // "true", "false" or "only"
	UserID   *uuid.UUID // of which this user is a member
}

type teamRecord struct {
	Code         string     `json:"code"`
	Name         string     `json:"name"`
	DepartmentID *uuid.UUID `json:"department_id"`
	ExternalID   *string    `json:"external_id"`
	ArchivedAt   *time.Time `json:"archived_at"`
}

func recordOfTeam(t Team) teamRecord {
	return teamRecord{t.Code, t.Name, t.DepartmentID, t.ExternalID, t.ArchivedAt}
}

// CreateTeam makes a team.
func (s *Service) CreateTeam(ctx context.Context, in NewTeam) (Team, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Team{}, err
	}
	t, err := pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Team, error) {
		if err := s.departmentInUse(ctx, tx, actor.Tenant, in.DepartmentID); err != nil {
			return Team{}, err
		}
		t, err := s.q.InsertTeam(ctx, tx, rightsdb.InsertTeamParams{
			TenantID: actor.Tenant, ID: ids.New(), Code: in.Code, Name: in.Name, DepartmentID: in.DepartmentID, ExternalID: in.ExternalID,
		})
		if pg.IsNoRows(err) {
			taken, err := s.q.TeamIDByCode(ctx, tx, actor.Tenant, in.Code)
			if err != nil {
				return Team{}, err
			}
			return Team{}, fault.New(fault.Conflict, "already-exists").Extra("existing_id", taken).At("#/code", "not-unique")
		}
		if err != nil {
			return Team{}, err
		}
		changes, err := events.Diff(nil, recordOfTeam(t))
		if err != nil {
			return Team{}, err
		}
		return t, recordTeam(ctx, tx, "team.created", t, changes, nil)
	})
	return t, teamConflict(err)
}

// teamConflict names what is taken.
func teamConflict(err error) error {
	switch {
	case pg.Violated(err, "teams_tenant_id_code_key"):
		return fault.New(fault.Conflict, "already-exists").At("#/code", "not-unique")
	case pg.Violated(err, "teams_external_id"):
		return fault.New(fault.Conflict, "already-exists").At("#/external_id", "not-unique")
	}
	return err
}

// GetTeam returns a team of the actor's institution.
func (s *Service) GetTeam(ctx context.Context, id uuid.UUID) (Team, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Team{}, err
	}
	return s.q.GetTeam(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
}

// ListTeams returns at most limit teams after one, newest first.
func (s *Service) ListTeams(ctx context.Context, f TeamFilter, after *uuid.UUID, limit int) ([]Team, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListTeams(ctx, s.db.Tenant(actor.Tenant), rightsdb.ListTeamsParams{
		TenantID: actor.Tenant, Archived: f.Archived, UserID: f.UserID, After: after, PageSize: int32(limit),
	})
}

// UpdateTeam changes a team.
func (s *Service) UpdateTeam(ctx context.Context, id uuid.UUID, p TeamPatch, version *int64) (Team, error) {
	return s.changeTeam(ctx, id, version, "team.updated", func(ctx context.Context, tx pgx.Tx, _ web.Actor, t *Team) error {
		replace(&t.Code, p.Code)
		replace(&t.Name, p.Name)
		assign(&t.ExternalID, p.ExternalID)
		if !p.DepartmentID.IsSpecified() {
			return nil
		}
		assign(&t.DepartmentID, p.DepartmentID)
		return s.departmentInUse(ctx, tx, t.TenantID, t.DepartmentID)
	})
}

// ArchiveTeam takes a team out of use: its members have nothing by it any more.
func (s *Service) ArchiveTeam(ctx context.Context, id uuid.UUID, version *int64) (Team, error) {
	return s.changeTeam(ctx, id, version, "team.archived", func(_ context.Context, _ pgx.Tx, _ web.Actor, t *Team) error {
		if t.ArchivedAt == nil {
			t.ArchivedAt = new(s.clock.Now())
		}
		return nil
	})
}

// RestoreTeam puts a team back into use, which gives its members its roles
// again: only somebody who could give them does that.
func (s *Service) RestoreTeam(ctx context.Context, id uuid.UUID, version *int64) (Team, error) {
	return s.changeTeam(ctx, id, version, "team.restored", func(ctx context.Context, tx pgx.Tx, actor web.Actor, t *Team) error {
		if t.ArchivedAt == nil {
			return nil
		}
		t.ArchivedAt = nil
		if err := s.notForOneself(ctx, tx, actor, "team", t.ID); err != nil {
			return err
		}
		return s.mayGiveTeam(ctx, tx, actor, t.ID)
	})
}

func (s *Service) changeTeam(ctx context.Context, id uuid.UUID, version *int64, event string,
	change func(context.Context, pgx.Tx, web.Actor, *Team) error) (Team, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Team{}, err
	}
	t, err := pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Team, error) {
		if err := s.q.LockRights(ctx, tx, actor.Tenant.String()); err != nil {
			return Team{}, err
		}
		before, err := s.q.LockTeam(ctx, tx, actor.Tenant, id)
		if err != nil {
			return Team{}, err
		}
		if err := web.CheckVersion(version, before.Version); err != nil {
			return Team{}, err
		}
		after := before
		if err := change(ctx, tx, actor, &after); err != nil {
			return Team{}, err
		}
		changes, err := events.Diff(recordOfTeam(before), recordOfTeam(after))
		if err != nil || len(changes) == 0 {
			return before, err
		}
		after, err = s.q.UpdateTeam(ctx, tx, rightsdb.UpdateTeamParams{
			TenantID: actor.Tenant, ID: id, Code: after.Code, Name: after.Name, DepartmentID: after.DepartmentID, ExternalID: after.ExternalID, ArchivedAt: after.ArchivedAt,
		})
		if err != nil {
			return Team{}, err
		}
		s.access.Forget(actor.Tenant)
		return after, recordTeam(ctx, tx, event, after, changes, nil)
	})
	return t, teamConflict(err)
}

// mayGiveTeam decides whether the actor may give what the members of a team have
// by it.
func (s *Service) mayGiveTeam(ctx context.Context, tx pgx.Tx, actor web.Actor, team uuid.UUID) error {
	gives, err := s.q.TeamAssignments(ctx, tx, actor.Tenant, team, new(s.clock.Now()))
	if err != nil {
		return err
	}
	for _, g := range gives {
		if err := s.mayGive(ctx, actor, g.Scopes, g.Verbs, g.ReadableClasses, g.WritableClasses, g.DepartmentID); err != nil {
			return err
		}
	}
	return nil
}

// ListMembers returns at most limit members of a team after one.
func (s *Service) ListMembers(ctx context.Context, team uuid.UUID, after *uuid.UUID, limit int) ([]Member, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	db := s.db.Tenant(actor.Tenant)
	if _, err := s.q.GetTeam(ctx, db, actor.Tenant, team); err != nil {
		return nil, err
	}
	rows, err := s.q.ListMembers(ctx, db, rightsdb.ListMembersParams{TenantID: actor.Tenant, TeamID: team, After: after, PageSize: int32(limit)})
	return web.Map(rows, func(r rightsdb.ListMembersRow) Member { return Member(r) }), err
}

// AddMember puts a user into a team. The user has its roles at once.
func (s *Service) AddMember(ctx context.Context, team, user uuid.UUID) (Member, error) {
	return changeMember(ctx, s, team, user, func(ctx context.Context, tx pgx.Tx, actor web.Actor, t Team) (Member, error) {
		if t.ArchivedAt != nil {
			return Member{}, fault.New(fault.Conflict, "team-archived")
		}
		own, err := s.behind(ctx, tx, actor)
		if err != nil {
			return Member{}, err
		}
		if own == user {
			return Member{}, fault.New(fault.Forbidden, "own-rights")
		}
		if err := s.mayGiveTeam(ctx, tx, actor, team); err != nil {
			return Member{}, err
		}
		added, err := s.q.AddMember(ctx, tx, actor.Tenant, team, user)
		if err != nil {
			return Member{}, err
		}
		if added > 0 {
			s.access.Forget(actor.Tenant)
			if err := recordTeam(ctx, tx, "team.member_added", t, nil, map[string]any{"user_id": user}); err != nil {
				return Member{}, err
			}
		}
		return s.q.GetMember(ctx, tx, actor.Tenant, team, user)
	})
}

// RemoveMember takes a user out of a team, whose roles they no longer have.
func (s *Service) RemoveMember(ctx context.Context, team, user uuid.UUID) error {
	_, err := changeMember(ctx, s, team, user, func(ctx context.Context, tx pgx.Tx, actor web.Actor, t Team) (struct{}, error) {
		if err := s.mayGiveTeam(ctx, tx, actor, team); err != nil {
			return struct{}{}, err
		}
		removed, err := s.q.RemoveMember(ctx, tx, actor.Tenant, team, user)
		if err != nil || removed == 0 {
			return struct{}{}, err
		}
		s.access.Forget(actor.Tenant)
		return struct{}{}, recordTeam(ctx, tx, "team.member_removed", t, nil, map[string]any{"user_id": user})
	})
	return err
}

func changeMember[T any](ctx context.Context, s *Service, team, user uuid.UUID, change func(context.Context, pgx.Tx, web.Actor, Team) (T, error)) (T, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		var none T
		return none, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (T, error) {
		var none T
		if err := s.q.ShareLockRights(ctx, tx, actor.Tenant.String()); err != nil {
			return none, err
		}
		t, err := s.q.LockTeam(ctx, tx, actor.Tenant, team)
		if err != nil {
			return none, err
		}
		if _, err := s.q.UserStanding(ctx, tx, actor.Tenant, user); err != nil {
			return none, err
		}
		return change(ctx, tx, actor, t)
	})
}

func recordTeam(ctx context.Context, tx pgx.Tx, event string, t Team, changes []events.Change, facts map[string]any) error {
	return events.RecordTx(ctx, tx, events.Entry{
		Type: event, Subject: events.Subject{Kind: "team", ID: t.ID, Version: t.Version}, Changes: changes, Facts: facts,
	})
}
