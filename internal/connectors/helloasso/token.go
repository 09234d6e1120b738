package helloasso

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// token is what HelloAsso gives for the client's credentials (RFC 6749 §4.4). It
// is kept in memory only.
type token struct {
	access, refresh string
	until           time.Time
}

// early is how long before its end a token is no longer used.
const early = time.Minute

// get reads an address with a token that is good. One that is refused before its
// time is replaced, once.
func (s *session) get(ctx context.Context, path string, query url.Values) (port.Answer, error) {
	for fresh := false; ; fresh = true {
		if s.token.access == "" || !s.c.Now().Before(s.token.until) {
			if err := s.authorize(ctx); err != nil {
				return port.Answer{}, err
			}
			fresh = true
		}
		access := s.token.access
		s.client.Authorize = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+access) }
		a, err := s.client.Get(ctx, "/v5"+path, query)
		if !errors.Is(err, port.ErrRefused) || fresh {
			return a, err
		}
		s.token.access = ""
	}
}

// authorize renews the token, or asks for a new one where that is refused.
func (s *session) authorize(ctx context.Context) error {
	if s.token.refresh != "" {
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {s.set.ClientID}, "refresh_token": {s.token.refresh}}
		s.token.refresh = ""
		err := s.ask(ctx, form)
		if err == nil || !errors.Is(err, port.ErrRefused) {
			return err
		}
	}
	return s.ask(ctx, url.Values{"grant_type": {"client_credentials"}, "client_id": {s.set.ClientID}, "client_secret": {s.c.Secrets["client_secret"]}})
}

func (s *session) ask(ctx context.Context, form url.Values) error {
	s.client.Authorize = nil
	a, err := s.client.Do(ctx, http.MethodPost, "/oauth2/token", nil, form, nil)
	if rejected := (*port.RejectedError)(nil); errors.As(err, &rejected) {
		return port.ErrRefused // credentials that are wrong are a bad request (RFC 6749 §5.2)
	}
	if err != nil {
		return err
	}
	var got struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Seconds int64  `json:"expires_in"`
	}
	if err := a.JSON(&got); err != nil {
		return err
	}
	if got.Access == "" {
		return &port.UnexpectedError{Text: "an answer for a token holds none"}
	}
	s.token = token{got.Access, got.Refresh, s.c.Now().Add(max(time.Duration(got.Seconds)*time.Second-early, 0))}
	return nil
}
