package audit

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
)

// The index of reads by contact. A row for each contact of each read, in the
// order of contacts, would touch one page of a large index for each of them.
// Instead a few thousand reads at a time are folded in: one row for each of 2048
// buckets that contacts fall into, with the entries of that bucket. Reads that
// are not folded in yet are those after the institution's mark, and are looked
// through one by one.

const (
	buckets   = 2048
	indexSize = 16 + 8 + 16 // contact · time · read

	// Folding is worth its while from here on.
	enoughReads, enoughEntries = 10_000, 100_000
	// It takes no more than this at a time, to keep writers waiting only for a
	// moment.
	mostReads, mostEntries = 20_000, 250_000
)

// bucketOf is the CRC-32 of the contact's id, modulo their number.
func bucketOf(contact []byte) int32 { return int32(crc32.ChecksumIEEE(contact) % buckets) }

// fold gathers entries of the index by bucket.
type fold struct {
	by      map[int32][]byte
	entries int
}

func (f *fold) add(contact []byte, at int64, read []byte) {
	if f.by == nil {
		f.by = map[int32][]byte{}
	}
	b := f.by[bucketOf(contact)]
	b = append(b, contact...)
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	f.by[bucketOf(contact)] = append(b, read...)
	f.entries++
}

const insertIndex = `
insert into access_log_index (tenant_id, bucket, id, entries)
select $1, x.bucket, $2, x.entries from unnest($3::int4[], $4::bytea[]) as x (bucket, entries)`

func (f *fold) write(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	if f.entries == 0 {
		return nil
	}
	numbers, entries := make([]int32, 0, len(f.by)), make([][]byte, 0, len(f.by))
	for n := range int32(buckets) {
		if b := f.by[n]; b != nil {
			numbers, entries = append(numbers, n), append(entries, b)
		}
	}
	id := ids.New()
	return send(ctx, tx, insertIndex, param{pgtype.UUIDOID, tenant[:]}, param{pgtype.UUIDOID, id[:]},
		param{pgtype.Int4ArrayOID, integers(numbers)}, param{pgtype.ByteaArrayOID, blobs(entries)})
}

// param is a parameter in binary.
type param struct {
	oid   uint32
	value []byte
}

func send(ctx context.Context, tx pgx.Tx, sql string, params ...param) error {
	values, oids, formats := make([][]byte, len(params)), make([]uint32, len(params)), make([]int16, len(params))
	for i, p := range params {
		values[i], oids[i], formats[i] = p.value, p.oid, pgtype.BinaryFormatCode
	}
	_, err := tx.Conn().PgConn().ExecParams(ctx, sql, values, oids, formats, nil).Close()
	return err
}

// sendReturning is send for a statement that returns identifiers.
func sendReturning(ctx context.Context, tx pgx.Tx, sql string, params ...param) (map[uuid.UUID]bool, error) {
	values, oids, formats := make([][]byte, len(params)), make([]uint32, len(params)), make([]int16, len(params))
	for i, p := range params {
		values[i], oids[i], formats[i] = p.value, p.oid, pgtype.BinaryFormatCode
	}
	result := tx.Conn().PgConn().ExecParams(ctx, sql, values, oids, formats, []int16{pgtype.BinaryFormatCode}).Read()
	out := make(map[uuid.UUID]bool, len(result.Rows))
	for _, row := range result.Rows {
		out[uuid.UUID(row[0])] = true
	}
	return out, result.Err
}

const (
	makeMark = `insert into access_log_marks (tenant_id, folded_to) values ($1, '0001-01-01') on conflict do nothing`
	// Writers share the mark, so that none of their reads is passed by.
	shareMark = `select (extract(epoch from folded_to) * 1000000)::bigint from access_log_marks where tenant_id = $1 for share`
	takeMark  = `select (extract(epoch from folded_to) * 1000000)::bigint from access_log_marks where tenant_id = $1 for update`
	moveMark  = `update access_log_marks set folded_to = $2 where tenant_id = $1`
	unfolded  = `
select id, (extract(epoch from occurred_at) * 1000000)::bigint, subjects from access_log
where tenant_id = $1 and occurred_at > (select folded_to from access_log_marks where tenant_id = $1)
order by occurred_at fetch first 20000 rows with ties`
)

// foldReads brings the oldest reads behind the mark into the index, if they are
// enough, and tells whether there may be as many again.
func foldReads(ctx context.Context, db *pg.DB, tenant uuid.UUID) (more bool, err error) {
	err = pg.InTx(pg.Quiet(ctx), db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		var mark int64
		if err := tx.QueryRow(ctx, takeMark, tenant).Scan(&mark); err != nil {
			if pg.IsNoRows(err) {
				return nil
			}
			return err
		}
		rows, err := tx.Query(ctx, unfolded, tenant)
		if err != nil {
			return err
		}
		defer rows.Close()
		var f fold
		n := 0
		for rows.Next() {
			values := rows.RawValues()
			at := int64(binary.BigEndian.Uint64(values[1]))
			if f.entries >= mostEntries && at > mark {
				more = true
				break
			}
			n, mark = n+1, at
			read := bytes.Clone(values[0])
			identifiersIn(values[2], func(contact []byte) { f.add(contact, at, read) })
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return err
		}
		more = more || n >= mostReads
		if n < enoughReads && f.entries < enoughEntries {
			more = false
			return nil
		}
		if err := f.write(ctx, tx, tenant); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, moveMark, tenant, instant(mark))
		return err
	})
	return more, err
}
