// Package jwk writes and reads public signature keys as JSON Web Keys
// (RFC 7517): elliptic curve keys on P-256 for ES256 and RSA keys for RS256
// (RFC 7518 §3), which are all that Parvis signs and accepts.
package jwk

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"math/big"
)

// The algorithms.
const (
	ES256 = "ES256"
	RS256 = "RS256"
)

// Bounds of RSA keys, in bits: RFC 7518 §3.3 asks for the lower one; the upper
// one keeps a verification cheap.
const (
	minRSA = 2048
	maxRSA = 8192
)

// ErrUnusable says that a key is not one that we verify with.
var ErrUnusable = errors.New("jwk: not a usable ES256 or RS256 public key")

// Key is a public key.
type Key struct {
	Type      string `json:"kty"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
	ID        string `json:"kid,omitempty"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
}

// Set is a set of keys, as served and as registered by clients.
type Set struct {
	Keys []Key `json:"keys"`
}

// Encode writes a public key of an *ecdsa.PublicKey on P-256 or an
// *rsa.PublicKey.
func Encode(id string, public crypto.PublicKey) (Key, error) {
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		raw, err := p.Bytes() // 0x04, then both coordinates
		if err != nil || p.Curve != elliptic.P256() {
			return Key{}, ErrUnusable
		}
		return Key{Type: "EC", Use: "sig", Algorithm: ES256, ID: id, Curve: "P-256", X: encode(raw[1:33]), Y: encode(raw[33:])}, nil
	case *rsa.PublicKey:
		return Key{Type: "RSA", Use: "sig", Algorithm: RS256, ID: id, N: encode(p.N.Bytes()), E: encode(big.NewInt(int64(p.E)).Bytes())}, nil
	}
	return Key{}, ErrUnusable
}

// Decode reads the key and the one algorithm that it may be used with. Its type
// decides the algorithm; an "alg" that says otherwise makes it unusable.
func (k Key) Decode() (public crypto.PublicKey, algorithm string, err error) {
	if k.Use != "" && k.Use != "sig" {
		return nil, "", ErrUnusable
	}
	switch k.Type {
	case "EC":
		public, err = k.decodeEC()
		algorithm = ES256
	case "RSA":
		public, err = k.decodeRSA()
		algorithm = RS256
	default:
		err = ErrUnusable
	}
	if err == nil && k.Algorithm != "" && k.Algorithm != algorithm {
		err = ErrUnusable
	}
	if err != nil {
		return nil, "", err
	}
	return public, algorithm, nil
}

func (k Key) decodeEC() (crypto.PublicKey, error) {
	x, errX := decode(k.X)
	y, errY := decode(k.Y)
	if errX != nil || errY != nil || k.Curve != "P-256" || len(x) != 32 || len(y) != 32 || k.N != "" || k.E != "" {
		return nil, ErrUnusable
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil, ErrUnusable // not a point of the curve
	}
	return public, nil
}

func (k Key) decodeRSA() (crypto.PublicKey, error) {
	n, errN := decode(k.N)
	e, errE := decode(k.E)
	if errN != nil || errE != nil || len(e) == 0 || len(e) > 4 || k.X != "" || k.Y != "" || k.Curve != "" {
		return nil, ErrUnusable
	}
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	if bits := public.N.BitLen(); bits < minRSA || bits > maxRSA || public.E < 3 || public.E%2 == 0 || public.N.Bit(0) == 0 {
		return nil, ErrUnusable
	}
	return public, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(s string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(s) }
