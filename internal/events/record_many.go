package events

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/web"
)

// insertEvents writes many events with one statement, in their order. Lists of
// pointers travel as the text of an array, since arrays of arrays of different
// length do not exist.
const insertEvents = `
with n as materialized (
    select * from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], $7::timestamptz[], $8::text[], $9::text[], $10::text[], $11::bytea[], $12::text[])
        with ordinality as n (id, type, subject_kind, subject_id, subject_version, occurred_at, source, changed, facts, changes_digest, changes, place)
), e as (
    insert into events (tenant_id, id, type, subject_kind, subject_id, subject_version, occurred_at,
                        actor_kind, actor_id, request_id, source, changed, facts, changes_digest)
    select $1, id, type, subject_kind, subject_id, subject_version, occurred_at, $13, $14, $15, source, changed::text[], facts::jsonb, changes_digest from n
), c as (
    insert into event_changes (tenant_id, event_id, changes)
    select $1, id, changes::jsonb from n where changes is not null
)
insert into event_queue (tenant_id, event_id) select $1, id from n order by place`

const (
	// many: from so many events on, one statement for all costs less than one each.
	many = 4
	// atOnce bounds the memory of one statement.
	atOnce = 2000
)

func queueTogether(ctx context.Context, b *pgx.Batch, actor web.Actor, entries []Entry) error {
	n := len(entries)
	ids, subjects := make([]uuid.UUID, n), make([]uuid.UUID, n)
	types, kinds, sources := make([]string, n), make([]string, n), make([]string, n)
	versions, times := make([]int64, n), make([]time.Time, n)
	changed, facts, changes, digests := make([]string, n), make([]string, n), make([]*string, n), make([][]byte, n)
	for i, e := range entries {
		w, err := e.written()
		if err != nil {
			return err
		}
		ids[i], types[i], kinds[i], subjects[i], versions[i], times[i], sources[i] = w.id, e.Type, e.Subject.Kind, e.Subject.ID, e.Subject.Version, w.at, e.Source
		changed[i], facts[i], digests[i] = arrayText(w.changed), string(w.facts), w.digest
		if w.changes != nil {
			text := string(w.changes)
			changes[i] = &text
		}
	}
	b.Queue(insertEvents, actor.Tenant, ids, types, kinds, subjects, versions, times, sources, changed, facts, digests, changes,
		string(actor.Kind), actor.ID, web.RequestID(ctx))
	return nil
}

var quoteElement = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// arrayText is the text form of an array of texts.
func arrayText(list []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, s := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(quoteElement.Replace(s))
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}
