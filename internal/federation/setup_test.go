package federation_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access/jwk"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

type object = map[string]any

const audience = "https://crm.arcades.example"

// provider is an identity provider, as a server of its own.
type provider struct {
	issuer  string
	rsa     *rsa.PrivateKey
	ec      *ecdsa.PrivateKey
	mu      sync.Mutex
	keys    map[string]crypto.PublicKey
	fetches int
	down    bool
	claims  string // the issuer that the discovery document names
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{keys: map[string]crypto.PublicKey{}}
	var err error
	p.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	p.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p.keys["rsa-1"], p.keys["ec-1"] = p.rsa.Public(), p.ec.Public()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.issuer = server.URL + "/realms/agents"
	p.claims = p.issuer
	mux.HandleFunc("/realms/agents/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(object{"issuer": p.claims, "jwks_uri": server.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.fetches++
		if p.down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		set := jwk.Set{}
		for id, public := range p.keys {
			key, err := jwk.Encode(id, public)
			if err == nil {
				set.Keys = append(set.Keys, key)
			}
		}
		_ = json.NewEncoder(w).Encode(set)
	})
	mux.HandleFunc("/mislabelled", func(w http.ResponseWriter, _ *http.Request) {
		key, _ := jwk.Encode("rsa-1", p.rsa.Public())
		key.Algorithm = "ES256"
		_ = json.NewEncoder(w).Encode(jwk.Set{Keys: []jwk.Key{key}})
	})
	return p
}

func (p *provider) fetched() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

// world is a program that trusts a provider, and a clock to move.
type world struct {
	*parvistest.App
	t     *testing.T
	clock *clock.Fixed
	idp   *provider
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewFixed(time.Now()), idp: newProvider(t)}
	w.App = parvistest.New(t, parvistest.WithClock(w.clock))
	return w
}

// trust makes the provider known to the institution of a client.
func (w *world) trust(c *parvistest.Client, changes object) *parvistest.Answer {
	w.t.Helper()
	return c.Post("/v1/identity-providers", parvistest.With(object{
		"name": "SSO", "issuer": w.idp.issuer, "audience": audience, "provision": "on_first_use", "allowed_algs": []string{"RS256", "ES256"},
	}, changes))
}

func (w *world) header(changes object) object {
	return parvistest.With(object{"alg": "RS256", "typ": "at+jwt", "kid": "rsa-1"}, changes)
}

func (w *world) claims(changes object) object {
	now := w.clock.Now()
	out := object{
		"iss": w.idp.issuer, "aud": audience, "sub": "agent-1", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "jti": uuid.NewString(),
		"email": "ines.marchand@arcades.example", "name": "Inès Marchand",
	}
	for name, value := range changes {
		if value == nil {
			delete(out, name)
			continue
		}
		out[name] = value
	}
	return out
}

// token signs any header and claims with the provider's key.
func (w *world) token(header, claims object) string {
	w.t.Helper()
	var key any = w.idp.rsa
	if header["alg"] == "ES256" {
		key = w.idp.ec
	}
	return sign(w.t, key, header, claims)
}

func sign(t *testing.T, key any, header, claims object) string {
	t.Helper()
	method := jwt.GetSigningMethod(header["alg"].(string))
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	token.Header = maps.Clone(header)
	for name, value := range header {
		if value == nil {
			delete(token.Header, name)
		}
	}
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

func (w *world) with(token string) *parvistest.Client {
	c := w.Anonymous()
	c.Key = token
	return c
}

func (w *world) good(changes object) *parvistest.Client {
	w.t.Helper()
	return w.with(w.token(w.header(nil), w.claims(changes)))
}
