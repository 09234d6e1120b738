package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/pg"
)

// The ways in which a log that is chained in batches can disagree with its
// chain.
const (
	BatchMissing    = "batch-missing"    // the batches have a hole
	BatchAltered    = "batch-altered"    // a batch, its order or its digest was changed
	SignatureWrong  = "signature-wrong"  // a batch or certificate is not signed by its key
	EntryMissing    = "entry-missing"    // an entry of a batch is not there
	EntryAltered    = "entry-altered"    // an entry was changed
	EntryUnsealed   = "entry-unsealed"   // an entry was put beside the batches
	GapContradicted = "gap-contradicted" // what a certificate says was purged is there, or does not fit
)

// BatchReport is what a verification of a log that is chained in batches found.
type BatchReport struct {
	Batches, Entries int64 // that agree with the chain
	Purged           int64 // entries gone by certificate
	Digest           []byte
	Keys             []string // public keys, in hexadecimal, that have signed
	Break            *BatchBreak
}

// BatchBreak is the first place where such a log disagrees.
type BatchBreak struct {
	Kind  string
	Batch int64
	Entry *uuid.UUID
}

// Intact reports whether no break was found.
func (r BatchReport) Intact() bool { return r.Break == nil }

type gap struct {
	from, to         int64
	digest           []byte
	entries          int64
	cutoff, purgedAt time.Time
	key, signature   []byte
}

// statement is what the certificate of a purge signs.
func (g gap) statement(tenant uuid.UUID, log string) []byte {
	b := batch{number: g.from, sealedAt: g.cutoff, newest: g.purgedAt, entries: append([]byte("purged"), g.digest...)}
	sum := sha256.Sum256(append(b.chained(tenant, log, nil), []byte(time.UnixMicro(g.to).UTC().Format(time.RFC3339Nano)+time.UnixMicro(g.entries).UTC().Format(time.RFC3339Nano))...))
	return sum[:]
}

const (
	listGaps    = `select from_number, to_number, digest, entries, cutoff, purged_at, public_key, signature from audit_gaps where tenant_id = $1 and log = $2 order by to_number`
	nextBatches = `
select number, sealed_at, newest, entries, digest, public_key, signature from audit_batches
where tenant_id = $1 and log = $2 and number > $3 order by number limit 50`
	// Entries that nobody has to seal any more.
	allReadIDs = `
select l.id from access_log l where l.tenant_id = $1
and not exists (select from audit_unsealed u where u.tenant_id = $1 and u.log = 'reads' and u.entry_id = l.id)`
	allRefusalIDs = `select l.id from refusals l where l.tenant_id = $1`
)

// VerifyReads computes the chain of an institution's log of reads again, and
// looks that no entry lies beside it. It reads one snapshot. progress, if given,
// hears of every batch.
func (s *Service) VerifyReads(ctx context.Context, tenant uuid.UUID, progress func(entries int)) (BatchReport, error) {
	return s.verifyBatches(ctx, tenant, verification{log: readsLog, all: allReadIDs, digests: s.reads.digestsOfReads}, progress)
}

// VerifyRefusals does the same for the log of refusals; of no institution, for
// that of the installation.
func (s *Service) VerifyRefusals(ctx context.Context, tenant uuid.UUID, progress func(entries int)) (BatchReport, error) {
	return s.verifyBatches(ctx, tenant, verification{log: refusalsLog, all: allRefusalIDs, digests: s.reads.digestsOfRefusals}, progress)
}

func (s *Service) verifyBatches(ctx context.Context, tenant uuid.UUID, v verification, progress func(entries int)) (BatchReport, error) {
	var r BatchReport
	ctx = pg.WithSight(ctx, pg.Everything())
	err := pg.Snapshot(ctx, s.reads.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		v.tenant, v.tx, v.report, v.sealed, v.keys = tenant, tx, &r, map[uuid.UUID]struct{}{}, map[string]bool{}
		return v.run(ctx, progress)
	})
	return r, err
}

// verification is one log being verified.
type verification struct {
	log     string
	all     string // the statement that lists the ids of its sealed entries
	digests func(ctx context.Context, db pg.DBTX, tenant uuid.UUID, ids []uuid.UUID) (map[uuid.UUID][sha256.Size]byte, error)

	tenant uuid.UUID
	tx     pgx.Tx
	report *BatchReport
	sealed map[uuid.UUID]struct{}
	keys   map[string]bool
}

func (s *readStore) digestsOfReads(ctx context.Context, db pg.DBTX, tenant uuid.UUID, ids []uuid.UUID) (map[uuid.UUID][sha256.Size]byte, error) {
	rows, err := s.q.ListReadsByID(ctx, db, tenant, ids)
	out := make(map[uuid.UUID][sha256.Size]byte, len(rows))
	for _, r := range rows {
		out[r.ID] = digestOf(r)
	}
	return out, err
}

func (s *readStore) digestsOfRefusals(ctx context.Context, db pg.DBTX, tenant uuid.UUID, ids []uuid.UUID) (map[uuid.UUID][sha256.Size]byte, error) {
	rows, err := s.q.ListRefusalsByID(ctx, db, tenant, ids)
	out := make(map[uuid.UUID][sha256.Size]byte, len(rows))
	for _, r := range rows {
		out[r.ID] = refusalDigest(r)
	}
	return out, err
}

func (v *verification) broken(kind string, number int64, entry *uuid.UUID) {
	v.report.Break = &BatchBreak{Kind: kind, Batch: number, Entry: entry}
}

func (v *verification) signed(key, signature, statement []byte) bool {
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, statement, signature) {
		return false
	}
	if name := hex.EncodeToString(key); !v.keys[name] {
		v.keys[name] = true
		v.report.Keys = append(v.report.Keys, name)
	}
	return true
}

func (v *verification) run(ctx context.Context, progress func(int)) error {
	digest, number, err := v.gaps(ctx)
	if err != nil || v.report.Break != nil {
		return err
	}
	for {
		rows, err := v.tx.Query(ctx, nextBatches, v.tenant, v.log, number)
		if err != nil {
			return err
		}
		page, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (batch, error) {
			var b batch
			err := row.Scan(&b.number, &b.sealedAt, &b.newest, &b.entries, &b.digest, &b.key, &b.signature)
			return b, err
		})
		if err != nil {
			return err
		}
		for _, b := range page {
			number++
			switch {
			case b.number != number:
				v.broken(BatchMissing, number, nil)
			case !bytes.Equal(b.chained(v.tenant, v.log, digest), b.digest):
				v.broken(BatchAltered, number, nil)
			case !v.signed(b.key, b.signature, b.digest):
				v.broken(SignatureWrong, number, nil)
			default:
				err = v.entries(ctx, b)
			}
			if err != nil || v.report.Break != nil {
				return err
			}
			digest = b.digest
			v.report.Batches, v.report.Digest = v.report.Batches+1, digest
			if progress != nil {
				progress(len(b.entries) / sealSize)
			}
		}
		if len(page) == 0 {
			break
		}
	}
	return v.strays(ctx, number)
}

// gaps looks at the certificates of purges, which are about the first batches,
// and returns where the chain goes on.
func (v *verification) gaps(ctx context.Context) (digest []byte, number int64, err error) {
	digest = make([]byte, sha256.Size)
	rows, err := v.tx.Query(ctx, listGaps, v.tenant, v.log)
	if err != nil {
		return nil, 0, err
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (gap, error) {
		var g gap
		err := row.Scan(&g.from, &g.to, &g.digest, &g.entries, &g.cutoff, &g.purgedAt, &g.key, &g.signature)
		return g, err
	})
	if err != nil {
		return nil, 0, err
	}
	for _, g := range all {
		switch {
		case g.from != number+1:
			v.broken(GapContradicted, g.from, nil)
		case !v.signed(g.key, g.signature, g.statement(v.tenant, v.log)):
			v.broken(SignatureWrong, g.from, nil)
		}
		if v.report.Break != nil {
			return nil, 0, nil
		}
		number, digest = g.to, g.digest
		v.report.Purged += g.entries
	}
	var left bool
	if err := v.tx.QueryRow(ctx, "select exists (select from audit_batches where tenant_id = $1 and log = $2 and number <= $3)", v.tenant, v.log, number).Scan(&left); err != nil {
		return nil, 0, err
	}
	if left {
		v.broken(GapContradicted, number, nil)
	}
	return digest, number, nil
}

// entries compares the entries of a batch with what the log holds.
func (v *verification) entries(ctx context.Context, b batch) error {
	ids := make([]uuid.UUID, 0, len(b.entries)/sealSize)
	for e := b.entries; len(e) >= sealSize; e = e[sealSize:] {
		ids = append(ids, uuid.UUID(e[:16]))
	}
	there, err := v.digests(ctx, v.tx, v.tenant, ids)
	if err != nil {
		return err
	}
	for i, id := range ids {
		digest, ok := there[id]
		if !ok {
			v.broken(EntryMissing, b.number, &id)
			return nil
		}
		if !bytes.Equal(digest[:], b.entries[i*sealSize+16:(i+1)*sealSize]) {
			v.broken(EntryAltered, b.number, &id)
			return nil
		}
		v.sealed[id] = struct{}{}
		v.report.Entries++
	}
	return nil
}

// strays looks for an entry that no batch has.
func (v *verification) strays(ctx context.Context, last int64) error {
	rows, err := v.tx.Query(ctx, v.all, v.tenant)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		if _, ok := v.sealed[id]; !ok {
			v.broken(EntryUnsealed, last, &id)
			return nil
		}
	}
	return rows.Err()
}
