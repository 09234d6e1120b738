package access

import (
	"context"
	"errors"
	"time"
)

// RotateSigningKeys makes the token signing keys that are due and forgets those
// of the past. KeepHouse does it by itself.
func (s *Service) RotateSigningKeys(ctx context.Context) error {
	_, err := s.keys.ensure(ctx)
	return err
}

// ForgetEndedTokens removes what was kept only until a token or an assertion
// could no longer be used.
func (s *Service) ForgetEndedTokens(ctx context.Context) error {
	tenants, err := s.TenantIDs(ctx)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	errs := []error{s.q.ForgetGuesses(ctx, s.db.Unscoped(), now.Add(-proofHolds))}
	for _, tenant := range tenants {
		scope := s.db.Tenant(tenant)
		errs = append(errs, s.q.ForgetRevokedTokens(ctx, scope, tenant, now), s.q.ForgetAssertions(ctx, scope, tenant, now))
	}
	return errors.Join(errs...)
}

// KeepHouse does both for as long as ctx lasts. What fails is tried again.
func (s *Service) KeepHouse(ctx context.Context) error {
	const often, seldom = 10 * time.Minute, time.Hour
	tick := time.NewTicker(often)
	defer tick.Stop()
	var swept time.Time
	for {
		err := s.RotateSigningKeys(ctx)
		if now := s.clock.Now(); err == nil && now.Sub(swept) >= seldom {
			err = s.ForgetEndedTokens(ctx)
			swept = now
		}
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "token signing keys could not be seen to", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
