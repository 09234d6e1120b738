package accounts

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/accounts.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.AccountsOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

// CreateSession implements POST /v1/sessions.
func (h *Handlers) CreateSession(ctx context.Context, r api.CreateSessionRequestObject) (api.CreateSessionResponseObject, error) {
	t, challenge, err := h.service.SignIn(ctx, Credentials{Institution: r.Body.InstitutionID, Email: r.Body.Email, Password: r.Body.Password})
	if err != nil {
		return nil, err
	}
	if challenge != nil {
		return api.CreateSession200JSONResponse(challengeToAPI(*challenge)), nil
	}
	return api.CreateSession201JSONResponse(TokensToAPI(t)), nil
}

// CompleteSignIn implements POST /v1/sessions/second-factor.
func (h *Handlers) CompleteSignIn(ctx context.Context, r api.CompleteSignInRequestObject) (api.CompleteSignInResponseObject, error) {
	t, err := h.service.StepUp(ctx, r.Body.Challenge, r.Body.Code)
	if err != nil {
		return nil, err
	}
	return api.CompleteSignIn201JSONResponse(TokensToAPI(t)), nil
}

// GetSecondFactor implements GET /v1/account/totp.
func (h *Handlers) GetSecondFactor(ctx context.Context, _ api.GetSecondFactorRequestObject) (api.GetSecondFactorResponseObject, error) {
	f, err := h.service.SecondFactorOf(ctx)
	return api.GetSecondFactor200JSONResponse(secondFactorToAPI(f)), err
}

// BeginTotp implements POST /v1/account/totp.
func (h *Handlers) BeginTotp(ctx context.Context, r api.BeginTotpRequestObject) (api.BeginTotpResponseObject, error) {
	e, err := h.service.BeginTOTP(ctx, r.Body.CurrentPassword)
	return api.BeginTotp201JSONResponse{Object: api.TotpEnrolmentObjectTotpEnrolment, Secret: e.Secret, URI: e.URI}, err
}

// ConfirmTotp implements POST /v1/account/totp/confirm.
func (h *Handlers) ConfirmTotp(ctx context.Context, r api.ConfirmTotpRequestObject) (api.ConfirmTotpResponseObject, error) {
	codes, err := h.service.ConfirmTOTP(ctx, r.Body.Code)
	return api.ConfirmTotp200JSONResponse{Object: api.RecoveryCodesObjectRecoveryCodes, Codes: codes}, err
}

// DisableTotp implements POST /v1/account/totp/disable.
func (h *Handlers) DisableTotp(ctx context.Context, r api.DisableTotpRequestObject) (api.DisableTotpResponseObject, error) {
	return api.DisableTotp204Response{}, h.service.DisableTOTP(ctx, r.Body.CurrentPassword, r.Body.Code)
}

// RenewRecoveryCodes implements POST /v1/account/recovery-codes.
func (h *Handlers) RenewRecoveryCodes(ctx context.Context, r api.RenewRecoveryCodesRequestObject) (api.RenewRecoveryCodesResponseObject, error) {
	codes, err := h.service.RenewRecoveryCodes(ctx, r.Body.CurrentPassword)
	return api.RenewRecoveryCodes200JSONResponse{Object: api.RecoveryCodesObjectRecoveryCodes, Codes: codes}, err
}

// ResetSecondFactor implements POST /v1/users/{user_id}/reset-second-factor.
func (h *Handlers) ResetSecondFactor(ctx context.Context, r api.ResetSecondFactorRequestObject) (api.ResetSecondFactorResponseObject, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return api.ResetSecondFactor204Response{}, h.service.ResetSecondFactor(ctx, actor.Tenant, r.UserID)
}

// GetSignInPolicy implements GET /v1/sign-in-policy.
func (h *Handlers) GetSignInPolicy(ctx context.Context, _ api.GetSignInPolicyRequestObject) (api.GetSignInPolicyResponseObject, error) {
	p, err := h.service.GetPolicy(ctx)
	return api.GetSignInPolicy200JSONResponse{Body: policyToAPI(p), Headers: api.GetSignInPolicy200ResponseHeaders{ETag: web.ETag(p.Version)}}, err
}

// UpdateSignInPolicy implements PATCH /v1/sign-in-policy.
func (h *Handlers) UpdateSignInPolicy(ctx context.Context, r api.UpdateSignInPolicyRequestObject) (api.UpdateSignInPolicyResponseObject, error) {
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	p, err := h.service.UpdatePolicy(ctx, PolicyPatch{Roles: r.Body.MfaRoles, Scopes: r.Body.MfaScopes, Returns: r.Body.ReturnAddresses}, version)
	return api.UpdateSignInPolicy200JSONResponse{Body: policyToAPI(p), Headers: api.UpdateSignInPolicy200ResponseHeaders{ETag: web.ETag(p.Version)}}, err
}

// RefreshSession implements POST /v1/sessions/refresh.
func (h *Handlers) RefreshSession(ctx context.Context, r api.RefreshSessionRequestObject) (api.RefreshSessionResponseObject, error) {
	t, err := h.service.Refresh(ctx, r.Body.RefreshToken)
	if err != nil {
		return nil, err
	}
	return api.RefreshSession200JSONResponse(TokensToAPI(t)), nil
}

// ListSessions implements GET /v1/sessions.
func (h *Handlers) ListSessions(ctx context.Context, r api.ListSessionsRequestObject) (api.ListSessionsResponseObject, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	walk, limit := "sessions "+actor.ID, web.Limit(r.Params.Limit)
	var after uuid.UUID
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	rows, err := h.service.Sessions(ctx, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x Session) any { return x.ID })
	if err != nil {
		return nil, err
	}
	return api.ListSessions200JSONResponse{
		Body:    api.SessionList{Data: web.Map(page.Items, func(x Session) api.Session { return sessionToAPI(x, actor.Session) }), NextCursor: page.Next},
		Headers: api.ListSessions200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// SignOut implements POST /v1/sessions/sign-out.
func (h *Handlers) SignOut(ctx context.Context, _ api.SignOutRequestObject) (api.SignOutResponseObject, error) {
	return api.SignOut204Response{}, h.service.SignOut(ctx)
}

// EndAllSessions implements POST /v1/sessions/end-all.
func (h *Handlers) EndAllSessions(ctx context.Context, r api.EndAllSessionsRequestObject) (api.EndAllSessionsResponseObject, error) {
	n, err := h.service.EndAll(ctx, r.Body.KeepCurrent != nil && *r.Body.KeepCurrent)
	return api.EndAllSessions200JSONResponse{Object: api.SessionsEndedObjectSessionsEnded, Ended: int32(n)}, err
}

// EndSession implements POST /v1/sessions/{session_id}/end.
func (h *Handlers) EndSession(ctx context.Context, r api.EndSessionRequestObject) (api.EndSessionResponseObject, error) {
	return api.EndSession204Response{}, h.service.End(ctx, r.SessionID)
}

// EndUserSessions implements POST /v1/users/{user_id}/end-sessions.
func (h *Handlers) EndUserSessions(ctx context.Context, r api.EndUserSessionsRequestObject) (api.EndUserSessionsResponseObject, error) {
	n, err := h.service.EndOf(ctx, r.UserID)
	return api.EndUserSessions200JSONResponse{Object: api.SessionsEndedObjectSessionsEnded, Ended: int32(n)}, err
}

// InviteUser implements POST /v1/users/{user_id}/invitations.
func (h *Handlers) InviteUser(ctx context.Context, r api.InviteUserRequestObject) (api.InviteUserResponseObject, error) {
	l, err := h.service.Invite(ctx, r.UserID)
	return api.InviteUser202JSONResponse(invitationToAPI(l)), err
}

// ChangePassword implements POST /v1/account/password.
func (h *Handlers) ChangePassword(ctx context.Context, r api.ChangePasswordRequestObject) (api.ChangePasswordResponseObject, error) {
	return api.ChangePassword204Response{}, h.service.ChangePassword(ctx, r.Body.CurrentPassword, r.Body.NewPassword)
}

// RequestPassword implements POST /v1/public/institutions/{institution_id}/password-requests.
func (h *Handlers) RequestPassword(ctx context.Context, r api.RequestPasswordRequestObject) (api.RequestPasswordResponseObject, error) {
	lang := ""
	if r.Body.Language != nil {
		lang = *r.Body.Language
	}
	message, err := h.service.Request(ctx, r.InstitutionID, r.Body.Email, lang)
	return api.RequestPassword202JSONResponse{
		Object: api.PasswordRequestReceiptObjectPasswordRequestReceipt, Status: api.PasswordRequestReceiptStatusReceived, Message: message,
	}, err
}

// GetPasswordLink implements GET /v1/public/password-links/{token}.
func (h *Handlers) GetPasswordLink(ctx context.Context, r api.GetPasswordLinkRequestObject) (api.GetPasswordLinkResponseObject, error) {
	v, err := h.service.Show(ctx, r.Token)
	wanted := web.VisitorOf(ctx).WantsPage
	switch {
	case wanted && fault.Is(err, "password-link-unknown"):
		return newHTML(http.StatusNotFound, gonePage(web.Language(ctx)))
	case err != nil:
		return nil, err
	case wanted:
		return newHTML(http.StatusOK, formPage(v, ""))
	}
	return api.GetPasswordLink200JSONResponse(viewToAPI(v)), nil
}

// SetPassword implements POST /v1/public/password-links/{token}.
func (h *Handlers) SetPassword(ctx context.Context, r api.SetPasswordRequestObject) (api.SetPasswordResponseObject, error) {
	password := web.VisitorOf(ctx).Fields.Get("password")
	if r.JSONBody != nil {
		password = r.JSONBody.Password
	}
	v, err := h.service.SetPassword(ctx, r.Token, password)
	if wanted := web.VisitorOf(ctx).WantsPage; wanted {
		f, _ := fault.As(err)
		switch {
		case err == nil:
			return newHTML(http.StatusOK, donePage(v))
		case fault.Is(err, "password-link-unknown"):
			return newHTML(http.StatusNotFound, gonePage(web.Language(ctx)))
		case fault.Is(err, "invalid") && len(f.Violations) > 0:
			return newHTML(http.StatusUnprocessableEntity, formPage(v, problemOf(f.Violations[0].Code, v.Language)))
		}
	}
	return api.SetPassword200JSONResponse(viewToAPI(v)), err
}
