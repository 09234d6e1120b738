package audit

import (
	"encoding/hex"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

func reportToAPI(r Report) api.LogVerification {
	var first *api.LogBreak
	if r.Break != nil {
		first = &api.LogBreak{Sequence: r.Break.Sequence, EventID: web.Nullable(r.Break.EventID), Kind: r.Break.Kind}
	}
	return api.LogVerification{
		From: r.From, To: r.To, Head: r.Head, Verified: r.Verified, Erased: r.Erased, Intact: r.Intact(),
		FirstBreak: web.Nullable(first), Digest: hex.EncodeToString(r.Digest), NextFrom: web.Nullable(r.NextFrom),
	}
}

func readToAPI(r Read) api.Read {
	return api.Read{
		ID: r.ID, Object: "read", OccurredAt: r.OccurredAt, Actor: api.Actor{Kind: r.ActorKind, ID: r.ActorID},
		Operation: r.Operation, RequestID: r.RequestID, Purpose: r.Purpose, Reason: r.Reason, ContactIds: r.Subjects,
	}
}

func orOne(n *int64) int64 {
	if n == nil {
		return 1
	}
	return *n
}

func toldToAPI(t Told) api.HistoryEntry {
	return api.HistoryEntry{
		EventID: t.ID, Object: "history_entry", Sequence: t.Sequence, Type: t.Type, OccurredAt: t.OccurredAt,
		Actor: api.Actor{Kind: t.ActorKind, ID: t.ActorID}, Source: t.Source, RequestID: t.RequestID,
		Subject: api.HistorySubject{Kind: t.SubjectKind, ID: t.SubjectID, Version: t.SubjectVersion}, Erased: t.Erased,
		Changes: web.Map(t.Values, func(c FieldChange) api.FieldChange {
			return api.FieldChange{Pointer: c.Pointer, Before: c.Before, After: c.After, Masked: c.Masked}
		}),
	}
}

func policyToAPI(p ReadPolicy) api.ReadPolicy {
	var updated *time.Time
	if p.Version > 0 {
		updated = &p.UpdatedAt
	}
	return api.ReadPolicy{
		Object: "read_policy", Operations: p.Operations, Purposes: p.Purposes, Restricted: p.Restricted, Noted: p.Noted,
		Version: p.Version, UpdatedAt: web.Nullable(updated),
	}
}

func accessToAPI(r Read) api.Access {
	return api.Access{
		ID: r.ID, Object: "access", OccurredAt: r.OccurredAt, Actor: api.Actor{Kind: r.ActorKind, ID: r.ActorID},
		Operation: r.Operation, Purpose: r.Purpose, Reason: r.Reason, RequestID: r.RequestID,
	}
}

func entryToAPI(e Entry) api.AuditEntry {
	out := api.AuditEntry{
		ID: e.ID, Object: api.AuditEntryObjectAuditEntry, Kind: e.Kind, Action: e.Action, OccurredAt: e.At, Proven: e.Proven, Outcome: "success",
		Actor: nullable.NewNullNullable[api.Actor](), Operation: orNull(e.Operation), Status: nullable.NewNullNullable[int32](), Code: orNull(e.Code), Rule: orNull(e.Rule),
		Subject: nullable.NewNullNullable[api.AuditSubject](), ContactIds: web.Map(e.Subjects, func(id uuid.UUID) uuid.UUID { return id }), Address: orNull(e.Address),
		RequestID: e.RequestID, Repeated: e.Repeated, Purpose: e.Purpose, URL: nullable.NewNullNullable[string](),
	}
	if e.Failed {
		out.Outcome = "failure"
	}
	if e.ActorKind != "" {
		out.Actor = nullable.NewNullableWithValue(api.Actor{Kind: e.ActorKind, ID: e.ActorID})
	}
	if e.Status != 0 {
		out.Status = nullable.NewNullableWithValue(int32(e.Status))
	}
	if e.SubjectID != nil {
		out.Subject = nullable.NewNullableWithValue(api.AuditSubject{Kind: orNull(e.SubjectKind), ID: *e.SubjectID})
	}
	switch {
	case e.Log == eventsLog:
		out.URL = nullable.NewNullableWithValue("/v1/events/" + e.ID.String())
	case e.Log == readsLog && e.SubjectID != nil:
		out.URL = nullable.NewNullableWithValue("/v1/audit/reads?contact_id=" + e.SubjectID.String())
	}
	return out
}

func orNull(text string) nullable.Nullable[string] {
	if text == "" {
		return nullable.NewNullNullable[string]()
	}
	return nullable.NewNullableWithValue(text)
}
