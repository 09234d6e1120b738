package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/parvis-crm/parvis/internal/audit/internal/auditdb"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// MostRefusalsKept is how many bytes of refusals wait for the database. A
// refusal beyond them stands, and is told in the program's own log only.
const MostRefusalsKept = 64 << 20

// Refusal is what was refused, once or several times within a moment.
type Refusal = auditdb.Refusal

// notVisible is the rule of a 404 for a record that is there.
const notVisible = "sight"

// RefusalLog keeps what was refused to whom. Refused puts an entry into a file
// before the answer is given; Run brings entries into the database.
type RefusalLog struct {
	journal[refusalEntry]
	clock clock.Clock
	q     *auditdb.Queries
	chain chain
}

var _ web.Refusals = (*RefusalLog)(nil)

// NewRefusalLog makes a log with its files in a folder, of which several
// processes may share one, and at most so many bytes of them; Run has to run for
// it. key signs its batches.
func NewRefusalLog(db *pg.DB, c clock.Clock, log *slog.Logger, folder string, most int64, key ed25519.PrivateKey) *RefusalLog {
	l := &RefusalLog{
		journal: newJournal[refusalEntry](db, log, refusalsLog, folder, most), clock: c, q: auditdb.New(), chain: chain{log: refusalsLog, clock: c, key: key},
	}
	l.decode = readRefusal
	l.of = func(e refusalEntry) (uuid.UUID, int) { return e.tenant, 0 }
	l.insert = l.insertRefusals
	return l
}

// Refused implements web.Refusals. What cannot be kept is refused all the same.
func (l *RefusalLog) Refused(ctx context.Context, r web.Refusal) {
	e := refusalEntry{
		id: ids.New(), tenant: r.Tenant, at: l.clock.Now().UnixMicro(), proven: r.Proven, status: int16(r.Status),
		actorKind: string(r.Kind), actorID: web.ClipBytes(r.ID, 128), operation: r.Operation, code: r.Code, rule: web.ClipBytes(r.Rule, 120), request: r.Request,
	}
	if r.Address.IsValid() {
		e.address = r.Address.WithZone("").String()
	}
	if r.Subject != nil {
		e.subject = *r.Subject
	}
	if err := l.put(func(b []byte) []byte { return appendRefusal(b, e) }); err != nil {
		l.log.ErrorContext(ctx, "a refusal could not be noted", "error", err, "tenant", e.tenant, "actor_id", e.actorID, "operation", e.operation, "status", e.status)
	}
}

// Run writes entries until the context ends, then what is left.
func (l *RefusalLog) Run(ctx context.Context) error { return l.run(ctx, func(context.Context) {}) }

// gather makes one row of like refusals. What stood in a file together stands
// together again when the file is brought in a second time, so rows keep their
// ids.
func gather(entries []refusalEntry, there map[uuid.UUID]bool) []Refusal {
	type likeness struct {
		actorKind, actorID, operation, code, rule, address string
		subject                                            uuid.UUID
		proven                                             bool
		status                                             int16
	}
	at := map[likeness]int{}
	seen := make(map[uuid.UUID]bool, len(entries))
	out := []Refusal{}
	for _, e := range entries {
		if e.status == 404 {
			if !there[e.subject] {
				continue // it is not there: nothing was kept from them
			}
			e.rule = notVisible
		}
		if seen[e.id] {
			continue
		}
		seen[e.id] = true
		like := likeness{e.actorKind, e.actorID, e.operation, e.code, e.rule, e.address, e.subject, e.proven, e.status}
		if i, known := at[like]; known {
			out[i].Repeated++
			continue
		}
		at[like] = len(out)
		r := Refusal{
			TenantID: e.tenant, ID: e.id, OccurredAt: instant(e.at), ActorKind: e.actorKind, ActorID: e.actorID, Proven: e.proven, Operation: e.operation,
			Status: e.status, Code: e.code, Rule: e.rule, Address: e.address, RequestID: e.request, Repeated: 1,
		}
		if e.subject != uuid.Nil {
			r.SubjectID = &e.subject
		}
		out = append(out, r)
	}
	return out
}

const insertIntoRefusals = `
insert into refusals (tenant_id, id, occurred_at, actor_kind, actor_id, proven, operation, status, code, rule, subject_id, address, request_id, repeated)
select $1, r.* from unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::boolean[], $7::text[], $8::smallint[], $9::text[], $10::text[],
    $11::uuid[], $12::text[], $13::text[], $14::integer[]) as r
on conflict do nothing
returning id`

func (l *RefusalLog) insertRefusals(ctx context.Context, tenant uuid.UUID, entries []refusalEntry) error {
	ctx, cancel := context.WithTimeout(pg.WithSight(ctx, pg.Everything()), flushFor)
	defer cancel()
	return pg.InTx(pg.Quiet(ctx), l.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		there, err := l.there(ctx, tx, tenant, entries)
		if err != nil {
			return err
		}
		rows := gather(entries, there)
		if len(rows) == 0 {
			return nil
		}
		var (
			identity                                                   []uuid.UUID
			times                                                      []pgtype.Timestamptz
			kinds, actors, operations, codes, rules, addresses, asking []string
			proven                                                     []bool
			statuses                                                   []int16
			repeated                                                   []int32
			subjects                                                   []*uuid.UUID
		)
		for _, r := range rows {
			identity, times = append(identity, r.ID), append(times, pgtype.Timestamptz{Time: r.OccurredAt, Valid: true})
			kinds, actors, proven = append(kinds, r.ActorKind), append(actors, r.ActorID), append(proven, r.Proven)
			operations, statuses, codes, rules = append(operations, r.Operation), append(statuses, r.Status), append(codes, r.Code), append(rules, r.Rule)
			subjects, addresses = append(subjects, r.SubjectID), append(addresses, r.Address)
			asking, repeated = append(asking, r.RequestID), append(repeated, r.Repeated)
		}
		found, err := tx.Query(ctx, insertIntoRefusals, tenant, identity, times, kinds, actors, proven, operations, statuses, codes, rules, subjects, addresses, asking, repeated)
		if err != nil {
			return err
		}
		inserted, err := pgx.CollectRows(found, pgx.RowTo[uuid.UUID])
		if err != nil || len(inserted) == 0 {
			return err
		}
		fresh := make(map[uuid.UUID]bool, len(inserted))
		for _, id := range inserted {
			fresh[id] = true
		}
		var sealed []byte
		newest := int64(0)
		for _, r := range rows {
			if !fresh[r.ID] {
				continue // brought in before
			}
			digest := refusalDigest(r)
			sealed = append(append(sealed, r.ID[:]...), digest[:]...)
			newest = max(newest, r.OccurredAt.UnixMicro())
		}
		return l.chain.sealTx(ctx, tx, tenant, sealed, newest)
	})
}

// there are the records that were asked for, were not shown, and are there.
func (l *RefusalLog) there(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, entries []refusalEntry) (map[uuid.UUID]bool, error) {
	var asked []uuid.UUID
	for _, e := range entries {
		if e.status == 404 {
			asked = append(asked, e.subject)
		}
	}
	out := map[uuid.UUID]bool{}
	if len(asked) == 0 {
		return out, nil
	}
	rows, err := l.q.ListOnceThere(ctx, tx, tenant, asked)
	for _, id := range rows {
		out[id] = true
	}
	return out, err
}

// refusalDigest is the SHA-256 of a refusal.
func refusalDigest(r Refusal) [sha256.Size]byte {
	b := append(make([]byte, 0, 320), r.ID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.OccurredAt.UnixMicro()))
	b = binary.BigEndian.AppendUint16(b, uint16(r.Status))
	b = binary.BigEndian.AppendUint32(b, uint32(r.Repeated))
	b = append(b, flag(r.Proven))
	subject := uuid.Nil
	if r.SubjectID != nil {
		subject = *r.SubjectID
	}
	b = append(b, subject[:]...)
	for _, t := range []string{r.ActorKind, r.ActorID, r.Operation, r.Code, r.Rule, r.Address, r.RequestID} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(t))), t...)
	}
	return sha256.Sum256(b)
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}
