// Package envelope is the form of what the vault seals, and the keys it has at hand.
package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/google/uuid"
)

// KeySize is the length of every key, in bytes (AES-256).
const KeySize = 32

// ErrOpen is returned for what was not sealed here: under another key, for
// another place, or altered since.
var ErrOpen = errors.New("vault: cannot be opened")

// Place is where a sealed value belongs. A value opens nowhere else.
type Place struct {
	Tenant uuid.UUID
	Table  string
	Column string
	Row    string
}

// Mark begins what is sealed. The form of a sealed value: mark, class of the key, its version, nonce and
// ciphertext with tag (AES-256-GCM, NIST SP 800-38D).
const (
	Mark       = "PV1"
	headerSize = len(Mark) + 1 + 4
	nonceSize  = 12
	tagSize    = 16
)

// The classes of keys that seal values.
const (
	TenantClass byte = 'T'
	PersonClass byte = 'P'
)

// Header begins every value that is sealed under one version of a key of a class.
func Header(class byte, version uint32) []byte {
	return binary.BigEndian.AppendUint32(append([]byte(Mark), class), version)
}

// Parse splits a sealed value.
func Parse(sealed []byte) (class byte, version uint32, ok bool) {
	if len(sealed) < headerSize+nonceSize+tagSize || string(sealed[:len(Mark)]) != Mark {
		return 0, 0, false
	}
	return sealed[len(Mark)], binary.BigEndian.Uint32(sealed[len(Mark)+1:]), true
}

// Associated is the authenticated data of a value: its header and its place,
// each part behind its length, so that no two places look alike.
func Associated(head []byte, p Place) []byte {
	out := append([]byte(nil), head...)
	out = append(out, p.Tenant[:]...)
	for _, part := range []string{p.Table, p.Column, p.Row} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(part)))
		out = append(out, part...)
	}
	return out
}

// aead is the cipher of one column under a key. A key of its own for each
// column keeps every one of them far from the number of random nonces that one
// key of GCM bears.
func aead(key []byte, p Place) (cipher.AEAD, error) {
	own, err := hkdf.Expand(sha256.New, key, "parvis/vault/1/"+p.Table+"."+p.Column, KeySize)
	if err != nil {
		return nil, err
	}
	defer clear(own)
	block, err := aes.NewCipher(own)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Seal seals plain under a key.
func Seal(key []byte, class byte, version uint32, p Place, plain []byte) ([]byte, error) {
	a, err := aead(key, p)
	if err != nil {
		return nil, err
	}
	head := Header(class, version)
	out := make([]byte, headerSize+nonceSize, headerSize+nonceSize+len(plain)+tagSize)
	copy(out, head)
	_, _ = rand.Read(out[headerSize:]) // never fails since Go 1.24: it ends the program instead
	return a.Seal(out, out[headerSize:], plain, Associated(head, p)), nil
}

// Open opens what Seal made for the same place.
func Open(key []byte, p Place, sealed []byte) ([]byte, error) {
	if _, _, ok := Parse(sealed); !ok {
		return nil, ErrOpen
	}
	a, err := aead(key, p)
	if err != nil {
		return nil, err
	}
	plain, err := a.Open(nil, sealed[headerSize:headerSize+nonceSize], sealed[headerSize+nonceSize:], Associated(sealed[:headerSize], p))
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// NewKey makes a key.
func NewKey() []byte {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails since Go 1.24: it ends the program instead
	return key
}
