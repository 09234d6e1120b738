package accounts

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/accounts/internal/accountsdb"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// challengeLife is how long somebody may look for their device.
const challengeLife = 5 * time.Minute

// Challenge asks for the second factor.
type Challenge struct {
	Secret    string
	ExpiresAt time.Time
}

// challengeTx makes a challenge for a user who has a second factor, none for
// others.
func (s *Service) challengeTx(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID) (*Challenge, error) {
	row, err := s.q.GetTOTP(ctx, tx, tenant, user)
	if pg.IsNoRows(err) || (err == nil && row.ConfirmedAt == nil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	c := &Challenge{Secret: newSecret(), ExpiresAt: now.Add(challengeLife)}
	return c, s.q.InsertChallenge(ctx, tx, accountsdb.InsertChallengeParams{
		TenantID: tenant, ChallengeHash: hashOf(c.Secret), UserID: user, CreatedAt: now, ExpiresAt: c.ExpiresAt,
	})
}

// StepUp starts the session of whoever answers a challenge with a code of the
// device or a recovery code. A challenge is good for one session; wrong codes
// are counted by user, however many challenges there are.
func (s *Service) StepUp(ctx context.Context, challenge, given string) (Tokens, error) {
	hash := hashOf(challenge)
	tenant, err := s.q.ResolveChallenge(ctx, s.db.Unscoped(), hash)
	if pg.IsNoRows(err) {
		return Tokens{}, refused()
	}
	if err != nil {
		return Tokens{}, err
	}
	c, err := s.q.GetChallenge(ctx, s.db.Tenant(tenant), tenant, hash)
	if pg.IsNoRows(err) || (err == nil && (!s.clock.Now().Before(c.ExpiresAt) || c.Status != "active")) {
		return Tokens{}, refused()
	}
	if err != nil {
		return Tokens{}, err
	}
	ctx = web.WithActor(ctx, web.SystemActor(tenant, "sign-in"))
	a := s.attemptBy(ctx, tenant, "second factor of "+c.UserID.String())
	if err := s.charge(ctx, a); err != nil {
		return Tokens{}, err
	}
	ctx = web.WithActor(ctx, personActor(tenant, c.UserID))
	shown := ""
	t, err := pg.InTxValue(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) (Tokens, error) {
		var err error
		if shown, err = s.second(ctx, tx, tenant, c.UserID, given); err != nil || shown == "" {
			return Tokens{}, err
		}
		if n, err := s.q.UseChallenge(ctx, tx, tenant, hash); err != nil || n == 0 {
			if err == nil {
				err = refused()
			}
			return Tokens{}, err
		}
		if err := s.forgive(ctx, tx, a); err != nil {
			return Tokens{}, err
		}
		return s.StartTx(ctx, tx, NewSession{Tenant: tenant, User: c.UserID, Methods: withSecond([]string{"pwd"}, shown)})
	})
	if err != nil || shown != "" {
		return t, err
	}
	if err := s.failed(web.WithActor(ctx, web.SystemActor(tenant, "sign-in")), a, &c.UserID, c.Email, "otp"); err != nil {
		return Tokens{}, err
	}
	return Tokens{}, refused()
}

// second takes a code of the device or a recovery code, once, and tells which
// it was; empty if it is neither.
func (s *Service) second(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID, given string) (string, error) {
	ok, err := s.checkTOTP(ctx, tx, tenant, user, given, true)
	if pg.IsNoRows(err) {
		return "", nil
	}
	if err != nil || ok {
		return "otp", err
	}
	n, err := s.q.UseRecoveryCode(ctx, tx, accountsdb.UseRecoveryCodeParams{
		TenantID: tenant, UserID: user, CodeHash: s.recoveryHash(tenant, user, given), UsedAt: s.clock.Now(),
	})
	if err != nil || n == 0 {
		return "", err
	}
	return "otp", recordFactor(ctx, tx, "second_factor.recovery_code_used", user, nil)
}

// withSecond adds the second factor to the methods of a session (RFC 8176).
func withSecond(methods []string, second string) []string {
	out := slices.Clone(methods)
	for _, m := range []string{second, "mfa"} {
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}
