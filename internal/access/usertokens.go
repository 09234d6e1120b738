package access

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access/accesstoken"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// ManageAccount is what every user may: see to their own sessions and password.
const ManageAccount = "account:manage"

// UserToken is what an access token of a user says.
type UserToken struct {
	Tenant, User, Session uuid.UUID
	Methods               []string
	SignedInAt            time.Time
	// Until is when the session ends at the latest: no token outlives it.
	Until time.Time
}

// SignUserToken writes an access token for a session (RFC 9068). It carries no
// scopes: what the user may is looked up whenever it is used.
func (s *Service) SignUserToken(ctx context.Context, in UserToken) (token string, life time.Duration, err error) {
	key, err := s.keys.signing(ctx)
	if err != nil {
		return "", 0, err
	}
	now := s.clock.Now()
	life = min(accesstoken.Lifetime, in.Until.Sub(now))
	token, err = accesstoken.Sign(accesstoken.Claims{
		ClientID: accesstoken.UserClient, Tenant: in.Tenant, Principal: accesstoken.ForUser, Session: in.Session.String(),
		Methods: in.Methods, AuthTime: jwt.NewNumericDate(in.SignedInAt),
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.issuer, Audience: jwt.ClaimStrings{s.issuer}, Subject: in.User.String(), ID: ids.New().String(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(life)),
		},
	}, key.kid, key.algorithm, key.private)
	return token, life, err
}

// sessionCredential asks whether the session of a user's token and the user
// still stand, and gives the rights that the user has now.
func (s *Service) sessionCredential(ctx context.Context, claims accesstoken.Claims) (*credential, error) {
	name := strings.Join([]string{"session", claims.Tenant.String(), claims.Subject, claims.Session}, ":")
	c, err := s.known.get(ctx, name, func(ctx context.Context) (*credential, error) { return s.resolveSession(ctx, claims) })
	if err != nil {
		return nil, err
	}
	if c == nil || !c.stands(s.clock.Now()) {
		web.NoteAttempt(ctx, web.Actor{Kind: web.User, ID: claims.Subject, Tenant: claims.Tenant}, "ended")
		return nil, unauthenticated(nil)
	}
	return c, nil
}

func (s *Service) resolveSession(ctx context.Context, claims accesstoken.Claims) (*credential, error) {
	user, session := uuid.MustParse(claims.Subject), uuid.MustParse(claims.Session)
	row, err := s.q.SessionStands(ctx, s.db.Tenant(claims.Tenant), claims.Tenant, session, user)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := s.resolveUser(ctx, claims.Tenant, user)
	if err != nil || c == nil {
		return nil, err
	}
	if c.expiresAt == nil || row.ExpiresAt.Before(*c.expiresAt) {
		c.expiresAt = &row.ExpiresAt
	}
	if !slices.Contains(row.Methods, "mfa") && asksForMore(row.MfaRoles, row.MfaScopes, c) {
		why := "second-factor-required"
		if row.ProviderID != nil {
			why = "stronger-sign-in-required"
		}
		c.withhold(why)
	}
	c.actor.Session = session
	return c, nil
}

// FederatedActor is a user whose identity provider vouches for them with a token
// of its own. Where the institution asks for a second factor, strong says that
// the provider has seen one.
func (s *Service) FederatedActor(ctx context.Context, tenant, user uuid.UUID, strong bool) (actor web.Actor, ok bool, err error) {
	if strong {
		return s.UserActor(ctx, tenant, user)
	}
	c, err := s.known.get(ctx, "weak user:"+tenant.String()+":"+user.String(), func(ctx context.Context) (*credential, error) {
		c, err := s.resolveUser(ctx, tenant, user)
		if err != nil || c == nil {
			return c, err
		}
		policy, err := s.q.SecondFactorPolicy(ctx, s.db.Tenant(tenant), tenant)
		if errors.Is(err, pgx.ErrNoRows) {
			return c, nil
		}
		if err == nil && asksForMore(policy.MfaRoles, policy.MfaScopes, c) {
			c.withhold("stronger-sign-in-required")
		}
		return c, err
	})
	if err != nil || c == nil || !c.stands(s.clock.Now()) {
		return web.Actor{}, false, err
	}
	return c.actor, true, nil
}

// withhold leaves a user only their own account, until they have shown more.
func (c *credential) withhold(why string) {
	c.actor.Withheld, c.actor.WithheldFor = c.actor.Scopes, why
	c.actor.Scopes, c.actor.Sight = ofPerson(nil), pg.SightOf{}.Sight()
	c.actor.Readable, c.actor.Writable = []string{}, []string{}
}

// asksForMore tells whether the institution wants a second factor of a user
// with these roles and scopes. Whoever may do everything has every scope.
func asksForMore(roles, scopes []string, c *credential) bool {
	return slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(c.roles, role) }) ||
		slices.ContainsFunc(scopes, func(scope string) bool {
			return slices.Contains(c.actor.Scopes, scope) || slices.Contains(c.actor.Scopes, everything)
		})
}
