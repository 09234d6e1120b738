package events

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/web"
)

// Subject is the record that an event is about, at the version the event made.
type Subject struct {
	Kind    string
	ID      uuid.UUID
	Version int64
}

// Change is one field before and after, by JSON pointer ("/family_name").
type Change struct {
	Pointer string `json:"pointer"`
	Before  any    `json:"before"`
	After   any    `json:"after"`
}

// Entry is what a domain records. Facts are small and never personal, since
// they outlive erasure; personal values belong in Changes.
type Entry struct {
	Type    string
	Subject Subject
	Changes []Change
	Facts   map[string]any
	Source  string    // "ticketing:<code>" and the like, when the change came from there
	At      time.Time // zero: now
}

const insertEvent = `
with e as (
    insert into events (tenant_id, id, type, subject_kind, subject_id, subject_version, occurred_at,
                        actor_kind, actor_id, request_id, source, changed, facts, changes_digest)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
), c as (
    insert into event_changes (tenant_id, event_id, changes)
    select $1, $2, $15::jsonb where $15::jsonb is not null
)
insert into event_queue (tenant_id, event_id) values ($1, $2)`

// RecordTx writes entries into the log, in their order, as part of tx. The
// actor and the request come from the context. Call it after the statement that
// changes the subject, so that of two writers of one subject the log has the
// order in which they held its row.
func RecordTx(ctx context.Context, tx pgx.Tx, entries ...Entry) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	b := &pgx.Batch{}
	if len(entries) >= many {
		for part := range slices.Chunk(entries, atOnce) {
			if err := queueTogether(ctx, b, actor, part); err != nil {
				return err
			}
		}
	} else {
		for _, e := range entries {
			if err := queueEntry(ctx, b, actor, e); err != nil {
				return err
			}
		}
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("events: recording: %w", err)
	}
	return nil
}

func queueEntry(ctx context.Context, b *pgx.Batch, actor web.Actor, e Entry) error {
	w, err := e.written()
	if err != nil {
		return err
	}
	b.Queue(insertEvent, actor.Tenant, w.id, e.Type, e.Subject.Kind, e.Subject.ID, e.Subject.Version,
		w.at, string(actor.Kind), actor.ID, web.RequestID(ctx), e.Source, w.changed, w.facts, w.digest, w.changes)
	return nil
}

// written is what an entry comes to in the database.
type written struct {
	id                     uuid.UUID
	at                     time.Time
	changed                []string
	facts, changes, digest []byte
}

func (e Entry) written() (written, error) {
	w := written{id: ids.New(), at: e.At}
	if w.at.IsZero() {
		w.at = clock.System{}.Now() // when it was recorded, whatever time a rule goes by
	}
	w.at = w.at.UTC().Truncate(time.Microsecond)
	var err error
	if w.facts, err = CanonicalFacts(e.Facts); err != nil {
		return w, fmt.Errorf("events: facts of %s: %w", e.Type, err)
	}
	w.changed = make([]string, 0, len(e.Changes))
	for _, c := range e.Changes {
		w.changed = append(w.changed, c.Pointer)
	}
	if w.changes, w.digest, err = CanonicalChanges(e.Changes); err != nil {
		return w, fmt.Errorf("events: changes of %s: %w", e.Type, err)
	}
	return w, nil
}

// CanonicalFacts refuses what the chain could not cover to the last digit: an event
// that cannot be numbered would hold up all behind it.
func CanonicalFacts(facts map[string]any) ([]byte, error) {
	if len(facts) == 0 {
		return []byte("{}"), nil
	}
	raw, err := json.Marshal(facts)
	if err != nil {
		return nil, err
	}
	v, err := decode(raw)
	if err != nil {
		return nil, err
	}
	if n, ok := inexact(v); ok {
		return nil, fmt.Errorf("%s does not survive as a double; write it as a string", n)
	}
	return appendCanonical(make([]byte, 0, len(raw)), v)
}

func inexact(v any) (json.Number, bool) {
	switch v := v.(type) {
	case json.Number:
		return v, !Exact(v)
	case []any:
		for _, item := range v {
			if n, found := inexact(item); found {
				return n, true
			}
		}
	case map[string]any:
		for _, item := range v {
			if n, found := inexact(item); found {
				return n, true
			}
		}
	}
	return "", false
}

// CanonicalChanges gives the canonical form of changes and its SHA-256, both nil when
// there are none.
func CanonicalChanges(changes []Change) (canonical, digest []byte, err error) {
	if len(changes) == 0 {
		return nil, nil, nil
	}
	raw, err := json.Marshal(changes)
	if err != nil {
		return nil, nil, err
	}
	v, err := decode(raw)
	if err != nil {
		return nil, nil, err
	}
	if canonical, err = appendCanonical(make([]byte, 0, len(raw)), stabilise(v)); err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(canonical)
	return canonical, sum[:], nil
}

// ChangesDigest is the SHA-256 of changes in canonical form (RFC 8785), computed
// from what the database keeps.
func ChangesDigest(changes []byte) ([]byte, error) {
	canonical, err := CanonicalJSON(make([]byte, 0, len(changes)), changes)
	if err != nil {
		return nil, fmt.Errorf("events: canonical form: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return sum[:], nil
}

// Diff compares two states of a record, as JSON objects, member by member.
// Members named in ignore (version, updated_at …) do not count as changes. A
// nil before lists every member that is not null: the record was made.
func Diff(before, after any, ignore ...string) ([]Change, error) {
	b, err := object(before)
	if err != nil {
		return nil, err
	}
	a, err := object(after)
	if err != nil {
		return nil, err
	}
	skip := map[string]bool{}
	for _, name := range ignore {
		skip[name] = true
	}
	names := map[string]bool{}
	for name := range b {
		names[name] = true
	}
	for name := range a {
		names[name] = true
	}
	var out []Change
	for name := range names {
		if skip[name] || reflect.DeepEqual(a[name], b[name]) {
			continue
		}
		out = append(out, Change{Pointer: "/" + name, Before: b[name], After: a[name]})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Pointer < out[j].Pointer })
	return out, nil
}

func object(v any) (map[string]any, error) {
	if v == nil || (reflect.ValueOf(v).Kind() == reflect.Pointer && reflect.ValueOf(v).IsNil()) {
		return map[string]any{}, nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("events: a record must be a JSON object: %w", err)
	}
	return m, nil
}
