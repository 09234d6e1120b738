package main

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// schema adds what the measurement needs. The two other ways store an event in
// one row and chain no digest, which is generous to them.
const schema = `
set search_path = crm;
create table bench_subjects (tenant_id uuid, id uuid, version bigint not null default 1, name text, primary key (tenant_id, id));
create table bench_counter (tenant_id uuid primary key, sequence bigint not null default 0);
create table bench_counter_log (tenant_id uuid, sequence bigint, id uuid, type text, subject_id uuid, occurred_at timestamptz, facts jsonb, changes jsonb, primary key (tenant_id, sequence));
create table bench_serial_log (tenant_id uuid, sequence bigserial, id uuid, type text, subject_id uuid, occurred_at timestamptz, facts jsonb, changes jsonb, primary key (tenant_id, sequence));
select protect('bench_subjects'), protect('bench_counter'), protect('bench_counter_log'), protect('bench_serial_log');
grant usage on all sequences in schema crm to parvis_app`

const business = `insert into bench_subjects (tenant_id, id, name) values ($1, $2, 'Lefèvre')`

const (
	counterInsert = `
with n as (update bench_counter set sequence = sequence + 1 where tenant_id = $1 returning sequence)
insert into bench_counter_log (tenant_id, sequence, id, type, subject_id, occurred_at, facts, changes)
select $1, n.sequence, $2, 'subject.created', $3, $4, '{"amount": 1250}', '[{"pointer": "/name", "before": null, "after": "Lefèvre"}]' from n`
	serialInsert = `
insert into bench_serial_log (tenant_id, id, type, subject_id, occurred_at, facts, changes)
values ($1, $2, 'subject.created', $3, $4, '{"amount": 1250}', '[{"pointer": "/name", "before": null, "after": "Lefèvre"}]')`
)

func benchEntry(subject uuid.UUID) events.Entry {
	return events.Entry{Type: "subject.created", Subject: events.Subject{Kind: "subject", ID: subject, Version: 1},
		Facts: map[string]any{"amount": 1250}, Changes: []events.Change{{Pointer: "/name", After: "Lefèvre"}}}
}

func asActor(ctx context.Context, tenant uuid.UUID) context.Context {
	return web.WithActor(ctx, web.SystemActor(tenant, "bench"))
}

// direct is a way in which the writer itself gives the number. The reader is
// woken by each commit, as ours is.
func (b *bench) direct(ctx context.Context, table, insert string) (way, func(), error) {
	bell := make(chan struct{}, 1)
	var after int64
	err := b.owner.QueryRow(ctx, `select coalesce(max(sequence), 0) from crm.`+table+` where tenant_id = $1`, b.tenant).Scan(&after)
	return way{
		write: func(ctx context.Context, subject uuid.UUID) error {
			err := pg.InTx(ctx, b.db, b.tenant, func(ctx context.Context, tx pgx.Tx) error {
				if _, err := tx.Exec(ctx, business, b.tenant, subject); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, insert, b.tenant, ids.New(), subject, time.Now())
				return err
			})
			select {
			case bell <- struct{}{}:
			default:
			}
			return err
		},
		follow: func(ctx context.Context, seen func([]uuid.UUID)) error {
			for {
				select {
				case <-ctx.Done():
					return nil
				case <-bell:
				}
				rows, err := b.db.Tenant(b.tenant).Query(ctx, `select sequence, subject_id from `+table+` where tenant_id = $1 and sequence > $2 order by sequence limit 1000`, b.tenant, after)
				if err != nil {
					return nil //nolint:nilerr // the round is over
				}
				var subjects []uuid.UUID
				var subject uuid.UUID
				if _, err := pgx.ForEachRow(rows, []any{&after, &subject}, func() error { subjects = append(subjects, subject); return nil }); err != nil {
					return nil //nolint:nilerr // the same
				}
				seen(subjects)
			}
		},
	}, func() {}, err
}
