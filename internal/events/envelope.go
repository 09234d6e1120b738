package events

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/gowebpki/jcs"
)

// Envelope is an event as readers get it: thin, without personal values. Its
// digest chains it to all events before it in its tenant:
//
//	digest(n) = SHA-256( digest(n-1) ‖ JCS(envelope n without "digest") )
//
// with JCS the canonical form of RFC 8785 and digest(0) thirty-two zero bytes.
type Envelope struct {
	ID            uuid.UUID    `json:"id"`
	Type          string       `json:"type"`
	Timestamp     string       `json:"timestamp"`
	Sequence      int64        `json:"sequence"`
	APIVersion    string       `json:"api_version"`
	Tenant        uuid.UUID    `json:"tenant"`
	Test          bool         `json:"test"`
	Actor         EnvelopeWho  `json:"actor"`
	Causation     Causation    `json:"causation"`
	Data          EnvelopeData `json:"data"`
	ChangesDigest *string      `json:"changes_digest"`
	Digest        string       `json:"digest,omitempty"`
}

// EnvelopeWho is who or what caused an event.
type EnvelopeWho struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// Causation links an event to the request and the source that led to it.
type Causation struct {
	RequestID string `json:"request_id"`
	Source    string `json:"source"`
}

// EnvelopeData names the record and what changed in it; values are read through
// the API, where rights and erasure apply.
type EnvelopeData struct {
	Object  string          `json:"object"`
	ID      uuid.UUID       `json:"id"`
	Version int64           `json:"version"`
	Changed []string        `json:"changed"`
	Facts   json.RawMessage `json:"facts"`
	URL     string          `json:"url"`
}

// row is an event as stored.
type row struct {
	id             uuid.UUID
	tenant         uuid.UUID
	typ            string
	subjectKind    string
	subjectID      uuid.UUID
	subjectVersion int64
	occurredAt     time.Time
	actorKind      string
	actorID        string
	requestID      string
	source         string
	changed        []string
	facts          json.RawMessage
	changesDigest  []byte
	test           bool
}

func (r row) envelope(sequence int64) Envelope {
	e := Envelope{
		ID: r.id, Type: r.typ, Timestamp: r.occurredAt.UTC().Format(time.RFC3339Nano), Sequence: sequence, APIVersion: "v1",
		Tenant: r.tenant, Test: r.test, Actor: EnvelopeWho{r.actorKind, r.actorID}, Causation: Causation{r.requestID, r.source},
		Data: EnvelopeData{Object: r.subjectKind, ID: r.subjectID, Version: r.subjectVersion, Changed: r.changed, Facts: r.facts, URL: subjectURL(r.subjectKind, r.subjectID)},
	}
	if e.Data.Changed == nil {
		e.Data.Changed = []string{}
	}
	if r.changesDigest != nil {
		d := hex.EncodeToString(r.changesDigest)
		e.ChangesDigest = &d
	}
	return e
}

// Chain returns the digest of an envelope after the digest of the one before.
func Chain(previous []byte, e Envelope) ([]byte, error) {
	e.Digest = ""
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	canonical, err := jcs.Transform(raw)
	if err != nil {
		return nil, fmt.Errorf("events: canonical form of %s: %w", e.ID, err)
	}
	h := sha256.New()
	h.Write(previous)
	h.Write(canonical)
	return h.Sum(nil), nil
}

// subjectURL is where the present state of a subject is read; empty for
// subjects without an address of their own.
func subjectURL(kind string, id uuid.UUID) string {
	paths := map[string]string{
		"contact": "/v1/contacts/", "tag": "/v1/tags/", "consent": "/v1/consents/", "purpose": "/v1/purposes/", "operation": "/v1/operations/",
		"order": "/v1/ticketing/orders/", "performance": "/v1/ticketing/performances/", "price_type": "/v1/ticketing/price-types/",
		"production": "/v1/ticketing/productions/", "ticketing_source": "/v1/ticketing/sources/",
		"form": "/v1/forms/", "form_submission": "/v1/form-submissions/", "webhook_endpoint": "/v1/webhook-endpoints/",
		"api_key": "/v1/api-keys/", "oauth_client": "/v1/oauth-clients/", "user": "/v1/users/", "department": "/v1/departments/",
	}
	if p, ok := paths[kind]; ok {
		return p + id.String()
	}
	return ""
}
