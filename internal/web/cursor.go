package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/parvis-crm/parvis/internal/fault"
)

// Cursors signs the positions of list walks. A cursor is opaque, has no expiry
// and no depth limit, and is not an authorisation: whoever presents it is
// checked as for the first page.
type Cursors struct{ key []byte }

// NewCursors makes a signer from 32 secret bytes.
func NewCursors(key []byte) Cursors { return Cursors{key: key} }

const (
	cursorVersion = 1
	cursorMAC     = 16
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
	return base64.RawURLEncoding.EncodeToString(append(c.mac(body), body...)), nil
}

// Decode reads a cursor into key. It returns false without a cursor, and a 400
// for one that is not ours or belongs to another walk.
func (c Cursors) Decode(cursor *string, filter string, key any) (bool, error) {
	if cursor == nil {
		return false, nil
	}
	invalid := fault.New(fault.Malformed, "cursor-invalid").AtParameter("cursor", "format", "want", "next_cursor")
	raw, err := base64.RawURLEncoding.DecodeString(*cursor)
	if err != nil || len(raw) < cursorMAC {
		return false, invalid
	}
	body := raw[cursorMAC:]
	if !hmac.Equal(raw[:cursorMAC], c.mac(body)) {
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
	return m.Sum(nil)[:cursorMAC]
}

func filterHash(filter string) []byte {
	h := sha256.Sum256([]byte(filter))
	return h[:12]
}
