package accounts

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/accounts/internal/accountsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	refreshPrefix = "pvr_"
	// lostFor is how long a token may come back whose answer was lost on the way.
	lostFor = 30 * time.Second
)

// sessionEnded is the one answer to every refresh token that is of no use.
func sessionEnded() error { return fault.New(fault.Unauthenticated, "session-ended") }

// successor of a token is computed from it, so that a repetition whose answer
// was lost gets the same token again and not a second one.
func (s *Service) successor(token string) string {
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(s.mac("refresh", token))
}

// Refresh exchanges a token for the next. One that comes back after its
// successor was used, or too late, was copied: the session ends.
func (s *Service) Refresh(ctx context.Context, token string) (Tokens, error) {
	hash := hashOf(token)
	at, err := s.q.ResolveRefreshToken(ctx, s.db.Unscoped(), hash)
	if pg.IsNoRows(err) {
		return Tokens{}, sessionEnded()
	}
	if err != nil {
		return Tokens{}, err
	}
	ctx = web.WithActor(ctx, web.SystemActor(at.TenantID, "sessions"))
	next := s.successor(token)
	var stands bool
	row, err := pg.InTxValue(ctx, s.db, at.TenantID, func(ctx context.Context, tx pgx.Tx) (Session, error) {
		// Exchanges of one session wait for each other here.
		row, err := s.q.LockSession(ctx, tx, at.TenantID, at.SessionID)
		if err != nil {
			return row, err
		}
		ctx = web.WithActor(ctx, personActor(at.TenantID, row.UserID))
		r, err := s.q.GetRefresh(ctx, tx, at.TenantID, hash)
		if err != nil {
			return row, err
		}
		now := s.clock.Now()
		switch {
		case row.EndedAt != nil, !now.Before(row.IdleUntil), !now.Before(row.ExpiresAt):
			return row, nil
		case r.ReplacedAt == nil:
			stands = true
			return s.rotate(ctx, tx, row, hash, next, now)
		case !r.SuccessorUsed && now.Sub(*r.ReplacedAt) < lostFor:
			stands = true
			return row, nil
		}
		if err := events.RecordTx(ctx, tx, sessionEvent("session.token_reused", row, map[string]any{})); err != nil {
			return row, err
		}
		return row, s.endTx(ctx, tx, row, tokenReused)
	})
	if err != nil {
		return Tokens{}, err
	}
	if !stands {
		s.access.Forget(at.TenantID)
		return Tokens{}, sessionEnded()
	}
	user, err := s.q.AccountByID(ctx, s.db.Tenant(at.TenantID), at.TenantID, row.UserID)
	if err != nil {
		return Tokens{}, err
	}
	if user.Status != "active" {
		return Tokens{}, sessionEnded()
	}
	if row.ProviderID != nil {
		trusted, err := s.q.ProviderEnabled(ctx, s.db.Tenant(at.TenantID), at.TenantID, *row.ProviderID)
		if err != nil {
			return Tokens{}, err
		}
		if !trusted {
			return Tokens{}, sessionEnded()
		}
	}
	return s.tokens(ctx, row, next)
}

func (s *Service) rotate(ctx context.Context, tx pgx.Tx, row Session, hash []byte, next string, now time.Time) (Session, error) {
	if err := s.q.InsertRefresh(ctx, tx, accountsdb.InsertRefreshParams{TenantID: row.TenantID, SessionID: row.ID, TokenHash: hashOf(next), IssuedAt: now}); err != nil {
		return row, err
	}
	if err := s.q.ReplaceRefresh(ctx, tx, accountsdb.ReplaceRefreshParams{TenantID: row.TenantID, TokenHash: hash, ReplacedAt: now, SuccessorHash: hashOf(next)}); err != nil {
		return row, err
	}
	return s.q.UseSession(ctx, tx, accountsdb.UseSessionParams{
		TenantID: row.TenantID, ID: row.ID, UsedAt: now, IdleUntil: earlier(now.Add(s.config.Idle), row.ExpiresAt),
	})
}
