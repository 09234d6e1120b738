package accounts

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/accounts/internal/accountsdb"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Credentials are what a person signs in with.
type Credentials struct {
	Institution     uuid.UUID
	Email, Password string
}

// refused is the one answer to everybody who did not prove who they are.
func refused() error { return fault.New(fault.Unauthenticated, "sign-in-refused") }

// SignIn starts a session for whoever knows the password, or asks for the second
// factor where there is one.
func (s *Service) SignIn(ctx context.Context, in Credentials) (Tokens, *Challenge, error) {
	row, err := s.q.ResolveInstitution(ctx, s.db.Unscoped(), in.Institution)
	if pg.IsNoRows(err) {
		if _, _, err := s.hasher.verify(ctx, in.Password, ""); err != nil {
			return Tokens{}, nil, err
		}
		return Tokens{}, nil, refused()
	}
	if err != nil {
		return Tokens{}, nil, err
	}
	web.NoteAttempt(ctx, web.Actor{Tenant: row.TenantID}, "attempts") // what else is wrong is told by an event
	ctx = web.WithActor(ctx, web.SystemActor(row.TenantID, "sign-in"))
	email := foldEmail(in.Email)
	a := s.attemptBy(ctx, row.TenantID, email)
	if err := s.charge(ctx, a); err != nil {
		return Tokens{}, nil, err
	}
	account, err := s.q.AccountByEmail(ctx, s.db.Tenant(row.TenantID), row.TenantID, email)
	if err != nil && !pg.IsNoRows(err) {
		return Tokens{}, nil, err
	}
	proved, outdated, err := s.hasher.verify(ctx, in.Password, account.PasswordHash)
	if err != nil {
		return Tokens{}, nil, err
	}
	if !proved || account.Status != "active" || account.Issuer != nil {
		var who *uuid.UUID
		if account.ID != uuid.Nil {
			who = &account.ID
		}
		if err := s.failed(ctx, a, who, email, "pwd"); err != nil {
			return Tokens{}, nil, err
		}
		return Tokens{}, nil, refused()
	}
	renewed := ""
	if outdated {
		if renewed, err = s.hasher.hash(ctx, in.Password); err != nil {
			return Tokens{}, nil, err
		}
	}
	ctx = web.WithActor(ctx, personActor(row.TenantID, account.ID))
	var challenge *Challenge
	t, err := pg.InTxValue(ctx, s.db, row.TenantID, func(ctx context.Context, tx pgx.Tx) (Tokens, error) {
		if err := s.forgive(ctx, tx, a); err != nil {
			return Tokens{}, err
		}
		if renewed != "" {
			if err := s.q.RenewHash(ctx, tx, accountsdb.RenewHashParams{
				TenantID: row.TenantID, UserID: account.ID, PasswordHash: renewed, FormerHash: account.PasswordHash,
			}); err != nil {
				return Tokens{}, err
			}
		}
		var err error
		if challenge, err = s.challengeTx(ctx, tx, row.TenantID, account.ID); err != nil || challenge != nil {
			return Tokens{}, err
		}
		return s.StartTx(ctx, tx, NewSession{Tenant: row.TenantID, User: account.ID, Methods: []string{"pwd"}})
	})
	return t, challenge, err
}

// personActor is the person as the one who acts, with no rights: what signing
// in writes is recorded under their name.
func personActor(tenant, user uuid.UUID) web.Actor {
	return web.Actor{Kind: web.User, ID: user.String(), Tenant: tenant}
}
