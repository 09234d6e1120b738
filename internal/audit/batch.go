package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/pg"
)

// The log of reads is chained in batches: each holds the ids and digests of its
// entries, goes on from the digest of the one before, and is signed. Who has
// altered, removed, added or moved an entry would have to compute all batches
// since again, and to hold the installation's key.

// The logs that are chained in batches.
const (
	readsLog    = "reads"
	refusalsLog = "refusals"
)

// chain seals what goes into one log.
type chain struct {
	log   string
	clock clock.Clock
	key   ed25519.PrivateKey // signs batches
}

// sealSize is an entry in a batch: id · SHA-256.
const sealSize = 16 + sha256.Size

// A batch is what was sealed together.
type batch struct {
	number           int64
	sealedAt, newest time.Time
	entries          []byte
	digest           []byte
	key, signature   []byte
}

// chained is the digest of a batch after another's.
func (b batch) chained(tenant uuid.UUID, log string, before []byte) []byte {
	entries := sha256.Sum256(b.entries)
	text := append([]byte("parvis audit batch 1\n"), tenant[:]...)
	text = append(append(text, log...), '\n')
	for _, n := range []int64{b.number, b.sealedAt.UnixMicro(), b.newest.UnixMicro()} {
		text = binary.BigEndian.AppendUint64(text, uint64(n))
	}
	sum := sha256.Sum256(append(append(text, before...), entries[:]...))
	return sum[:]
}

// readDigest is the SHA-256 of a read. Its reason enters as a digest, so that
// erasing the reason changes nothing.
func readDigest(id uuid.UUID, at int64, texts [5]string, reason [sha256.Size]byte, subjects []byte) [sha256.Size]byte {
	b := append(make([]byte, 0, 256+len(subjects)), id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	for _, t := range texts {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(t))), t...)
	}
	b = append(b, reason[:]...)
	return sha256.Sum256(append(b, subjects...))
}

func (e entry) digest() [sha256.Size]byte {
	return readDigest(e.id, e.at, [5]string{e.actorKind, e.actorID, e.operation, e.request, e.purpose}, sha256.Sum256([]byte(e.reason)), e.subjects)
}

func digestOf(r Read) [sha256.Size]byte {
	reason := sha256.Sum256([]byte(r.Reason))
	if r.ReasonDigest != nil && r.Reason == "" {
		copy(reason[:], r.ReasonDigest)
	}
	subjects := make([]byte, 0, 16*len(r.Subjects))
	for _, s := range r.Subjects {
		subjects = append(subjects, s[:]...)
	}
	return readDigest(r.ID, r.OccurredAt.UnixMicro(), [5]string{r.ActorKind, r.ActorID, r.Operation, r.RequestID, r.Purpose}, reason, subjects)
}

const (
	lockChain = `select pg_advisory_xact_lock(hashtextextended('audit chain ' || $1::uuid::text || $2, 7322))`
	tryChain  = `select pg_try_advisory_xact_lock(hashtextextended('audit chain ' || $1::uuid::text || $2, 7322))`
	chainHead = `
select number, digest from (
    (select number, digest from audit_batches where tenant_id = $1 and log = $2 order by number desc limit 1)
    union all
    (select to_number, digest from audit_gaps where tenant_id = $1 and log = $2 order by to_number desc limit 1)) h
order by number desc limit 1`
	insertBatch = `
insert into audit_batches (tenant_id, log, number, sealed_at, newest, entries, digest, public_key, signature)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
)

// headOf is the last batch that there is or was, and its digest.
func headOf(ctx context.Context, db pg.DBTX, tenant uuid.UUID, log string) (number int64, digest []byte, err error) {
	err = db.QueryRow(ctx, chainHead, tenant, log).Scan(&number, &digest)
	if pg.IsNoRows(err) {
		return 0, make([]byte, sha256.Size), nil
	}
	return number, digest, err
}

// sealTx puts entries, at least one, into a batch of their own.
func (c chain) sealTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, entries []byte, newest int64) error {
	if _, err := tx.Exec(ctx, lockChain, tenant, c.log); err != nil {
		return err
	}
	number, before, err := headOf(ctx, tx, tenant, c.log)
	if err != nil {
		return err
	}
	b := batch{number: number + 1, sealedAt: c.clock.Now(), newest: instant(newest), entries: entries}
	b.digest = b.chained(tenant, c.log, before)
	if c.key != nil {
		b.key, b.signature = publicOf(c.key), ed25519.Sign(c.key, b.digest)
	}
	_, err = tx.Exec(ctx, insertBatch, tenant, c.log, b.number, b.sealedAt, b.newest, b.entries, b.digest, b.key, b.signature)
	return err
}

func publicOf(key ed25519.PrivateKey) []byte {
	public, _ := key.Public().(ed25519.PublicKey) // it is one
	return public
}

// sealNew seals those of these entries that were inserted just now.
func (l *ReadLog) sealNew(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, entries []entry, inserted map[uuid.UUID]bool) error {
	var sealed []byte
	newest := int64(0)
	for _, e := range entries {
		if !inserted[e.id] {
			continue // brought in before
		}
		delete(inserted, e.id) // twice in one batch is once
		digest := e.digest()
		sealed = append(append(sealed, e.id[:]...), digest[:]...)
		newest = max(newest, e.at)
	}
	if len(sealed) == 0 {
		return nil
	}
	return l.chain.sealTx(ctx, tx, tenant, sealed, newest)
}

const (
	leaveUnsealed = `insert into audit_unsealed (tenant_id, log, entry_id) values ($1, 'reads', $2)`
	takeUnsealed  = `
delete from audit_unsealed where tenant_id = $1 and log = 'reads' and entry_id in (
    select entry_id from audit_unsealed where tenant_id = $1 and log = 'reads' order by entry_id limit $2)
returning entry_id`
)

// sealWaiting seals what requests noted by themselves.
func (l *ReadLog) sealWaiting(ctx context.Context) error {
	rows, err := l.db.Unscoped().Query(ctx, "select tenants_with_unsealed()")
	if err != nil {
		return err
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		if err := l.Seal(ctx, tenant); err != nil {
			return err
		}
	}
	return nil
}

// Seal seals what requests of an institution noted by themselves and waits for
// it. While another process seals, that one does.
func (l *ReadLog) Seal(ctx context.Context, tenant uuid.UUID) error {
	for more := true; more; {
		err := pg.InTx(pg.Quiet(ctx), l.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
			var free bool
			if err := tx.QueryRow(ctx, tryChain, tenant, readsLog).Scan(&free); err != nil || !free {
				more = false
				return err
			}
			rows, err := tx.Query(ctx, takeUnsealed, tenant, mostWritten)
			if err != nil {
				return err
			}
			taken, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			if err != nil {
				return err
			}
			more = len(taken) == mostWritten
			if len(taken) == 0 {
				return nil
			}
			reads, err := l.policies.q.ListReadsByID(ctx, tx, tenant, taken)
			if err != nil || len(reads) == 0 {
				return err
			}
			var sealed []byte
			newest := int64(0)
			for _, r := range reads {
				digest := digestOf(r)
				sealed = append(append(sealed, r.ID[:]...), digest[:]...)
				newest = max(newest, r.OccurredAt.UnixMicro())
			}
			return l.chain.sealTx(ctx, tx, tenant, sealed, newest)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
