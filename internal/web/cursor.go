package web

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/parvis-crm/parvis/internal/fault"
)

// Cursors seals the positions of list walks: a position has the value by which
// the list is in order, such as a name, and whoever holds the cursor may not read
// it. A cursor has no expiry and no depth limit, and is not an authorisation:
// whoever presents it is checked as for the first page.
type Cursors struct {
	key  []byte
	aead cipher.AEAD
}

// NewCursors makes cursors from 32 secret bytes.
func NewCursors(key []byte) (Cursors, error) {
	c := Cursors{key: key}
	block, err := aes.NewCipher(c.mac([]byte("sealing")))
	if err != nil {
		return Cursors{}, err
	}
	c.aead, err = cipher.NewGCM(block)
	return c, err
}

const (
	cursorVersion = 2
	// cursorBlock is to what a position is filled up, so that its length does not
	// tell that of a name.
	cursorBlock = 64
)

type cursorBody struct {
	Version int             `json:"v"`
	Filter  []byte          `json:"f"`
	Key     json.RawMessage `json:"k"`
}

// Encode writes a cursor for the walk described by filter (all parameters but
// cursor and limit, in a canonical form), standing after key.
func (c Cursors) Encode(filter string, key any) (string, error) {
	k, err := json.Marshal(key)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(cursorBody{Version: cursorVersion, Filter: filterHash(filter), Key: k})
	if err != nil {
		return "", err
	}
	if short := len(body) % cursorBlock; short > 0 {
		body = append(body, bytes.Repeat([]byte{' '}, cursorBlock-short)...)
	}
	// Made from what is sealed, the nonce does not repeat with another text under
	// the same key, and the same position gives the same cursor.
	nonce := c.mac(append([]byte("nonce:"), body...))[:c.aead.NonceSize()]
	return base64.RawURLEncoding.EncodeToString(c.aead.Seal(nonce, nonce, body, nil)), nil
}

// Decode reads a cursor into key. It returns false without a cursor, and a 400
// for one that is not ours or belongs to another walk.
func (c Cursors) Decode(cursor *string, filter string, key any) (bool, error) {
	if cursor == nil {
		return false, nil
	}
	invalid := fault.New(fault.Malformed, "cursor-invalid").AtParameter("cursor", "format", "want", "next_cursor")
	raw, err := base64.RawURLEncoding.DecodeString(*cursor)
	size := c.aead.NonceSize()
	if err != nil || len(raw) < size {
		return false, invalid
	}
	body, err := c.aead.Open(nil, raw[:size], raw[size:], nil)
	if err != nil {
		return false, invalid
	}
	var b cursorBody
	if err := json.Unmarshal(body, &b); err != nil || b.Version != cursorVersion {
		return false, invalid
	}
	if !hmac.Equal(b.Filter, filterHash(filter)) {
		return false, fault.New(fault.Malformed, "cursor-mismatch").AtParameter("cursor", "no-match")
	}
	if err := json.Unmarshal(b.Key, key); err != nil {
		return false, invalid
	}
	return true, nil
}

func (c Cursors) mac(body []byte) []byte {
	m := hmac.New(sha256.New, c.key)
	m.Write(body)
	return m.Sum(nil)
}

func filterHash(filter string) []byte {
	h := sha256.Sum256([]byte(filter))
	return h[:12]
}
