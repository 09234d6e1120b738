package events

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

func toAPI(e Envelope) api.Event {
	// Both texts are ours; what they cannot hold they hold as their zero value.
	at, _ := time.Parse(time.RFC3339Nano, e.Timestamp)
	facts := map[string]any{}
	_ = json.Unmarshal(e.Data.Facts, &facts)
	return api.Event{
		ID: e.ID, Type: e.Type, Timestamp: at, Sequence: e.Sequence, APIVersion: e.APIVersion, Tenant: e.Tenant, Test: e.Test,
		Actor:     api.Actor{Kind: e.Actor.Kind, ID: e.Actor.ID},
		Causation: api.EventCausation{RequestID: e.Causation.RequestID, Source: e.Causation.Source},
		Data: api.EventData{Object: e.Data.Object, ID: e.Data.ID, Version: e.Data.Version, Changed: e.Data.Changed, Facts: facts,
			URL: e.Data.URL},
		ChangesDigest: web.Nullable(e.ChangesDigest), Digest: e.Digest,
	}
}

// form is an event of the feed as it is written, or its place.
func (e Envelope) form() ([]byte, error) {
	if e.Type == Withheld {
		return json.Marshal(withheldForm{e.Type, e.Sequence, e.Digest})
	}
	return json.Marshal(e)
}

func digestToAPI(d Digest) api.EventDigest {
	mark := func(m *Mark) *api.EventMark {
		if m == nil {
			return nil
		}
		return &api.EventMark{Sequence: m.Sequence, ID: m.ID}
	}
	return api.EventDigest{
		From: d.From, To: d.To, Count: max(0, d.To-d.From+1), First: web.Nullable(mark(d.First)), Last: web.Nullable(mark(d.Last)),
		DigestBefore: hex.EncodeToString(d.Before), Digest: hex.EncodeToString(d.At), RollingHash: hex.EncodeToString(d.Rolling),
		Head: d.Head, NextFrom: web.Nullable(d.NextFrom),
	}
}

func changesToAPI(c Changes) api.EventChanges {
	return api.EventChanges{EventID: c.Event.ID, Sequence: c.Event.Sequence, Erased: c.Erased, Masked: c.Masked,
		Data: web.Map(c.Changes, func(c Change) api.EventChange {
			return api.EventChange{Pointer: c.Pointer, Before: c.Before, After: c.After}
		})}
}

// contacts are those whose data the changes may contain: the subject itself, or
// the contact that the event's facts name.
func (c *Changes) contacts() []uuid.UUID {
	if c.Event.Data.Object == "contact" {
		return []uuid.UUID{c.Event.Data.ID}
	}
	var facts struct {
		ContactID *uuid.UUID `json:"contact_id"`
	}
	if json.Unmarshal(c.Event.Data.Facts, &facts) == nil && facts.ContactID != nil {
		return []uuid.UUID{*facts.ContactID}
	}
	return nil
}

func consumerToAPI(c Consumer) api.EventConsumer {
	return api.EventConsumer{Name: c.Name, Object: "event_consumer", Sequence: c.Sequence, Head: c.Head, Lag: c.Lag(),
		Version: max(1, c.Version), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
}

func typesToAPI(in []TypeInfo) ([]api.EventType, error) {
	out := make([]api.EventType, 0, len(in))
	for _, t := range in {
		a := api.EventType{Name: t.Name, Summary: t.Summary, Description: t.Description, Scope: t.Scope, Schema: t.Schema}
		if err := json.Unmarshal(t.Example, &a.Example); err != nil {
			return nil, fmt.Errorf("events: example of %s: %w", t.Name, err)
		}
		out = append(out, a)
	}
	return out, nil
}

func limit(n *int32) int {
	if n == nil {
		return 100
	}
	return int(*n)
}

func orZero[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
