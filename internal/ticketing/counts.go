package ticketing

import (
	"slices"

	"github.com/jackc/pgx/v5"
)

// standing is the column of ticketing_counts that has a record; zero for none.
type standing int

const (
	asDescribed standing = iota + 1
	asStub
	asDeleted
)

func standingOf(r *Record) standing {
	switch {
	case r.Deleted:
		return asDeleted
	case r.Stub:
		return asStub
	}
	return asDescribed
}

// Only the holder of the source's lock writes here, so nobody waits for the row.
const addCounts = `
INSERT INTO ticketing_counts AS c (tenant_id, source_id, kind, described, stubs, deleted) VALUES ($1, $2, $3, greatest($4::bigint, 0), greatest($5::bigint, 0), greatest($6::bigint, 0))
ON CONFLICT (tenant_id, source_id, kind) DO UPDATE SET described = c.described + $4, stubs = c.stubs + $5, deleted = c.deleted + $6`

// flushCounts brings the source's counts up to date with its records.
func (u *unit) flushCounts(b *pgx.Batch) {
	sums := map[string]*[asDeleted + 1]int64{}
	for r := range u.dirtyRecords {
		was, is := u.counted[r], standingOf(r)
		if r.Kind == kindTicket || was == is {
			continue
		}
		if sums[r.Kind] == nil {
			sums[r.Kind] = &[asDeleted + 1]int64{}
		}
		sums[r.Kind][was]--
		sums[r.Kind][is]++
	}
	kinds := make([]string, 0, len(sums))
	for kind := range sums {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		n := sums[kind]
		b.Queue(addCounts, u.source.TenantID, u.source.ID, kind, n[asDescribed], n[asStub], n[asDeleted])
	}
}
