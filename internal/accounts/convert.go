package accounts

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// TokensToAPI is what the holder of a new session is given.
func TokensToAPI(t Tokens) api.SessionTokens {
	return api.SessionTokens{
		Object: api.SessionTokensObjectSessionTokens, SessionID: t.Session.ID, AccessToken: t.Access, TokenType: api.SessionTokensTokenTypeBearer,
		ExpiresIn: int32(t.Life.Seconds()), RefreshToken: t.Refresh, UserID: t.Session.UserID,
		SessionExpiresAt: t.Session.ExpiresAt, IdleExpiresAt: t.Session.IdleUntil,
	}
}

func challengeToAPI(c Challenge) api.SignInChallenge {
	return api.SignInChallenge{
		Object: api.SignInChallengeObjectSignInChallenge, Status: api.SignInChallengeStatusMfaRequired, Challenge: c.Secret,
		Methods: []string{"totp", "recovery_code"}, ExpiresAt: c.ExpiresAt,
	}
}

func secondFactorToAPI(f SecondFactor) api.SecondFactor {
	return api.SecondFactor{
		Object: api.SecondFactorObjectSecondFactor, Status: f.Status, ConfirmedAt: web.Nullable(f.ConfirmedAt), RecoveryCodesLeft: int32(f.CodesLeft),
	}
}

func policyToAPI(p Policy) api.SignInPolicy {
	return api.SignInPolicy{
		Object: api.SignInPolicyObjectSignInPolicy, MfaRoles: p.MfaRoles, MfaScopes: p.MfaScopes, ReturnAddresses: p.ReturnAddresses, UpdatedAt: p.UpdatedAt, Version: p.Version,
	}
}

func sessionToAPI(x Session, current uuid.UUID) api.Session {
	return api.Session{
		ID: x.ID, Object: api.SessionObjectSession, UserID: x.UserID, Methods: x.Methods, UserAgent: web.Nullable(x.UserAgent), Address: web.Nullable(x.Address),
		IsCurrent: x.ID == current, CreatedAt: x.CreatedAt, UsedAt: x.UsedAt, IdleExpiresAt: x.IdleUntil, ExpiresAt: x.ExpiresAt,
	}
}

func invitationToAPI(l Link) api.Invitation {
	return api.Invitation{
		ID: l.ID, Object: api.InvitationObjectAccountInvitation, UserID: l.UserID, Kind: l.Kind, CreatedAt: l.CreatedAt, ExpiresAt: l.ExpiresAt,
	}
}

func viewToAPI(v View) api.PasswordLink {
	return api.PasswordLink{
		Object: api.PasswordLinkObjectPasswordLink, Institution: v.Institution, Kind: v.Kind, Email: v.Email, Status: v.Status,
		MinimumLength: MinimumLength, ExpiresAt: v.ExpiresAt,
	}
}

// html is a page for a person, in place of any answer.
type html struct {
	status int
	body   []byte
}

func newHTML(status int, p page) (html, error) {
	body, err := p.render()
	return html{status, body}, err
}

// VisitGetPasswordLinkResponse implements the generated interface.
func (a html) VisitGetPasswordLinkResponse(w http.ResponseWriter) error {
	return web.WriteHTML(w, a.status, a.body)
}

// VisitSetPasswordResponse implements the generated interface.
func (a html) VisitSetPasswordResponse(w http.ResponseWriter) error {
	return web.WriteHTML(w, a.status, a.body)
}
