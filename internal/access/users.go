package access

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/access/internal/accessdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// NewUser describes a person who acts for the institution. Issuer and Subject
// are the identity that its identity provider vouches for, both or neither.
type NewUser struct {
	Email, Name, Locale string
	DepartmentID        *uuid.UUID
	Issuer, Subject     *string
	Scopes              []string
	ExpiresAt           *time.Time
}

// UserPatch changes what is given.
type UserPatch struct {
	Email, Name, Locale *string
	DepartmentID        nullable.Nullable[uuid.UUID]
	Issuer, Subject     nullable.Nullable[string]
	Scopes              *[]string
	ExpiresAt           nullable.Nullable[time.Time]
}

// UserFilter narrows the list of users.
type UserFilter struct {
	Status, Email *string
	DepartmentID  *uuid.UUID
}

type userRecord struct {
	Email        string     `json:"email"`
	Name         string     `json:"name"`
	Locale       string     `json:"locale"`
	DepartmentID *uuid.UUID `json:"department_id"`
	Status       string     `json:"status"`
	Issuer       *string    `json:"issuer"`
	Subject      *string    `json:"subject"`
	Scopes       []string   `json:"scopes"`
	ExpiresAt    *time.Time `json:"expires_at"`
}

func recordOfUser(u User) userRecord {
	return userRecord{u.Email, u.Name, u.Locale, u.DepartmentID, u.Status, u.Issuer, u.Subject, u.Scopes, u.ExpiresAt}
}

// CreateUser adds a user.
func (s *Service) CreateUser(ctx context.Context, in NewUser) (User, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return User{}, err
	}
	if err := s.MayGive(actor, givenDirectly(in.Scopes)); err != nil {
		return User{}, err
	}
	if in.ExpiresAt != nil && !in.ExpiresAt.After(s.clock.Now()) {
		return User{}, fault.Invalid().At("#/expires_at", "in-the-past")
	}
	if err := sameSource(actor, nil); err != nil {
		return User{}, err
	}
	if err := wholeIdentity(in.Issuer, in.Subject); err != nil {
		return User{}, err
	}
	email := strings.ToLower(in.Email)
	u, err := pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (User, error) {
		if err := s.departmentInUse(ctx, tx, actor.Tenant, in.DepartmentID, "#/department_id"); err != nil {
			return User{}, err
		}
		u, err := s.q.InsertUser(ctx, tx, accessdb.InsertUserParams{
			TenantID: actor.Tenant, ID: ids.New(), Email: email, Name: in.Name, Locale: orElse(in.Locale, "fr"), DepartmentID: in.DepartmentID,
			Issuer: in.Issuer, Subject: in.Subject, Scopes: sorted(in.Scopes), ExpiresAt: in.ExpiresAt,
		})
		if pg.IsNoRows(err) {
			return User{}, s.emailTaken(ctx, tx, actor.Tenant, email)
		}
		if err != nil {
			return User{}, err
		}
		changes, err := events.Diff(nil, recordOfUser(u))
		if err != nil {
			return User{}, err
		}
		return u, recordUser(ctx, tx, "user.created", u, changes)
	})
	return u, userConflict(err)
}

func wholeIdentity(issuer, subject *string) error {
	if (issuer == nil) != (subject == nil) {
		return fault.Invalid().At("#/subject", "identity-incomplete")
	}
	return nil
}

func (s *Service) emailTaken(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, email string) error {
	id, err := s.q.UserIDByEmail(ctx, tx, tenant, email)
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "already-exists").Extra("existing_id", id).At("#/email", "not-unique")
}

// userConflict names what is taken.
func userConflict(err error) error {
	switch {
	case pg.Violated(err, "users_tenant_id_email_key"):
		return fault.New(fault.Conflict, "already-exists").At("#/email", "not-unique")
	case pg.Violated(err, "users_tenant_id_issuer_subject_key"):
		return fault.New(fault.Conflict, "already-exists").At("#/subject", "not-unique")
	}
	return err
}

// GetUser returns a user of the actor's institution.
func (s *Service) GetUser(ctx context.Context, id uuid.UUID) (User, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return User{}, err
	}
	return s.q.GetUser(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
}

// ListUsers returns at most limit users after one, newest first.
func (s *Service) ListUsers(ctx context.Context, f UserFilter, after *uuid.UUID, limit int) ([]User, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListUsers(ctx, s.db.Tenant(actor.Tenant), accessdb.ListUsersParams{
		TenantID: actor.Tenant, Status: f.Status, Email: f.Email, DepartmentID: f.DepartmentID, After: after, PageSize: int32(limit),
	})
}

// UpdateUser changes a user.
func (s *Service) UpdateUser(ctx context.Context, id uuid.UUID, p UserPatch, version *int64) (User, error) {
	return s.changeUser(ctx, id, version, "user.updated", func(ctx context.Context, tx pgx.Tx, actor web.Actor, u *User) error {
		if p.Scopes != nil {
			u.Scopes = sorted(*p.Scopes)
			if err := s.MayGive(actor, givenDirectly(u.Scopes)); err != nil {
				return err
			}
		}
		if assign(&u.ExpiresAt, p.ExpiresAt); p.ExpiresAt.IsSpecified() && u.ExpiresAt != nil && !u.ExpiresAt.After(s.clock.Now()) {
			return fault.Invalid().At("#/expires_at", "in-the-past")
		}
		before := *u
		if p.Email != nil {
			u.Email = strings.ToLower(*p.Email)
		}
		replace(&u.Name, p.Name)
		replace(&u.Locale, p.Locale)
		assign(&u.Issuer, p.Issuer)
		assign(&u.Subject, p.Subject)
		if err := wholeIdentity(u.Issuer, u.Subject); err != nil {
			return err
		}
		if actor.Kind == web.User && actor.ID == id.String() && (u.Email != before.Email || !equal(u.Issuer, before.Issuer) || !equal(u.Subject, before.Subject)) {
			return fault.New(fault.Forbidden, "own-sign-in")
		}
		former := u.DepartmentID
		assign(&u.DepartmentID, p.DepartmentID)
		if equal(former, u.DepartmentID) {
			return nil
		}
		return s.departmentInUse(ctx, tx, u.TenantID, u.DepartmentID, "#/department_id")
	})
}

// Reactivate lets a user act again.
func (s *Service) Reactivate(ctx context.Context, id uuid.UUID, version *int64) (User, error) {
	return s.changeUser(ctx, id, version, "user.reactivated", func(_ context.Context, _ pgx.Tx, _ web.Actor, u *User) error {
		u.Status = "active"
		return nil
	})
}

func (s *Service) changeUser(ctx context.Context, id uuid.UUID, version *int64, event string,
	change func(context.Context, pgx.Tx, web.Actor, *User) error) (User, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return User{}, err
	}
	u, err := pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (User, error) {
		before, err := s.q.LockUser(ctx, tx, actor.Tenant, id)
		if err != nil {
			return User{}, err
		}
		if err := web.CheckVersion(version, before.Version); err != nil {
			return User{}, err
		}
		if err := s.mayTouchUser(ctx, tx, actor, before); err != nil {
			return User{}, err
		}
		after := before
		if err := change(ctx, tx, actor, &after); err != nil {
			return User{}, err
		}
		return s.writeUser(ctx, tx, event, before, after)
	})
	return u, userConflict(err)
}

// givenDirectly are the rights of scopes that a user has without a role, which
// hold in the whole institution.
func givenDirectly(scopes []string) Given {
	g := Given{Scopes: scopes, Readable: []string{}, Writable: []string{}}
	switch {
	case web.Scopes(scopes).Allow(everything):
		g.Sight, g.Readable, g.Writable = pg.Everything(), nil, nil
	case len(scopes) > 0:
		g.Sight, g.Readable, g.Writable = pg.SightOf{Everywhere: ordinaryVerbs()}.Sight(), nil, nil
	}
	return g
}

// mayTouchUser decides whether the actor may change a user, whose address and
// identity are their way in: nobody who has more than the actor, by whatever role.
func (s *Service) mayTouchUser(ctx context.Context, tx pgx.Tx, actor web.Actor, u User) error {
	r, err := s.rightsOf(ctx, tx, actor.Tenant, u.ID, u.Scopes, s.clock.Now())
	if err != nil {
		return err
	}
	return mayTouchGiven(actor, Given{Scopes: r.Scopes, Sight: r.Sight, Readable: r.Readable, Writable: r.Writable}, nil)
}

// LockTouchableTx reads a user who is about to get another way in, if the actor
// may change them.
func (s *Service) LockTouchableTx(ctx context.Context, tx pgx.Tx, id uuid.UUID) (User, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return User{}, err
	}
	u, err := s.q.LockUser(ctx, tx, actor.Tenant, id)
	if err != nil {
		return User{}, err
	}
	return u, s.mayTouchUser(ctx, tx, actor, u)
}

// writeUser keeps a changed user and records what changed, if anything did.
func (s *Service) writeUser(ctx context.Context, tx pgx.Tx, event string, before, after User) (User, error) {
	changes, err := events.Diff(recordOfUser(before), recordOfUser(after))
	if err != nil || len(changes) == 0 {
		return before, err
	}
	s.Forget(before.TenantID)
	after, err = s.q.UpdateUser(ctx, tx, accessdb.UpdateUserParams{
		TenantID: before.TenantID, ID: before.ID, Email: after.Email, Name: after.Name, Locale: after.Locale, DepartmentID: after.DepartmentID,
		Status: after.Status, Issuer: after.Issuer, Subject: after.Subject, Scopes: after.Scopes, ExpiresAt: after.ExpiresAt,
	})
	if err != nil {
		return User{}, err
	}
	if event != deactivated {
		return after, recordUser(ctx, tx, event, after, changes)
	}
	left, err := s.belongings(ctx, tx, after.TenantID, after.ID)
	if err != nil {
		return User{}, err
	}
	return after, events.RecordTx(ctx, tx, events.Entry{
		Type: event, Subject: events.Subject{Kind: "user", ID: after.ID, Version: after.Version}, Changes: changes, Facts: left.counted(),
	})
}

func recordUser(ctx context.Context, tx pgx.Tx, event string, u User, changes []events.Change) error {
	return events.RecordTx(ctx, tx, events.Entry{
		Type: event, Subject: events.Subject{Kind: "user", ID: u.ID, Version: u.Version}, Changes: changes,
	})
}
