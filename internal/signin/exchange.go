package signin

import (
	"context"
	"crypto/subtle"
	"net/url"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/accounts"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/signin/internal/signindb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Exchange starts the session of whoever brings a code and the secret that the
// sign-in was begun with. A code is spent by the first attempt.
func (s *Service) Exchange(ctx context.Context, code, verifier string) (accounts.Tokens, error) {
	hash := hashOf(code)
	at, err := s.q.ResolveSignIn(ctx, s.db.Unscoped(), hash)
	if pg.IsNoRows(err) {
		return accounts.Tokens{}, unknown()
	}
	if err != nil {
		return accounts.Tokens{}, err
	}
	now := s.clock.Now()
	row, err := s.q.ExchangeSignIn(ctx, s.db.Tenant(at.TenantID), signindb.ExchangeSignInParams{
		TenantID: at.TenantID, ID: at.SignInID, CodeHash: hash, ExchangedAt: now,
	})
	if pg.IsNoRows(err) {
		err = unknown()
	}
	if err != nil {
		return accounts.Tokens{}, err
	}
	bound := subtle.ConstantTimeCompare(hashOf(verifier), row.BindingHash) == 1
	if !bound || row.UserID == nil || row.CodeExpiresAt == nil || row.SessionUntil == nil || !now.Before(*row.CodeExpiresAt) {
		return accounts.Tokens{}, unknown()
	}
	actor, ok, err := s.needs.Access.UserActor(ctx, row.TenantID, *row.UserID)
	if err != nil {
		return accounts.Tokens{}, err
	}
	p, err := s.needs.Federation.Known(ctx, row.TenantID, row.ProviderID)
	if err != nil {
		return accounts.Tokens{}, err
	}
	if !ok || !p.IsEnabled {
		return accounts.Tokens{}, unknown()
	}
	ctx = web.WithActor(ctx, web.Actor{Kind: web.User, ID: actor.ID, Tenant: row.TenantID})
	return pg.InTxValue(ctx, s.db, row.TenantID, func(ctx context.Context, tx pgx.Tx) (accounts.Tokens, error) {
		in := accounts.NewSession{Tenant: row.TenantID, User: *row.UserID, Methods: row.Methods, Provider: &row.ProviderID, Until: *row.SessionUntil}
		if row.IDToken != nil {
			plain, err := s.needs.IDTokens.Open(ctx, tx, row.TenantID, row.ID.String(), row.IDToken)
			if err != nil {
				return accounts.Tokens{}, err
			}
			in.IDToken = string(plain)
			if err := s.q.ForgetIDToken(ctx, tx, row.TenantID, row.ID); err != nil {
				return accounts.Tokens{}, err
			}
		}
		return s.needs.Accounts.StartTx(ctx, tx, in)
	})
}

// SignOut ends the session of the request and gives the address at which the
// provider ends its own, empty if there is none (OpenID Connect RP-Initiated
// Logout 1.0 §2).
func (s *Service) SignOut(ctx context.Context, returnTo, state string) (string, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return "", err
	}
	if returnTo != "" {
		if err := s.mayReturn(ctx, actor.Tenant, returnTo, "#/return_to"); err != nil {
			return "", err
		}
	}
	v, err := s.needs.Accounts.SignOutVouched(ctx)
	if err != nil || v.Provider == nil || v.IDToken == "" {
		return "", err
	}
	p, err := s.needs.Federation.Known(ctx, actor.Tenant, *v.Provider)
	if err != nil {
		return "", err
	}
	e, err := s.discover(ctx, p)
	if err != nil { // the session here has ended all the same
		s.log.WarnContext(ctx, "a provider cannot be asked where sessions end", "provider", p.ID, "error", err)
		return "", nil
	}
	if e.EndSession == "" {
		return "", nil
	}
	at, err := url.Parse(e.EndSession)
	if err != nil {
		return "", err
	}
	query := at.Query()
	query.Set("id_token_hint", v.IDToken)
	if state == "" {
		state = newSecret()
	}
	query.Set("state", state)
	if returnTo != "" {
		query.Set("post_logout_redirect_uri", returnTo)
	}
	at.RawQuery = query.Encode()
	return at.String(), nil
}
