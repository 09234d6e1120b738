package archive

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// Format names this kind of file; Version is raised when a reader of the one
// before could no longer read it.
const (
	Format  = "parvis-archive"
	Version = 1
)

// Paths inside an archive.
const (
	ManifestPath   = "manifest.json"
	SignaturePath  = "signature.json"
	DictionaryPath = "dictionary.json"
)

// Manifest says what an archive holds. Everything in the archive but the
// manifest and its signature is listed with its digest.
type Manifest struct {
	Format        string     `json:"format"`
	FormatVersion int        `json:"format_version"`
	SchemaVersion uint       `json:"schema_version"` // number of the last migration
	Software      Software   `json:"software"`
	SnapshotAt    string     `json:"snapshot_at"` // RFC 3339: the one instant that all files show
	Tenant        Tenant     `json:"tenant"`
	EventLog      EventLog   `json:"event_log"`
	Omitted       []string   `json:"omitted"`  // tables left out because the caller asked for it
	Excluded      []Excluded `json:"excluded"` // tables that never leave, each with its reason
	Sensitive     Sensitive  `json:"sensitive_facts"`
	Files         []File     `json:"files"`
}

// Sensitive says how many sensitive facts an archive holds, encrypted for whom,
// how many were left out because nobody was named, and how many nobody can read
// any more because the person's key was destroyed.
type Sensitive struct {
	Recipient string `json:"recipient"` // a public key of age; empty for none
	Included  int64  `json:"included"`
	LeftOut   int64  `json:"left_out"`
	Destroyed int64  `json:"destroyed"`
}

// Software is the program that wrote the archive.
type Software struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Tenant is the institution whose data it is.
type Tenant struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Mode string `json:"mode"`
}

// EventLog is the head of the chain of events at the snapshot.
type EventLog struct {
	Sequence int64  `json:"sequence"`
	Digest   string `json:"digest"`  // hexadecimal
	Waiting  int64  `json:"waiting"` // committed events that had no number yet
}

// Excluded is a table that is not part of an archive.
type Excluded struct {
	Table  string `json:"table"`
	Reason string `json:"reason"`
	Raison string `json:"raison"`
}

// File is one file of the archive. Table and Rows are set for data files.
type File struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hexadecimal
	Table  string `json:"table,omitempty"`
	Rows   int64  `json:"rows"`
}

// Rows is the number of records in all data files.
func (m Manifest) Rows() int64 {
	var n int64
	for _, f := range m.Files {
		n += f.Rows
	}
	return n
}

// Signature is the installation's Ed25519 signature (RFC 8032) of the manifest's
// bytes. It proves that nothing was altered since; whose key it is, a reader
// learns from the installation.
type Signature struct {
	Algorithm string `json:"algorithm"`
	PublicKey string `json:"public_key"` // base64
	Signature string `json:"signature"`  // base64
}

// ErrSignature is returned for a manifest that its signature does not fit.
var ErrSignature = errors.New("the manifest was altered: its signature does not fit")

func sign(manifest []byte, key ed25519.PrivateKey) ([]byte, error) {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("archive: no signing key")
	}
	return indented(Signature{
		Algorithm: "Ed25519", PublicKey: base64.StdEncoding.EncodeToString(public),
		Signature: base64.StdEncoding.EncodeToString(ed25519.Sign(key, manifest)),
	})
}

// checkSignature returns the public key that signed.
func checkSignature(manifest, signature []byte) (string, error) {
	var s Signature
	if err := json.Unmarshal(signature, &s); err != nil {
		return "", fmt.Errorf("%s: %w", SignaturePath, err)
	}
	public, err := base64.StdEncoding.DecodeString(s.PublicKey)
	if err != nil || len(public) != ed25519.PublicKeySize || s.Algorithm != "Ed25519" {
		return "", ErrSignature
	}
	mark, err := base64.StdEncoding.DecodeString(s.Signature)
	if err != nil || !ed25519.Verify(public, manifest, mark) {
		return "", ErrSignature
	}
	return s.PublicKey, nil
}

func indented(v any) ([]byte, error) {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(raw, '\n'), nil
}
