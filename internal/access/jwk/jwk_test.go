package jwk_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access/jwk"
)

func TestKeysComeBackAsTheyWent(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	key, err := jwk.Encode("one", &ec.PublicKey)
	require.NoError(t, err)
	public, algorithm, err := key.Decode()
	require.NoError(t, err)
	require.Equal(t, jwk.ES256, algorithm)
	require.True(t, ec.PublicKey.Equal(public))

	r, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	key, err = jwk.Encode("two", &r.PublicKey)
	require.NoError(t, err)
	require.Equal(t, "AQAB", key.E)
	public, algorithm, err = key.Decode()
	require.NoError(t, err)
	require.Equal(t, jwk.RS256, algorithm)
	require.True(t, r.PublicKey.Equal(public))
}

// The key of RFC 7517, appendix A.1.
func TestPublishedExample(t *testing.T) {
	t.Parallel()
	_, algorithm, err := jwk.Key{Type: "EC", Curve: "P-256",
		X: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", Y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}.Decode()
	require.NoError(t, err)
	require.Equal(t, jwk.ES256, algorithm)
}

func TestUnusableKeys(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	good, err := jwk.Encode("k", &ec.PublicKey)
	require.NoError(t, err)
	small, err := jwk.Encode("k", &rsa.PublicKey{N: ec.X, E: 65537})
	require.NoError(t, err)
	for name, spoil := range map[string]func(jwk.Key) jwk.Key{
		"symmetric":             func(k jwk.Key) jwk.Key { k.Type = "oct"; return k },
		"other curve":           func(k jwk.Key) jwk.Key { k.Curve = "P-384"; return k },
		"not on the curve":      func(k jwk.Key) jwk.Key { k.X = k.Y; return k },
		"short coordinate":      func(k jwk.Key) jwk.Key { k.X = k.X[:40]; return k },
		"for encryption":        func(k jwk.Key) jwk.Key { k.Use = "enc"; return k },
		"algorithm of another":  func(k jwk.Key) jwk.Key { k.Algorithm = "RS256"; return k },
		"symmetric algorithm":   func(k jwk.Key) jwk.Key { k.Algorithm = "HS256"; return k },
		"members of both types": func(k jwk.Key) jwk.Key { k.N = "AQAB"; return k },
		"small RSA":             func(jwk.Key) jwk.Key { return small },
		"empty":                 func(jwk.Key) jwk.Key { return jwk.Key{} },
	} {
		_, _, err := spoil(good).Decode()
		require.ErrorIs(t, err, jwk.ErrUnusable, name)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	_, err = jwk.Encode("k", &p384.PublicKey)
	require.ErrorIs(t, err, jwk.ErrUnusable)
}
