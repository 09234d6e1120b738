package signature

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Prefixes of the three serialised key kinds.
const (
	secretPrefix     = "whsec_"
	privateKeyPrefix = "whsk_"
	publicKeyPrefix  = "whpk_"
)

// Bounds the standard sets on a shared secret, in random bytes before base64.
const (
	minSecretBytes      = 24
	maxSecretBytes      = 64
	generatedSecretSize = 32
)

// ErrMalformedKey says that a text is not a key of the expected kind. It never
// quotes the text, which may be a secret with a typing mistake.
var ErrMalformedKey = errors.New("signature: malformed key")

// encoding refuses non-canonical padding bits, so that one signature or key has
// one spelling only.
var encoding = base64.StdEncoding.Strict()

// SigningKey is what a sender signs with: a [Secret] or a [PrivateKey].
type SigningKey interface {
	sign(content []byte) Signature
}

// VerifyingKey is what a receiver checks with: a [Secret] or a [PublicKey].
type VerifyingKey interface {
	matches(content []byte, candidate Signature) bool
}

// Secret is the shared key of the v1 scheme. Formatting or logging it prints a
// redaction; [Secret.Reveal] gives the text to show once.
type Secret struct{ key []byte }

// GenerateSecret makes a secret of 32 random bytes.
func GenerateSecret() (Secret, error) {
	key := make([]byte, generatedSecretSize)
	if _, err := io.ReadFull(rand.Reader, key); err != nil {
		return Secret{}, fmt.Errorf("signature: generate secret: %w", err)
	}
	return Secret{key: key}, nil
}

// ParseSecret reads "whsec_" + standard base64 of 24 to 64 bytes; anything else
// is [ErrMalformedKey].
func ParseSecret(text string) (Secret, error) {
	key, err := decodeKey(text, secretPrefix)
	if err != nil {
		return Secret{}, err
	}
	if len(key) < minSecretBytes || len(key) > maxSecretBytes {
		return Secret{}, fmt.Errorf("%w: a secret has %d to %d bytes", ErrMalformedKey, minSecretBytes, maxSecretBytes)
	}
	return Secret{key: key}, nil
}

// Reveal gives the serialised secret, "whsec_…".
func (s Secret) Reveal() string { return secretPrefix + encoding.EncodeToString(s.key) }

// String redacts.
func (s Secret) String() string { return secretPrefix + "[redacted]" }

// Format redacts under every formatting verb, %#v and %x included.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// LogValue redacts in structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

func (s Secret) sign(content []byte) Signature {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(content)
	return Signature{Version: VersionHMAC, Bytes: mac.Sum(nil)}
}

func (s Secret) matches(content []byte, candidate Signature) bool {
	return candidate.Version == VersionHMAC && len(s.key) >= minSecretBytes &&
		hmac.Equal(s.sign(content).Bytes, candidate.Bytes)
}

// PrivateKey is the sender's half of the v1a scheme. Formatting or logging it
// prints a redaction; [PrivateKey.Reveal] gives the text to store.
type PrivateKey struct{ key ed25519.PrivateKey }

// GeneratePrivateKey makes an Ed25519 key pair (RFC 8032).
func GeneratePrivateKey() (PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("signature: generate key pair: %w", err)
	}
	return PrivateKey{key: key}, nil
}

// ParsePrivateKey reads "whsk_" + standard base64 of either the 32-byte seed or
// the 64 bytes of seed and public key, the two spellings in use since the
// standard does not choose. Halves that do not belong together are refused:
// signing with them would give the seed away. Anything else is
// [ErrMalformedKey].
func ParsePrivateKey(text string) (PrivateKey, error) {
	raw, err := decodeKey(text, privateKeyPrefix)
	if err != nil {
		return PrivateKey{}, err
	}
	if len(raw) != ed25519.SeedSize && len(raw) != ed25519.PrivateKeySize {
		return PrivateKey{}, fmt.Errorf("%w: a private key has %d or %d bytes", ErrMalformedKey, ed25519.SeedSize, ed25519.PrivateKeySize)
	}
	key := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
	if len(raw) == ed25519.PrivateKeySize && !key.Equal(ed25519.PrivateKey(raw)) {
		return PrivateKey{}, fmt.Errorf("%w: the halves of the private key do not belong together", ErrMalformedKey)
	}
	return PrivateKey{key: key}, nil
}

// Public gives the half to publish. The zero key has the zero public key.
func (k PrivateKey) Public() PublicKey {
	if len(k.key) != ed25519.PrivateKeySize {
		return PublicKey{}
	}
	return PublicKey{key: ed25519.PublicKey(k.key[ed25519.SeedSize:])}
}

// Reveal gives the serialised key, "whsk_…", in the 64-byte spelling.
func (k PrivateKey) Reveal() string { return privateKeyPrefix + encoding.EncodeToString(k.key) }

// String redacts.
func (k PrivateKey) String() string { return privateKeyPrefix + "[redacted]" }

// Format redacts under every formatting verb.
func (k PrivateKey) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, k.String()) }

// LogValue redacts in structured logs.
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

func (k PrivateKey) sign(content []byte) Signature {
	if len(k.key) != ed25519.PrivateKeySize {
		return Signature{}
	}
	return Signature{Version: VersionEd25519, Bytes: ed25519.Sign(k.key, content)}
}

// PublicKey is the receiver's half of the v1a scheme.
type PublicKey struct{ key ed25519.PublicKey }

// ParsePublicKey reads "whpk_" + standard base64 of 32 bytes; anything else is
// [ErrMalformedKey].
func ParsePublicKey(text string) (PublicKey, error) {
	raw, err := decodeKey(text, publicKeyPrefix)
	if err != nil {
		return PublicKey{}, err
	}
	if len(raw) != ed25519.PublicKeySize {
		return PublicKey{}, fmt.Errorf("%w: a public key has %d bytes", ErrMalformedKey, ed25519.PublicKeySize)
	}
	return PublicKey{key: raw}, nil
}

// String gives the serialised key, "whpk_…"; it is public.
func (k PublicKey) String() string { return publicKeyPrefix + encoding.EncodeToString(k.key) }

// Ed25519 gives the key for other serialisations, such as a JSON Web Key
// (RFC 8037).
func (k PublicKey) Ed25519() ed25519.PublicKey { return append(ed25519.PublicKey(nil), k.key...) }

func (k PublicKey) matches(content []byte, candidate Signature) bool {
	return candidate.Version == VersionEd25519 && len(k.key) == ed25519.PublicKeySize &&
		ed25519.Verify(k.key, content, candidate.Bytes)
}

func decodeKey(text, prefix string) ([]byte, error) {
	encoded, found := strings.CutPrefix(text, prefix)
	if !found {
		return nil, fmt.Errorf("%w: it does not start with %s", ErrMalformedKey, prefix)
	}
	raw, err := decode(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: it is not standard base64", ErrMalformedKey)
	}
	return raw, nil
}

// decode is base64 without the line breaks that encoding/base64 skips.
func decode(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, base64.CorruptInputError(0)
	}
	return encoding.DecodeString(text)
}
