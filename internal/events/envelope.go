package events

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Envelope is an event as readers get it: thin, without personal values. Its
// digest chains it to all events before it in its tenant, see Chain.
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

// Chain returns the digest of an event after the digest of the one before:
//
//	digest(n) = SHA-256( digest(n-1) ‖ JCS(event n) )
//
// with JCS the canonical form of RFC 8785, digest(0) thirty-two zero bytes, and
// of the event only what was recorded: actor, causation, changes_digest, data
// (changed, facts, id, object, version), id, sequence, tenant, timestamp, type.
// What is made up when it is read (data.url, api_version, test) is left out, so
// that no later version of this program breaks an old chain.
func Chain(previous []byte, e Envelope) ([]byte, error) {
	b := make([]byte, 0, 1024)
	b = append(b, previous...)
	b, err := e.AppendChained(b)
	if err != nil {
		return nil, fmt.Errorf("events: canonical form of %s: %w", e.ID, err)
	}
	sum := sha256.Sum256(b)
	return sum[:], nil
}

// AppendChained writes the canonical form of what the chain covers: the names
// are in their order already.
func (e Envelope) AppendChained(b []byte) ([]byte, error) {
	b = append(b, `{"actor":{"id":`...)
	b = appendString(b, e.Actor.ID)
	b = append(b, `,"kind":`...)
	b = appendString(b, e.Actor.Kind)
	b = append(b, `},"causation":{"request_id":`...)
	b = appendString(b, e.Causation.RequestID)
	b = append(b, `,"source":`...)
	b = appendString(b, e.Causation.Source)
	b = append(b, `},"changes_digest":`...)
	if e.ChangesDigest == nil {
		b = append(b, "null"...)
	} else {
		b = appendString(b, *e.ChangesDigest)
	}
	b = append(b, `,"data":{"changed":[`...)
	for i, pointer := range e.Data.Changed {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, pointer)
	}
	b = append(b, `],"facts":`...)
	b, err := CanonicalJSON(b, e.Data.Facts)
	if err != nil {
		return nil, err
	}
	b = append(b, `,"id":`...)
	b = appendUUID(b, e.Data.ID)
	b = append(b, `,"object":`...)
	b = appendString(b, e.Data.Object)
	b = append(b, `,"version":`...)
	if b, err = appendInt(b, e.Data.Version); err != nil {
		return nil, err
	}
	b = append(b, `},"id":`...)
	b = appendUUID(b, e.ID)
	b = append(b, `,"sequence":`...)
	if b, err = appendInt(b, e.Sequence); err != nil {
		return nil, err
	}
	b = append(b, `,"tenant":`...)
	b = appendUUID(b, e.Tenant)
	b = append(b, `,"timestamp":`...)
	b = appendString(b, e.Timestamp)
	b = append(b, `,"type":`...)
	b = appendString(b, e.Type)
	return append(b, '}'), nil
}

func appendUUID(b []byte, id uuid.UUID) []byte {
	var text [36]byte
	encodeUUID(&text, id)
	b = append(b, '"')
	b = append(b, text[:]...)
	return append(b, '"')
}

func encodeUUID(dst *[36]byte, id uuid.UUID) {
	hex.Encode(dst[:8], id[:4])
	hex.Encode(dst[9:13], id[4:6])
	hex.Encode(dst[14:18], id[6:8])
	hex.Encode(dst[19:23], id[8:10])
	hex.Encode(dst[24:], id[10:])
	dst[8], dst[13], dst[18], dst[23] = '-', '-', '-', '-'
}
