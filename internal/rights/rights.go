package rights

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/rights/internal/rightsdb"
	"github.com/parvis-crm/parvis/internal/web"
)

type (
	// Role is a row of its table.
	Role = rightsdb.Role
	// Team is a row of its table.
	Team = rightsdb.Team
	// Member is a row of its table, with the name.
	Member = rightsdb.GetMemberRow
)

const (
	// longestElevation is how long a temporary role lasts at most.
	longestElevation = 30 * 24 * time.Hour
	// reviewOfBreakGlass is when a use of break-glass should have been looked at.
	reviewOfBreakGlass = 7 * 24 * time.Hour
)

// Service is the domain's rules over its tables.
type Service struct {
	db     *pg.DB
	q      *rightsdb.Queries
	clock  clock.Clock
	log    *slog.Logger
	access *access.Service
	mail   *mail.Service
	owned  Owned
	// purposes is the register, to which a credential bound to purposes is held.
	purposes web.Purposes
	work     *operations.Service
}

// NewService makes the service.
func NewService(db *pg.DB, c clock.Clock, a *access.Service, m *mail.Service, p web.Purposes, log *slog.Logger) *Service {
	return &Service{db: db, q: rightsdb.New(), clock: c, log: log, access: a, mail: m, purposes: p}
}

// departmentInUse refuses a reference to a department that is not there or is
// archived.
func (s *Service) departmentInUse(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, id *uuid.UUID) error {
	if id == nil {
		return nil
	}
	stands, err := s.q.DepartmentStands(ctx, tx, tenant, *id)
	if err == nil && !stands {
		err = fault.Invalid().At("#/department_id", "unknown-reference")
	}
	return err
}

// mayGive decides whether the actor may give a role in a department.
func (s *Service) mayGive(ctx context.Context, actor web.Actor, scopes, verbs, readable, writable []string, department *uuid.UUID) error {
	sight, err := s.access.SightIn(ctx, actor.Tenant, verbs, department)
	if err != nil {
		return err
	}
	return s.access.MayGive(actor, access.Given{Scopes: scopes, Sight: sight, Readable: readable, Writable: writable})
}

// behind is the user who acts, or for whom a program acts that this user made.
// Nobody else gains by what the program decides.
func (s *Service) behind(ctx context.Context, tx pgx.Tx, actor web.Actor) (uuid.UUID, error) {
	switch actor.Kind {
	case web.User:
		return uuid.Parse(actor.ID)
	case web.APIKey, web.OAuthClient:
		id, err := uuid.Parse(actor.ID)
		if err != nil {
			return uuid.Nil, err
		}
		maker, err := s.q.MadeBy(ctx, tx, actor.Tenant, id)
		if err != nil || maker == "" {
			return uuid.Nil, err
		}
		return uuid.Parse(maker)
	}
	return uuid.Nil, nil
}

// notForOneself refuses what would give the actor rights of their own deciding.
func (s *Service) notForOneself(ctx context.Context, tx pgx.Tx, actor web.Actor, kind string, principal uuid.UUID) error {
	own, err := s.behind(ctx, tx, actor)
	if err != nil || own == uuid.Nil {
		return err
	}
	mine := kind == "user" && principal == own
	if kind == "team" {
		if mine, err = s.q.IsMember(ctx, tx, actor.Tenant, principal, own); err != nil {
			return err
		}
	}
	if mine {
		return fault.New(fault.Forbidden, "own-rights")
	}
	return nil
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// sorted is a copy without repetitions, so that equal sets look equal.
func sorted(in []string) []string {
	out := slices.Clone(nonNil(in))
	slices.Sort(out)
	return slices.Compact(out)
}

// classes are sorted as well, where nil stays nil.
func classes(in []string) []string {
	if in == nil {
		return nil
	}
	return sorted(in)
}

// assign carries one member of a merge patch over: absent keeps, null clears.
func assign[T any](to **T, from nullable.Nullable[T]) {
	if !from.IsSpecified() {
		return
	}
	*to = nil
	if value, err := from.Get(); err == nil {
		*to = &value
	}
}

func replace[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
