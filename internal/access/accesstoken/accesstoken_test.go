package accesstoken_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access/accesstoken"
)

const (
	issuer = "https://parvis.example"
	kid    = "key-0001"
)

var (
	now    = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	client = "0199c0de-7b11-7e0a-9d1f-5b8f0a3b9e07"
)

// world is one signing key of each kind and a verifier.
type world struct {
	ec       *ecdsa.PrivateKey
	rsa      *rsa.PrivateKey
	verifier *accesstoken.Verifier
}

func newWorld(t *testing.T) world {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	v, err := accesstoken.NewVerifier(issuer, issuer, func() time.Time { return now })
	require.NoError(t, err)
	return world{ec, r, v}
}

func (w world) find(id string) (accesstoken.Key, error) {
	switch id {
	case kid:
		return accesstoken.Key{Algorithm: "ES256", Public: &w.ec.PublicKey}, nil
	case "rsa-0001":
		return accesstoken.Key{Algorithm: "RS256", Public: &w.rsa.PublicKey}, nil
	case "mislabelled":
		return accesstoken.Key{Algorithm: "RS256", Public: &w.ec.PublicKey}, nil
	}
	return accesstoken.Key{}, accesstoken.Unknown(id)
}

// token signs any header and claims, as an attacker with a key could.
func token(t *testing.T, key any, header, claims map[string]any) string {
	t.Helper()
	encode := func(v any) string {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	text := encode(header) + "." + encode(claims)
	sum := sha256.Sum256([]byte(text))
	var signature []byte
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
		require.NoError(t, err)
		signature = make([]byte, 64)
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
	case *rsa.PrivateKey:
		var err error
		signature, err = rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:])
		require.NoError(t, err)
	case []byte:
		mac := hmac.New(sha256.New, k)
		mac.Write([]byte(text))
		signature = mac.Sum(nil)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func header() map[string]any { return map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": kid} }

func claims() map[string]any {
	return map[string]any{
		"iss": issuer, "aud": issuer, "sub": client, "client_id": client, "scope": "a:read b:write", "jti": uuid.NewString(),
		"iat": now.Unix(), "exp": now.Add(15 * time.Minute).Unix(), "tenant": "0199c0de-7b11-7e0a-9d1f-5b8f0a3b9e01",
	}
}

func TestSignedTokensVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := accesstoken.Claims{ClientID: client, Scope: "a:read", Tenant: uuid.New(), RegisteredClaims: jwt.RegisteredClaims{
		Issuer: issuer, Audience: jwt.ClaimStrings{issuer}, Subject: client, ID: uuid.NewString(),
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(accesstoken.Lifetime)),
	}}
	for id, key := range map[string]crypto.Signer{kid: w.ec, "rsa-0001": w.rsa} {
		algorithm := map[string]string{kid: "ES256", "rsa-0001": "RS256"}[id]
		text, err := accesstoken.Sign(c, id, algorithm, key)
		require.NoError(t, err)
		got, err := w.verifier.Verify(text, w.find)
		require.NoError(t, err)
		require.Equal(t, c.Tenant, got.Tenant)
		require.Equal(t, []string{"a:read"}, got.Scopes())
	}
	_, err := accesstoken.Sign(c, kid, "HS256", w.ec)
	require.Error(t, err)
	_, err = accesstoken.Sign(c, kid, "none", w.ec)
	require.Error(t, err)
}

func TestVerifierNeedsIssuerAndAudience(t *testing.T) {
	t.Parallel()
	for _, names := range [][2]string{{"", issuer}, {issuer, ""}, {"", ""}} {
		_, err := accesstoken.NewVerifier(names[0], names[1], time.Now)
		require.Error(t, err, "an empty name would switch the check off")
	}
}

// Every known way to get a token past a careless verifier.
func TestTraps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&w.rsa.PublicKey)
	require.NoError(t, err)
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	point, err := w.ec.PublicKey.Bytes()
	require.NoError(t, err)

	with := func(m map[string]any, kv ...any) map[string]any {
		m = maps.Clone(m)
		for i := 0; i < len(kv); i += 2 {
			if kv[i+1] == nil {
				delete(m, kv[i].(string))
			} else {
				m[kv[i].(string)] = kv[i+1]
			}
		}
		return m
	}
	sign := func(h, c map[string]any) string { return token(t, w.ec, h, c) }
	good := sign(header(), claims())
	_, err = w.verifier.Verify(good, w.find)
	require.NoError(t, err, "what the traps start from is valid")
	parts := strings.Split(good, ".")

	for name, text := range map[string]string{
		"empty":                        "",
		"dots alone":                   "..",
		"alg none":                     strings.Join([]string{base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt","kid":"` + kid + `"}`)), parts[1], ""}, "."),
		"signature cut off":            parts[0] + "." + parts[1] + ".",
		"signature of a stranger":      token(t, stranger, header(), claims()),
		"signature in ASN.1":           parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 70)),
		"zero signature":               parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"claims replaced":              parts[0] + "." + strings.Split(sign(header(), with(claims(), "scope", "*")), ".")[1] + "." + parts[2],
		"HMAC with the public PEM":     token(t, publicPEM, with(header(), "alg", "HS256", "kid", "rsa-0001"), claims()),
		"HMAC with the point":          token(t, point, with(header(), "alg", "HS256"), claims()),
		"RS256 with an EC key id":      token(t, w.rsa, with(header(), "alg", "RS256"), claims()),
		"ES256 with an RSA key id":     token(t, w.ec, with(header(), "kid", "rsa-0001"), claims()),
		"key labelled otherwise":       token(t, w.ec, with(header(), "kid", "mislabelled"), claims()),
		"PS256":                        token(t, w.rsa, with(header(), "alg", "PS256", "kid", "rsa-0001"), claims()),
		"ES384":                        sign(with(header(), "alg", "ES384"), claims()),
		"lower-case algorithm":         sign(with(header(), "alg", "es256"), claims()),
		"no algorithm":                 sign(with(header(), "alg", nil), claims()),
		"no type":                      sign(with(header(), "typ", nil), claims()),
		"type JWT":                     sign(with(header(), "typ", "JWT"), claims()),
		"type logout+jwt":              sign(with(header(), "typ", "logout+jwt"), claims()),
		"type not a text":              sign(with(header(), "typ", []string{"at+jwt"}), claims()),
		"critical extension":           sign(with(header(), "crit", []string{"b64"}, "b64", false), claims()),
		"empty critical extension":     sign(with(header(), "crit", []string{}), claims()),
		"no key id":                    sign(with(header(), "kid", nil), claims()),
		"empty key id":                 sign(with(header(), "kid", ""), claims()),
		"key id not a text":            sign(with(header(), "kid", 1), claims()),
		"unknown key id":               sign(with(header(), "kid", "other"), claims()),
		"key id as a path":             sign(with(header(), "kid", "../../dev/null"), claims()),
		"key brought along":            token(t, stranger, with(header(), "jwk", map[string]any{"kty": "EC"}, "jku", "https://evil.example"), claims()),
		"no issuer":                    sign(header(), with(claims(), "iss", nil)),
		"empty issuer":                 sign(header(), with(claims(), "iss", "")),
		"another issuer":               sign(header(), with(claims(), "iss", "https://evil.example")),
		"issuer with a slash more":     sign(header(), with(claims(), "iss", issuer+"/")),
		"no audience":                  sign(header(), with(claims(), "aud", nil)),
		"empty audience":               sign(header(), with(claims(), "aud", []string{})),
		"another audience":             sign(header(), with(claims(), "aud", "https://other.example")),
		"no expiry":                    sign(header(), with(claims(), "exp", nil)),
		"expiry zero":                  sign(header(), with(claims(), "exp", 0)),
		"expiry as a text":             sign(header(), with(claims(), "exp", "2999-01-01")),
		"expired":                      sign(header(), with(claims(), "exp", now.Add(-31*time.Second).Unix())),
		"issued in the future":         sign(header(), with(claims(), "iat", now.Add(31*time.Second).Unix())),
		"no time of issue":             sign(header(), with(claims(), "iat", nil)),
		"not yet valid":                sign(header(), with(claims(), "nbf", now.Add(time.Minute).Unix())),
		"no token id":                  sign(header(), with(claims(), "jti", nil)),
		"token id that is none":        sign(header(), with(claims(), "jti", "x")),
		"no subject":                   sign(header(), with(claims(), "sub", nil)),
		"no client":                    sign(header(), with(claims(), "client_id", nil)),
		"subject is not the client":    sign(header(), with(claims(), "sub", uuid.NewString())),
		"user without a session":       sign(header(), with(claims(), "principal", "user", "client_id", accesstoken.UserClient)),
		"user with a client":           sign(header(), with(claims(), "principal", "user", "sid", uuid.NewString())),
		"client with a session":        sign(header(), with(claims(), "sid", uuid.NewString())),
		"client as the program":        sign(header(), with(claims(), "sub", accesstoken.UserClient, "client_id", accesstoken.UserClient)),
		"another principal":            sign(header(), with(claims(), "principal", "system")),
		"user who is no identifier":    sign(header(), with(claims(), "principal", "user", "sub", "admin", "client_id", accesstoken.UserClient, "sid", uuid.NewString())),
		"principal not a text":         sign(header(), with(claims(), "principal", true)),
		"no institution":               sign(header(), with(claims(), "tenant", nil)),
		"institution that is none":     sign(header(), with(claims(), "tenant", "all")),
		"scope as a list":              sign(header(), with(claims(), "scope", []string{"a:read"})),
		"longer than 8 KiB":            sign(header(), with(claims(), "padding", strings.Repeat("x", accesstoken.MaxLength))),
		"a fourth part":                good + ".x",
		"padding":                      parts[0] + "=." + parts[1] + "." + parts[2],
		"bits after the signature":     lastBit(good),
		"space before":                 " " + good,
		"claims that are a list":       parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte("[]")) + "." + parts[2],
		"header that is not an object": base64.RawURLEncoding.EncodeToString([]byte("1")) + "." + parts[1] + "." + parts[2],
	} {
		_, err := w.verifier.Verify(text, w.find)
		require.ErrorIs(t, err, accesstoken.ErrInvalid, name)
	}
}

// lastBit changes the spare bits of the last character: the same bytes under a
// lax decoder.
func lastBit(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	at := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[at^1])
}

func TestClocksMayDifferALittle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := claims()
	c["iat"] = now.Add(29 * time.Second).Unix()
	_, err := w.verifier.Verify(token(t, w.ec, header(), c), w.find)
	require.NoError(t, err)
	c = claims()
	c["exp"] = now.Add(-29 * time.Second).Unix()
	_, err = w.verifier.Verify(token(t, w.ec, header(), c), w.find)
	require.NoError(t, err)
}

func TestFailureToLookIsNotAnInvalidToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	down := errors.New("down")
	_, err := w.verifier.Verify(token(t, w.ec, header(), claims()), func(string) (accesstoken.Key, error) { return accesstoken.Key{}, down })
	require.ErrorIs(t, err, down)
	require.NotErrorIs(t, err, accesstoken.ErrInvalid)
}
