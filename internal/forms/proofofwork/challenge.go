package proofofwork

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"
)

// Algorithm is the only key derivation spoken, by its name on the wire.
const Algorithm = "PBKDF2/SHA-256"

// What [Config] falls back to.
const (
	DefaultCost       = 5000
	DefaultMinCounter = 5000
	DefaultMaxCounter = 10000
	DefaultLifetime   = 10 * time.Minute
)

const (
	nonceSize     = 16
	saltSize      = 16
	keySize       = 32
	prefixSize    = keySize / 2
	minSecretSize = 32
	maxFormID     = 128
)

// Config says how hard challenges are and who can sign them.
type Config struct {
	// Secret signs challenges: at least 32 bytes, shared by all processes.
	Secret []byte
	// Cost is the number of PBKDF2 iterations of one try.
	Cost int
	// MinCounter and MaxCounter bound, inclusively, the number of tries.
	MinCounter, MaxCounter uint32
	// Lifetime is how long a challenge can be answered; whole seconds.
	Lifetime time.Duration
}

// Challenge is the JSON that the widget fetches and sends back with its
// solution. Property names, and their order when signed, are those of the wire
// format.
type Challenge struct {
	Parameters Parameters `json:"parameters"`
	// Signature is the HMAC-SHA256, in hexadecimal, of the parameters.
	Signature string `json:"signature"`
}

// Parameters is what a solver needs to know. The fields stand in alphabetical
// order of their JSON names because that order is signed.
type Parameters struct {
	Algorithm string `json:"algorithm"`
	// Cost is the number of PBKDF2 iterations.
	Cost int  `json:"cost"`
	Data Data `json:"data"`
	// ExpiresAt is in Unix seconds.
	ExpiresAt int64 `json:"expiresAt"`
	// KeyLength is the size of the derived key, in bytes.
	KeyLength int `json:"keyLength"`
	// KeyPrefix is what the derived key must start with, in hexadecimal.
	KeyPrefix string `json:"keyPrefix"`
	// KeySignature is the HMAC-SHA256, in hexadecimal, of the whole key.
	KeySignature string `json:"keySignature"`
	// Nonce names the challenge: 16 random bytes in hexadecimal.
	Nonce string `json:"nonce"`
	// Salt is 16 random bytes in hexadecimal.
	Salt string `json:"salt"`
}

// Data is what the challenge is bound to.
type Data struct {
	FormID string `json:"form_id"`
	// IssuedAt is in Unix seconds.
	IssuedAt int64 `json:"issued_at"`
}

// Issuer makes challenges and verifies their solutions. It holds no state but
// its keys and is safe for concurrent use.
type Issuer struct {
	config       Config
	challengeKey []byte
	solutionKey  []byte
}

// New checks config, replacing zero values by the defaults.
func New(config Config) (*Issuer, error) {
	if config.Cost == 0 {
		config.Cost = DefaultCost
	}
	if config.MaxCounter == 0 {
		config.MinCounter, config.MaxCounter = DefaultMinCounter, DefaultMaxCounter
	}
	if config.Lifetime == 0 {
		config.Lifetime = DefaultLifetime
	}
	switch {
	case len(config.Secret) < minSecretSize:
		return nil, fmt.Errorf("proofofwork: the secret needs at least %d bytes", minSecretSize)
	case config.Cost < 1:
		return nil, errors.New("proofofwork: the cost must be positive")
	case config.MinCounter > config.MaxCounter:
		return nil, errors.New("proofofwork: the smallest counter exceeds the largest")
	case config.Lifetime < time.Second:
		return nil, errors.New("proofofwork: the lifetime must be at least one second")
	}
	issuer := &Issuer{config: config}
	var err error
	// Two independent keys from one secret (RFC 5869): what signs a challenge
	// must never be what signs a solution.
	if issuer.challengeKey, err = deriveSigningKey(config.Secret, "challenge"); err != nil {
		return nil, err
	}
	if issuer.solutionKey, err = deriveSigningKey(config.Secret, "solution"); err != nil {
		return nil, err
	}
	issuer.config.Secret = nil
	return issuer, nil
}

// Issue makes a challenge that only a submission of formID can be sent with.
// It costs one key derivation (a millisecond or two at the default cost).
func (i *Issuer) Issue(formID string, now time.Time) (Challenge, error) {
	if !validFormID(formID) {
		return Challenge{}, fmt.Errorf("proofofwork: a form id has 1 to %d visible ASCII characters", maxFormID)
	}
	random := make([]byte, nonceSize+saltSize)
	if _, err := io.ReadFull(rand.Reader, random); err != nil {
		return Challenge{}, fmt.Errorf("proofofwork: nonce: %w", err)
	}
	nonce, salt := random[:nonceSize], random[nonceSize:]
	counter, err := i.drawCounter()
	if err != nil {
		return Challenge{}, err
	}
	key, err := deriveKey(nonce, salt, counter, i.config.Cost, keySize)
	if err != nil {
		return Challenge{}, err
	}
	parameters := Parameters{
		Algorithm:    Algorithm,
		Cost:         i.config.Cost,
		Data:         Data{FormID: formID, IssuedAt: now.Unix()},
		ExpiresAt:    now.Add(i.config.Lifetime).Unix(),
		KeyLength:    keySize,
		KeyPrefix:    hex.EncodeToString(key[:prefixSize]),
		KeySignature: hex.EncodeToString(sum(i.solutionKey, key)),
		Nonce:        hex.EncodeToString(nonce),
		Salt:         hex.EncodeToString(salt),
	}
	signature, err := i.sign(parameters)
	if err != nil {
		return Challenge{}, err
	}
	return Challenge{Parameters: parameters, Signature: hex.EncodeToString(signature)}, nil
}

func (i *Issuer) drawCounter() (uint32, error) {
	span := int64(i.config.MaxCounter) - int64(i.config.MinCounter) + 1
	offset, err := rand.Int(rand.Reader, big.NewInt(span))
	if err != nil {
		return 0, fmt.Errorf("proofofwork: counter: %w", err)
	}
	return i.config.MinCounter + uint32(offset.Int64()), nil
}

// sign covers the parameters as compact JSON with sorted names, the form in
// which a browser's JSON.parse and JSON.stringify give them back.
func (i *Issuer) sign(parameters Parameters) ([]byte, error) {
	var canonical bytes.Buffer
	encoder := json.NewEncoder(&canonical)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(parameters); err != nil {
		return nil, fmt.Errorf("proofofwork: encode challenge: %w", err)
	}
	return sum(i.challengeKey, bytes.TrimSuffix(canonical.Bytes(), []byte("\n"))), nil
}

// deriveSigningKey gives a key that is printable, since the widget's companion
// libraries take their keys as text.
func deriveSigningKey(secret []byte, purpose string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "parvis proof of work "+purpose, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("proofofwork: signing key: %w", err)
	}
	return []byte(hex.EncodeToString(key)), nil
}

func deriveKey(nonce, salt []byte, counter uint32, cost, size int) ([]byte, error) {
	password := binary.BigEndian.AppendUint32(bytes.Clone(nonce), counter)
	key, err := pbkdf2.Key(sha256.New, string(password), salt, cost, size)
	if err != nil {
		return nil, fmt.Errorf("proofofwork: derive key: %w", err)
	}
	return key, nil
}

func sum(key, content []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(content)
	return mac.Sum(nil)
}

func validFormID(id string) bool {
	if id == "" || len(id) > maxFormID {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}
