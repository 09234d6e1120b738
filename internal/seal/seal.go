// Package seal keeps secrets at rest: one master key, from which a key for each
// use is derived (HKDF, RFC 5869), and authenticated encryption with it
// (AES-256-GCM, NIST SP 800-38D). What is sealed for one use or one record
// cannot be opened as another's.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Size is the length of a master key and of every derived key, in bytes.
const Size = 32

// ErrOpen is returned for text that was not sealed with this key, use and
// context, or was altered.
var ErrOpen = errors.New("seal: cannot be opened")

// Master is the installation's master key.
type Master struct{ key []byte }

// NewMaster makes a master from exactly Size bytes.
func NewMaster(key []byte) (Master, error) {
	if len(key) != Size {
		return Master{}, fmt.Errorf("seal: the master key has %d bytes, %d are needed", len(key), Size)
	}
	return Master{key: append([]byte(nil), key...)}, nil
}

// Generate makes a new master key.
func Generate() []byte {
	key := make([]byte, Size)
	_, _ = rand.Read(key) // never fails since Go 1.24: it ends the program instead
	return key
}

// Derive returns the key of one use, such as "cursor" or "webhook secrets".
func (m Master) Derive(use string) []byte {
	key, err := hkdf.Key(sha256.New, m.key, nil, "parvis/v1/"+use, Size)
	if err != nil { // only for impossible lengths
		panic(err)
	}
	return key
}

// Box seals and opens the secrets of one use.
type Box struct{ aead cipher.AEAD }

// Box returns the box of one use.
func (m Master) Box(use string) Box {
	block, err := aes.NewCipher(m.Derive(use))
	if err != nil {
		panic(err) // only for impossible key lengths
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return Box{aead: aead}
}

// Seal encrypts plain, bound to context (for example the record's id).
func (b Box) Seal(plain []byte, context string) []byte {
	return b.aead.Seal(nil, nil, plain, []byte(context))
}

// Open decrypts what Seal made with the same context.
func (b Box) Open(sealed []byte, context string) ([]byte, error) {
	plain, err := b.aead.Open(nil, nil, sealed, []byte(context))
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}
