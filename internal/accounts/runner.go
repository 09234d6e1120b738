package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/accounts/internal/accountsdb"
	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	answerEvery = 500 * time.Millisecond
	sweepEvery  = time.Hour
	// keepEnded is how long sessions and links are kept after their end.
	keepEnded = 30 * 24 * time.Hour
)

// Run sends the links that people asked for and forgets what has ended. It
// works until ctx ends; several processes may.
func (s *Service) Run(ctx context.Context) error {
	for {
		if err := s.once(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "links to set passwords will be sent later", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(answerEvery):
		}
	}
}

func (s *Service) once(ctx context.Context) error {
	counted := s.clock.Now().Add(-time.Hour)
	rows, err := s.db.Unscoped().Query(ctx, "select tenants_with_account_requests($1)", counted)
	if err != nil {
		return err
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		if err := s.answer(ctx, tenant); err != nil {
			return err
		}
		if err := s.q.DeleteRequests(ctx, s.db.Tenant(tenant), tenant, counted); err != nil {
			return err
		}
	}
	if now := s.clock.Now(); now.Sub(s.swept) > sweepEvery {
		if err := s.sweep(ctx, now); err != nil {
			return err
		}
		s.swept = now
	}
	return nil
}

func (s *Service) sweep(ctx context.Context, now time.Time) error {
	tenants, err := s.access.TenantIDs(ctx)
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		scope := s.db.Tenant(tenant)
		if err := errors.Join(
			s.q.DeleteEndedLinks(ctx, scope, tenant, now.Add(-keepEnded)),
			s.q.DeleteOldSessions(ctx, scope, tenant, now.Add(-keepEnded)),
			s.q.DeleteChallenges(ctx, scope, tenant, now.Add(-challengeLife)),
			s.q.DeleteAttempts(ctx, scope, tenant, now.Add(-forgetAfter)),
		); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) answer(ctx context.Context, tenant uuid.UUID) error {
	ctx = web.WithActor(ctx, web.SystemActor(tenant, "accounts"))
	return pg.InTx(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		waiting, err := s.q.LockRequests(ctx, tx, tenant)
		if err != nil {
			return err
		}
		for _, r := range waiting {
			err := pg.InSavepoint(ctx, tx, func(ctx context.Context, tx pgx.Tx) error { return s.answerTx(ctx, tx, tenant, r) })
			if errors.Is(err, mail.ErrUnsafe) {
				s.log.WarnContext(ctx, "a link to set a password cannot be sent", "request", r.ID, "error", err)
			} else if err != nil {
				return err
			}
			if err := s.q.SettleRequest(ctx, tx, tenant, r.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// answerTx mails a link to whoever has the address and signs in here; to
// anybody else nothing.
func (s *Service) answerTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, r accountsdb.LockRequestsRow) error {
	u, err := s.q.UserToReset(ctx, tx, tenant, *r.Email)
	if pg.IsNoRows(err) || (err == nil && (u.Status != "active" || u.Issuer != nil)) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.sendTx(ctx, tx, tenant, reset, accountsdb.UserToInviteRow(u), r.Language)
	return err
}
