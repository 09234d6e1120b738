package signin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/federation"
)

const (
	// believeDiscovery is how long a discovery document is believed.
	believeDiscovery = 10 * time.Minute
	// patience with a provider: whoever signs in waits for it.
	patience = 10 * time.Second
	// largestAnswer of a provider, in bytes.
	largestAnswer = 512 << 10
	mostIssuers   = 1000
)

// endpoints are where a provider says its doors are (OpenID Connect Discovery
// 1.0 §3).
type endpoints struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Userinfo      string `json:"userinfo_endpoint"`
	EndSession    string `json:"end_session_endpoint"`
	// NamesItself says that it names itself in its answers (RFC 9207).
	NamesItself bool `json:"authorization_response_iss_parameter_supported"`
}

type discovered struct {
	endpoints endpoints
	until     time.Time
}

// discover asks a provider where its doors are, once for a while.
func (s *Service) discover(ctx context.Context, p federation.Provider) (endpoints, error) {
	now := s.clock.Now()
	s.mu.Lock()
	known, ok := s.found[p.Issuer]
	s.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.endpoints, nil
	}
	var e endpoints
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(p.Issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return e, err
	}
	request.Header.Set("Accept", "application/json")
	body, _, err := s.ask(request)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return e, fmt.Errorf("signin: the discovery document cannot be read: %w", err)
	}
	if e.Issuer != p.Issuer {
		return e, fmt.Errorf("signin: the discovery document is of %q and not of %q", e.Issuer, p.Issuer)
	}
	for name, at := range map[string]string{"authorization_endpoint": e.Authorization, "token_endpoint": e.Token} {
		if !asSafe(p.Issuer, at) {
			return e, fmt.Errorf("signin: the discovery document has no good %s", name)
		}
	}
	if !asSafe(p.Issuer, e.EndSession) {
		e.EndSession = ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.found) >= mostIssuers {
		clear(s.found)
	}
	s.found[p.Issuer] = discovered{e, now.Add(believeDiscovery)}
	return e, nil
}

// asSafe: what a browser is sent to is encrypted, unless the issuer itself is
// not, which only a machine of its own may be.
func asSafe(issuer, at string) bool {
	u, err := url.Parse(at)
	return err == nil && u.Host != "" && u.User == nil && u.Fragment == "" && (u.Scheme == "https" || (u.Scheme == "http" && strings.HasPrefix(issuer, "http://")))
}

// ask sends a request to a provider. Anything but 200 is an error.
func (s *Service) ask(request *http.Request) (body []byte, header http.Header, err error) {
	ctx, cancel := context.WithTimeout(request.Context(), patience)
	defer cancel()
	response, err := s.needs.Client.HTTP().Do(request.WithContext(ctx))
	if err != nil {
		return nil, nil, err
	}
	body, cut, err := egress.ReadBody(response, largestAnswer)
	switch {
	case err != nil:
		return nil, nil, err
	case cut:
		return nil, nil, egress.ErrBodyTooLarge
	case response.StatusCode != http.StatusOK:
		return nil, nil, answeredError{request.URL.Path, response.StatusCode, body}
	}
	return body, response.Header, nil
}

// answeredError is an answer that is none.
type answeredError struct {
	path   string
	status int
	body   []byte
}

// Error says what was answered, with the code of RFC 6749 §5.2 and none of the
// rest, which may hold what was sent.
func (e answeredError) Error() string {
	var said struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(e.body, &said)
	return fmt.Sprintf("signin: %s answers %d %.60q", e.path, e.status, said.Error)
}
