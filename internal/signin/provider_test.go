package signin_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access/jwk"
	"github.com/parvis-crm/parvis/internal/clock"
)

type object = map[string]any

const (
	clientID     = "5e1b6a4c"
	clientSecret = "a secret of this test only"
)

// provider is an OpenID provider as strict as ProConnect: an unknown parameter,
// a short state or nonce and a code older than 30 seconds are refused, and so
// is whatever was not registered.
type provider struct {
	t      *testing.T
	clock  *clock.Fixed
	issuer string
	rsa    *rsa.PrivateKey
	ec     *ecdsa.PrivateKey

	mu sync.Mutex
	// authentication is how its client proves itself.
	authentication string
	clientKey      map[string]any
	pkce           bool
	known          []string // parameters of the authorisation request
	redirectURI    string
	codes          map[string]grant
	asked          url.Values // the last authorisation request
	loggedOut      url.Values
	doc            func(object)
	// What it says, to be bent by tests.
	header   object
	claims   func(object)
	access   string
	tokens   func(object)
	userinfo func(header, claims object) (contentType, body string)
	userSub  string
	infoJWT  bool
	keys     map[string]crypto.PublicKey
	down     string // path that does not answer
}

type grant struct {
	at          time.Time
	nonce       string
	challenge   string
	acr         []string
	redirectURI string
	used        bool
}

func newProvider(t *testing.T, c *clock.Fixed) *provider {
	t.Helper()
	p := &provider{
		t: t, clock: c, codes: map[string]grant{}, authentication: "client_secret_post", access: "opaque-access-token", userSub: "agent-1", infoJWT: true,
		known: []string{"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "claims"},
	}
	var err error
	p.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	p.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p.keys = map[string]crypto.PublicKey{"rsa-1": p.rsa.Public(), "ec-1": p.ec.Public()}
	mux := http.NewServeMux()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.down == r.URL.Path {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.issuer = server.URL + "/api/v2"
	mux.HandleFunc("GET /api/v2/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		doc := object{
			"issuer": p.issuer, "authorization_endpoint": p.issuer + "/authorize", "token_endpoint": p.issuer + "/token", "userinfo_endpoint": p.issuer + "/userinfo",
			"jwks_uri": p.issuer + "/jwks", "end_session_endpoint": p.issuer + "/session/end",
		}
		if p.doc != nil {
			p.doc(doc)
		}
		answer(w, 200, doc)
	})
	mux.HandleFunc("GET /api/v2/jwks", func(w http.ResponseWriter, _ *http.Request) {
		set := jwk.Set{}
		for id, public := range p.keys {
			key, _ := jwk.Encode(id, public)
			set.Keys = append(set.Keys, key)
		}
		answer(w, 200, set)
	})
	mux.HandleFunc("GET /api/v2/authorize", p.authorize)
	mux.HandleFunc("POST /api/v2/token", p.token)
	mux.HandleFunc("GET /api/v2/userinfo", p.info)
	mux.HandleFunc("GET /api/v2/session/end", func(w http.ResponseWriter, r *http.Request) {
		p.loggedOut = r.URL.Query()
		w.WriteHeader(http.StatusNoContent)
	})
	return p
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.asked = q
	fail := func(why string) { answer(w, 400, object{"error": "Y000400", "error_description": why}) }
	for name, values := range q {
		if !slices.Contains(p.known, name) || len(values) != 1 {
			fail("unknown parameter " + name)
			return
		}
	}
	switch {
	case q.Get("response_type") != "code" || q.Get("client_id") != clientID || q.Get("redirect_uri") != p.redirectURI:
		fail("not registered: " + q.Get("redirect_uri"))
		return
	case len(q.Get("state")) < 32 || len(q.Get("nonce")) < 32:
		fail("state and nonce have 32 characters at least")
		return
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		fail("no openid")
		return
	case p.pkce && (q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43):
		fail("PKCE")
		return
	}
	var claims struct {
		IDToken struct {
			ACR struct {
				Values []string `json:"values"`
			} `json:"acr"`
		} `json:"id_token"`
	}
	if raw := q.Get("claims"); raw != "" && json.Unmarshal([]byte(raw), &claims) != nil {
		fail("claims")
		return
	}
	code := uuid.NewString()
	p.codes[code] = grant{at: p.clock.Now(), nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), acr: claims.IDToken.ACR.Values, redirectURI: q.Get("redirect_uri")}
	back := url.Values{"code": {code}, "state": {q.Get("state")}}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	f := r.PostForm
	fail := func(status int, code string) { answer(w, status, object{"error": code}) }
	id, secret, basic := r.BasicAuth()
	good := false
	switch p.authentication {
	case "client_secret_basic":
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
		good = basic && id == clientID && secret == clientSecret && !f.Has("client_secret")
	case "client_secret_post":
		good = !basic && f.Get("client_id") == clientID && f.Get("client_secret") == clientSecret
	case "private_key_jwt":
		good = !basic && p.proven(f)
	}
	g, found := p.codes[f.Get("code")]
	challenge := sha256.Sum256([]byte(f.Get("code_verifier")))
	switch {
	case !good:
		fail(401, "invalid_client")
		return
	case f.Get("grant_type") != "authorization_code" || !found || g.used || p.clock.Now().Sub(g.at) > 30*time.Second || f.Get("redirect_uri") != g.redirectURI:
		fail(400, "invalid_grant")
		return
	case p.pkce != f.Has("code_verifier"), p.pkce && g.challenge != base64.RawURLEncoding.EncodeToString(challenge[:]):
		fail(400, "invalid_grant")
		return
	}
	g.used = true
	p.codes[f.Get("code")] = g
	now := p.clock.Now()
	sum := sha256.Sum256([]byte(p.access))
	claims := object{
		"iss": p.issuer, "aud": clientID, "sub": "agent-1", "nonce": g.nonce, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "acr": "eidas1", "amr": []string{"pwd"},
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]), "idp_id": "idp-ville",
	}
	if len(g.acr) > 0 {
		claims["acr"] = g.acr[0]
	}
	if p.claims != nil {
		p.claims(claims)
	}
	out := object{"access_token": p.access, "token_type": "Bearer", "expires_in": 60, "id_token": p.sign(p.header, claims)}
	if p.tokens != nil {
		p.tokens(out)
	}
	answer(w, 200, out)
}

// proven judges an assertion of the client (RFC 7523 §3).
func (p *provider) proven(f url.Values) bool {
	if f.Get("client_id") != clientID || f.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || p.clientKey == nil {
		return false
	}
	raw, _ := json.Marshal(p.clientKey)
	var key jwk.Key
	_ = json.Unmarshal(raw, &key)
	var claims jwt.RegisteredClaims
	_, err := jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(clientID), jwt.WithSubject(clientID), jwt.WithAudience(p.issuer+"/token"),
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(p.clock.Now)).ParseWithClaims(f.Get("client_assertion"), &claims, func(t *jwt.Token) (any, error) {
		if t.Header["kid"] != key.ID {
			return nil, fmt.Errorf("key %v", t.Header["kid"])
		}
		public, _, err := key.Decode()
		return public, err
	})
	return err == nil && claims.ID != ""
}

func (p *provider) info(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+p.access {
		answer(w, 401, object{"error": "invalid_token"})
		return
	}
	now := p.clock.Now()
	header := object{"alg": "RS256", "kid": "rsa-1", "typ": "JWT"}
	claims := object{
		"sub": p.userSub, "given_name": "Inès", "usual_name": "Marchand", "email": "ines.marchand@arcades.example", "siret": "21690123100011", "uid": "imarchand",
	}
	contentType, body := "", ""
	switch {
	case p.userinfo != nil:
		contentType, body = p.userinfo(header, claims)
	case p.infoJWT:
		claims["iss"], claims["aud"], claims["iat"], claims["exp"] = p.issuer, clientID, now.Unix(), now.Add(time.Minute).Unix()
		contentType, body = "application/jwt", p.sign(header, claims)
	default:
		raw, _ := json.Marshal(claims)
		contentType, body = "application/json", string(raw)
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write([]byte(body))
}

// sign signs any header and claims, with the provider's keys unless the header
// brings one of its own.
func (p *provider) sign(header, claims object) string {
	h := object{"alg": "RS256", "kid": "rsa-1", "typ": "JWT"}
	maps.Copy(h, header)
	key := h["key"]
	delete(h, "key")
	if key == nil {
		key = p.rsa
		if h["alg"] == "ES256" {
			key = p.ec
		}
	}
	for name, value := range h {
		if value == nil {
			delete(h, name)
		}
	}
	for name, value := range claims {
		if value == nil {
			delete(claims, name)
		}
	}
	token := jwt.NewWithClaims(jwt.GetSigningMethod(h["alg"].(string)), jwt.MapClaims(claims))
	token.Header = h
	text, err := token.SignedString(key)
	require.NoError(p.t, err)
	return text
}
