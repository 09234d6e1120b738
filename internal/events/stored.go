package events

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Stored is an event as the log keeps it, for whoever checks a copy of the log
// that lies outside the database.
type Stored struct {
	ID             uuid.UUID
	Tenant         uuid.UUID
	Type           string
	SubjectKind    string
	SubjectID      uuid.UUID
	SubjectVersion int64
	OccurredAt     time.Time
	ActorKind      string
	ActorID        string
	RequestID      string
	Source         string
	Changed        []string
	Facts          json.RawMessage
	ChangesDigest  []byte
	Test           bool
}

// Envelope is the event as readers get it under its number, without the digest.
func (s Stored) Envelope(sequence int64) Envelope {
	return row{
		id: s.ID, tenant: s.Tenant, typ: s.Type, subjectKind: s.SubjectKind, subjectID: s.SubjectID, subjectVersion: s.SubjectVersion,
		occurredAt: s.OccurredAt, actorKind: s.ActorKind, actorID: s.ActorID, requestID: s.RequestID, source: s.Source,
		changed: s.Changed, facts: s.Facts, changesDigest: s.ChangesDigest, test: s.Test,
	}.envelope(sequence)
}
