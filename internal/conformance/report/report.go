// Package report is what a conformance run leaves: a document that says what
// was tried and how it went, signed with Ed25519 (RFC 8032) over its canonical
// form (RFC 8785), so that anybody can check it by the public key alone.
package report

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gowebpki/jcs"
)

// The verdicts.
const (
	Passed = "passed"
	Failed = "failed"
)

// Report is the outcome of a run.
type Report struct {
	Object     string    `json:"object"`
	Format     int       `json:"format"`
	RunID      string    `json:"run_id"`
	Issuer     string    `json:"issuer"`
	Software   Software  `json:"software"`
	Contract   string    `json:"contract"`
	Connector  Connector `json:"connector"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
	Verdict    string    `json:"verdict"`
	// Complete: all scenarios were played, not a choice of them.
	Complete  bool       `json:"complete"`
	Passed    int        `json:"passed"`
	Failed    int        `json:"failed"`
	Scenarios []Scenario `json:"scenarios"`
	Signature *Signature `json:"signature,omitempty"`
}

// Software made the report.
type Software struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Connector was tried, as its maker calls it.
type Connector struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Scenario is how one of them went.
type Scenario struct {
	Number     int       `json:"number"`
	ID         string    `json:"id"`
	Title      string    `json:"title"`
	Verdict    string    `json:"verdict"`
	DurationMS int64     `json:"duration_ms"`
	Deliveries int       `json:"deliveries"`
	Findings   []Finding `json:"findings"`
	// Evidence are the last requests that came in, without what was in them.
	Evidence []Delivery `json:"evidence"`
}

// Finding is one thing that was not as it has to be.
type Finding struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Delivery is one request of the connector and what it got for it.
type Delivery struct {
	AfterMS    int64  `json:"after_ms"`
	Method     string `json:"method"`
	Path       string `json:"path"`
	Records    int    `json:"records"`
	BodySHA256 string `json:"body_sha256"`
	Status     int    `json:"status"` // 0: the connection was closed without an answer
	// AnsweredBy is "api", or "stage" where the scenario wanted another answer.
	AnsweredBy string `json:"answered_by"`
}

// Signature proves who made the report.
type Signature struct {
	Algorithm string `json:"algorithm"`
	KeyID     string `json:"key_id"`
	Value     string `json:"value"` // base64url
}

// Key is a public key of a key set (RFC 7517, RFC 8037).
type Key struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	Use string `json:"use"`
	Kid string `json:"kid"`
	X   string `json:"x"`
}

// KeySet is what an installation publishes.
type KeySet struct {
	Keys []Key `json:"keys"`
}

// PublicKey describes a key for a key set.
func PublicKey(public ed25519.PublicKey) Key {
	name := sha256.Sum256(public)
	return Key{Kty: "OKP", Crv: "Ed25519", Use: "sig", Kid: hex.EncodeToString(name[:8]), X: base64.RawURLEncoding.EncodeToString(public)}
}

// canonical is what is signed: the document without its signature.
func canonical(document map[string]any) ([]byte, error) {
	bare := make(map[string]any, len(document))
	for name, v := range document {
		if name != "signature" {
			bare[name] = v
		}
	}
	raw, err := json.Marshal(bare)
	if err != nil {
		return nil, err
	}
	return jcs.Transform(raw)
}

// Sign gives the report as a document with its signature.
func Sign(r Report, key ed25519.PrivateKey) ([]byte, error) {
	r.Signature = nil
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var document map[string]any
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, err
	}
	form, err := canonical(document)
	if err != nil {
		return nil, err
	}
	r.Signature = &Signature{
		Algorithm: "Ed25519", KeyID: PublicKey(key.Public().(ed25519.PublicKey)).Kid,
		Value: base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, form)),
	}
	return json.MarshalIndent(r, "", "  ")
}

// Why a report is not believed.
var (
	ErrUnsigned   = errors.New("the report is not signed")
	ErrUnknownKey = errors.New("the report is signed by a key that is not in the set")
	ErrForged     = errors.New("the signature does not fit: the report was altered")
	ErrAmbiguous  = errors.New("a name occurs twice in an object: readers disagree on which one counts, so the report was altered")
)

// namesOnce refuses what RFC 7493 section 2.3 forbids, on which the canonical
// form rests: of two members of one name the signature covers the one that this
// program reads, and another reader may show the other.
func namesOnce(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	opened, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	seen := map[json.Token]bool{}
	for d.More() {
		if opened == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if seen[name] {
				return ErrAmbiguous
			}
			seen[name] = true
		}
		if err := namesOnce(d); err != nil {
			return err
		}
	}
	_, err = d.Token() // what closes it
	return err
}

// Verify checks a document by a key set and reads it. Members that this program
// does not know count as signed too.
func Verify(raw []byte, keys KeySet) (Report, error) {
	var r Report
	var document map[string]any
	if err := json.Unmarshal(raw, &document); err != nil {
		return r, fmt.Errorf("the report is not JSON: %w", err)
	}
	if err := namesOnce(json.NewDecoder(bytes.NewReader(raw))); err != nil {
		return r, err
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, fmt.Errorf("this is not a report: %w", err)
	}
	if r.Object != "conformance_report" {
		return r, errors.New("this is not a conformance report")
	}
	if r.Signature == nil || r.Signature.Algorithm != "Ed25519" {
		return r, ErrUnsigned
	}
	value, err := base64.RawURLEncoding.DecodeString(r.Signature.Value)
	if err != nil {
		return r, ErrForged
	}
	form, err := canonical(document)
	if err != nil {
		return r, err
	}
	for _, k := range keys.Keys {
		public, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil || k.Kid != r.Signature.KeyID || len(public) != ed25519.PublicKeySize {
			continue
		}
		if !ed25519.Verify(public, form, value) {
			return r, ErrForged
		}
		return r, nil
	}
	return r, ErrUnknownKey
}
