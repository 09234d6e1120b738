package signin

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"github.com/crewjam/saml"
	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/federation"
	"github.com/parvis-crm/parvis/internal/signin/internal/signindb"
)

// connected is a SAML provider that people may sign in with now.
func (s *Service) connected(ctx context.Context, tenant, provider uuid.UUID) (federation.Provider, Connection, error) {
	p, err := s.needs.Federation.Known(ctx, tenant, provider)
	if err != nil {
		return p, Connection{}, err
	}
	c, err := s.q.GetConnection(ctx, s.db.Tenant(tenant), tenant, provider)
	if err == nil && (!p.IsEnabled || !c.IsEnabled || p.Protocol != "saml" || c.PrivateKey == nil) {
		err = fault.NotFound()
	}
	return p, c, err
}

// request is the address of a signed request (SAML 2.0 Bindings §3.4), and the
// id that the answer has to name.
func (s *Service) request(ctx context.Context, p federation.Provider, c Connection, level, state string) (at, id string, err error) {
	sp, err := s.ours(ctx, p, c)
	if err != nil {
		return "", "", err
	}
	wanted := c.RequestedContexts
	if level == strong {
		again := true
		sp.ForceAuthn = &again
		if len(p.StrongAcr) > 0 {
			wanted = p.StrongAcr
		}
	}
	if len(wanted) > 0 {
		sp.RequestedAuthnContext = &saml.RequestedAuthnContext{Comparison: "exact", AuthnContextClassRefs: wanted}
	}
	r, err := sp.MakeAuthenticationRequest(sp.GetSSOBindingLocation(saml.HTTPRedirectBinding), saml.HTTPRedirectBinding, saml.HTTPPostBinding)
	if err != nil {
		return "", "", err
	}
	u, err := r.Redirect(state, sp)
	if err != nil {
		return "", "", err
	}
	return u.String(), r.ID, nil
}

// FinishSAML judges the answer of a SAML provider and tells where the browser
// goes on to.
func (s *Service) FinishSAML(ctx context.Context, relayState, response string) (string, error) {
	return s.finish(ctx, relayState, func(ctx context.Context, row signindb.SignIn) (federation.Provider, proof, time.Time, error) {
		p, c, err := s.connected(ctx, row.TenantID, row.ProviderID)
		if err != nil {
			return p, proof{}, time.Time{}, refusal{refusedWord, "nobody signs in with the provider any more"}
		}
		found, err := s.assertion(ctx, p, c, row, response)
		return p, found, s.clock.Now().Add(time.Duration(c.SessionSeconds) * time.Second), err
	})
}

// assertion judges an answer (SAML 2.0 Profiles §4.1.4.3): the signature of the
// assertion itself, by a key of the metadata; issuer, audience, recipient,
// destination, the request that was sent, and the instant; and that nobody has
// brought it before.
func (s *Service) assertion(ctx context.Context, p federation.Provider, c Connection, row signindb.SignIn, response string) (proof, error) {
	raw, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		return proof{}, refuse("not base64")
	}
	if err := plainXML(raw); err != nil {
		return proof{}, refuse("%s", err)
	}
	if row.RequestID == nil {
		return proof{}, refuse("SAML was not asked for")
	}
	sp, err := s.ours(ctx, p, c)
	if err != nil {
		return proof{}, err
	}
	a, err := sp.ParseXMLResponse(raw, []string{*row.RequestID}, sp.AcsURL)
	if invalid, ok := errors.AsType[*saml.InvalidResponseError](err); ok {
		if said, ok := errors.AsType[saml.ErrBadStatus](invalid.PrivateErr); ok {
			return proof{}, refusal{denied, "the provider says " + said.Status}
		}
		return proof{}, refuse("%s", invalid.PrivateErr)
	}
	if err != nil {
		return proof{}, err
	}
	id := a.Subject.NameID
	switch {
	case a.Signature == nil:
		return proof{}, refuse("the assertion itself is not signed")
	case id == nil || id.Value == "" || len(id.Value) > 255:
		return proof{}, refuse("no subject")
	case id.Format == string(saml.TransientNameIDFormat):
		return proof{}, refuse("the subject is another each time")
	case subtle.ConstantTimeCompare([]byte(a.Issuer.Value), []byte(p.Issuer)) != 1:
		return proof{}, refuse("another issuer")
	case len(a.Conditions.AudienceRestrictions) == 0:
		return proof{}, refuse("for no audience")
	}
	out := proof{subject: id.Value, claims: attributesOf(a), issuedAt: a.IssueInstant}
	for _, statement := range a.AuthnStatements {
		if ref := statement.AuthnContext.AuthnContextClassRef; ref != nil && out.acr == "" {
			out.acr = ref.Value
		}
		if end := statement.SessionNotOnOrAfter; end != nil && (out.until.IsZero() || end.Before(out.until)) {
			out.until = *end
		}
	}
	if len(c.RequiredContexts) > 0 && !slices.Contains(c.RequiredContexts, out.acr) && !slices.Contains(p.StrongAcr, out.acr) {
		return proof{}, refusal{tooWeak, "the authentication context is " + out.acr}
	}
	if !out.until.IsZero() && !s.clock.Now().Before(out.until) {
		return proof{}, refuse("the provider's session is over")
	}
	return out, nil
}

// attributesOf are the attributes by name and by the name that people read,
// where that is nobody else's name.
func attributesOf(a *saml.Assertion) map[string]any {
	out := map[string]any{}
	friendly := map[string]any{}
	for _, statement := range a.AttributeStatements {
		for _, attribute := range statement.Attributes {
			var values []any
			for _, v := range attribute.Values {
				if !v.Nil {
					values = append(values, v.Value)
				}
			}
			if have, ok := out[attribute.Name].([]any); ok {
				values = append(have, values...)
			}
			out[attribute.Name] = values
			if attribute.FriendlyName != "" {
				friendly[attribute.FriendlyName] = values
			}
		}
	}
	for name, values := range friendly {
		if _, taken := out[name]; !taken {
			out[name] = values
		}
	}
	return out
}
