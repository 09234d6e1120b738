package accounts

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/accounts/internal/accountsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Session is a session as it is kept.
type Session = accountsdb.AccountSession

// Why a session ended.
const (
	signedOut       = "signed_out"
	byAdministrator = "ended_by_administrator"
	passwordSet     = "password_set"
	tokenReused     = "token_reused"
	factorChanged   = "second_factor_changed"
)

// NewSession is what a session begins with.
type NewSession struct {
	Tenant, User uuid.UUID
	// Methods by which the person proved who they are (RFC 8176).
	Methods []string
	// Provider vouched for the person, and wants IDToken back when they sign out.
	Provider *uuid.UUID
	IDToken  string
	// Until ends the session before its time, if it is earlier; zero: does not.
	Until time.Time
}

// IDTokens describes where what providers want back at sign-out is sealed.
func IDTokens() vault.Column {
	return vault.Column{Table: "account_sessions", Column: "id_token", Key: "id", KeyType: "uuid", Passing: true}
}

// Tokens are what the holder of a session has.
type Tokens struct {
	Session         Session
	Access, Refresh string
	Life            time.Duration
}

// StartTx starts a session as part of tx.
func (s *Service) StartTx(ctx context.Context, tx pgx.Tx, in NewSession) (Tokens, error) {
	now, visitor := s.clock.Now(), web.VisitorOf(ctx)
	ends := now.Add(s.config.Lifetime)
	if !in.Until.IsZero() {
		ends = earlier(ends, in.Until)
	}
	p := accountsdb.InsertSessionParams{
		TenantID: in.Tenant, ID: ids.New(), UserID: in.User, Methods: in.Methods, ProviderID: in.Provider,
		CreatedAt: now, IdleUntil: earlier(now.Add(s.config.Idle), ends), ExpiresAt: ends,
	}
	if in.IDToken != "" {
		sealed, err := s.idTokens.Seal(ctx, tx, in.Tenant, p.ID.String(), []byte(in.IDToken))
		if err != nil {
			return Tokens{}, err
		}
		p.IDToken = sealed
	}
	if visitor.UserAgent != "" {
		agent := web.ClipBytes(visitor.UserAgent, 1000)
		p.UserAgent = &agent
	}
	if visitor.Address.IsValid() {
		address := visitor.Address.String()
		p.Address = &address
	}
	row, err := s.q.InsertSession(ctx, tx, p)
	if err != nil {
		return Tokens{}, err
	}
	first := refreshPrefix + newSecret()
	if err := s.q.InsertRefresh(ctx, tx, accountsdb.InsertRefreshParams{TenantID: in.Tenant, SessionID: row.ID, TokenHash: hashOf(first), IssuedAt: now}); err != nil {
		return Tokens{}, err
	}
	entry := sessionEvent("session.started", row, map[string]any{"methods": in.Methods})
	if p.Address != nil {
		entry.Changes = []events.Change{{Pointer: "/address", After: *p.Address}}
	}
	if err := events.RecordTx(ctx, tx, entry); err != nil {
		return Tokens{}, err
	}
	return s.tokens(ctx, row, first)
}

func (s *Service) tokens(ctx context.Context, row Session, refresh string) (Tokens, error) {
	token, life, err := s.access.SignUserToken(ctx, access.UserToken{
		Tenant: row.TenantID, User: row.UserID, Session: row.ID, Methods: row.Methods, SignedInAt: row.CreatedAt, Until: row.ExpiresAt,
	})
	return Tokens{Session: row, Access: token, Refresh: refresh, Life: life}, err
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func sessionEvent(kind string, row Session, facts map[string]any) events.Entry {
	facts["user_id"] = row.UserID.String()
	return events.Entry{Type: kind, Subject: events.Subject{Kind: "session", ID: row.ID, Version: row.Version}, Facts: facts}
}

// person is the user who asks. A program has no account.
func person(ctx context.Context) (web.Actor, uuid.UUID, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return actor, uuid.Nil, err
	}
	id, err := uuid.Parse(actor.ID)
	if actor.Kind != web.User || err != nil {
		return actor, uuid.Nil, fault.New(fault.Forbidden, "not-a-person")
	}
	return actor, id, nil
}

// Sessions lists those of the user who asks, newest first.
func (s *Service) Sessions(ctx context.Context, after *uuid.UUID, limit int) ([]Session, error) {
	actor, user, err := person(ctx)
	if fault.Is(err, "not-a-person") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.q.ListSessions(ctx, s.db.Tenant(actor.Tenant), accountsdb.ListSessionsParams{
		TenantID: actor.Tenant, UserID: user, Now: s.clock.Now(), After: after, PageSize: int32(limit),
	})
}

// End ends one session of the user who asks.
func (s *Service) End(ctx context.Context, id uuid.UUID) error {
	actor, user, err := person(ctx)
	if fault.Is(err, "not-a-person") {
		return fault.NotFound()
	}
	if err != nil {
		return err
	}
	err = pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		row, err := s.q.LockSession(ctx, tx, actor.Tenant, id)
		if err != nil {
			return err
		}
		if row.UserID != user {
			return fault.NotFound()
		}
		return s.endTx(ctx, tx, row, signedOut)
	})
	s.access.Forget(actor.Tenant)
	return err
}

// SignOut ends the session of the request.
func (s *Service) SignOut(ctx context.Context) error {
	actor, _, err := person(ctx)
	if err != nil {
		return err
	}
	if actor.Session == uuid.Nil {
		return fault.New(fault.Forbidden, "not-a-person")
	}
	return s.End(ctx, actor.Session)
}

// Vouched is what a session says of the provider that vouched for it.
type Vouched struct {
	Provider *uuid.UUID
	IDToken  string
}

// SignOutVouched ends the session of the request and tells who vouched for it.
func (s *Service) SignOutVouched(ctx context.Context) (Vouched, error) {
	actor, _, err := person(ctx)
	if err != nil {
		return Vouched{}, err
	}
	if actor.Session == uuid.Nil {
		return Vouched{}, fault.New(fault.Forbidden, "not-a-person")
	}
	v, err := pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Vouched, error) {
		row, err := s.q.LockSession(ctx, tx, actor.Tenant, actor.Session)
		if err != nil {
			return Vouched{}, err
		}
		v := Vouched{Provider: row.ProviderID}
		if row.IDToken != nil {
			plain, err := s.idTokens.Open(ctx, tx, actor.Tenant, row.ID.String(), row.IDToken)
			if err != nil {
				return Vouched{}, err
			}
			v.IDToken = string(plain)
		}
		return v, s.endTx(ctx, tx, row, signedOut)
	})
	s.access.Forget(actor.Tenant)
	return v, err
}

// EndAll ends the sessions of the user who asks, this one too unless it is kept.
func (s *Service) EndAll(ctx context.Context, keepCurrent bool) (int, error) {
	actor, user, err := person(ctx)
	if err != nil {
		return 0, err
	}
	var but *uuid.UUID
	if keepCurrent {
		but = &actor.Session
	}
	return s.endAll(ctx, actor.Tenant, user, but, signedOut)
}

// EndOf ends the sessions of another user.
func (s *Service) EndOf(ctx context.Context, user uuid.UUID) (int, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := s.q.UserToInvite(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, user); err != nil {
		return 0, err
	}
	return s.endAll(ctx, actor.Tenant, user, nil, byAdministrator)
}

func (s *Service) endAll(ctx context.Context, tenant, user uuid.UUID, but *uuid.UUID, reason string) (int, error) {
	n, err := pg.InTxValue(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) (int, error) {
		return s.endAllTx(ctx, tx, tenant, user, but, reason)
	})
	s.access.Forget(tenant)
	return n, err
}

func (s *Service) endAllTx(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID, but *uuid.UUID, reason string) (int, error) {
	ended, err := s.q.EndSessions(ctx, tx, accountsdb.EndSessionsParams{TenantID: tenant, UserID: user, EndedAt: s.clock.Now(), EndReason: reason, But: but})
	if err != nil {
		return 0, err
	}
	entries := make([]events.Entry, 0, len(ended))
	for _, row := range ended {
		entries = append(entries, sessionEvent("session.ended", row, map[string]any{"reason": reason}))
	}
	return len(ended), events.RecordTx(ctx, tx, entries...)
}

func (s *Service) endTx(ctx context.Context, tx pgx.Tx, row Session, reason string) error {
	row, err := s.q.EndSession(ctx, tx, accountsdb.EndSessionParams{TenantID: row.TenantID, ID: row.ID, EndedAt: s.clock.Now(), EndReason: reason})
	if pg.IsNoRows(err) {
		return nil // it had ended already
	}
	if err != nil {
		return err
	}
	return events.RecordTx(ctx, tx, sessionEvent("session.ended", row, map[string]any{"reason": reason}))
}
