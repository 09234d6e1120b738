package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/audit/internal/auditdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
)

type readStore struct {
	db *pg.DB
	q  *auditdb.Queries
}

// NewService makes the service.
func NewService(db *pg.DB, log *events.Service) *Service {
	return &Service{log: log, reads: &readStore{db: db, q: auditdb.New()}}
}

// Read is one answer that contained identifiable data.
type Read = auditdb.AccessLog

// ReadFilter narrows the list of reads; nil means any.
type ReadFilter struct {
	Contact      *uuid.UUID
	Actor        *string
	Operation    *string
	Since, Until *time.Time
}

// Position is where a walk through the reads stands.
type Position struct {
	At time.Time `json:"t"`
	ID uuid.UUID `json:"i"`
}

// Reads returns at most limit reads before a position, newest first.
func (s *Service) Reads(ctx context.Context, tenant uuid.UUID, f ReadFilter, before *Position, limit int) ([]Read, error) {
	var out []Read
	for {
		rows, err := s.allReads(ctx, tenant, f, before, limit)
		if err != nil || pg.SightIn(ctx).All() {
			return rows, err
		}
		full := len(rows) == limit
		if full {
			last := rows[len(rows)-1]
			before = &Position{last.OccurredAt, last.ID}
		}
		if rows, err = s.readsSeen(ctx, tenant, rows); err != nil {
			return nil, err
		}
		if out = append(out, rows...); !full || len(out) >= limit {
			return out[:min(len(out), limit)], nil
		}
	}
}

// readsSeen names of each read only those whom the reader of the log sees; where
// nobody is left, only others were read.
func (s *Service) readsSeen(ctx context.Context, tenant uuid.UUID, rows []Read) ([]Read, error) {
	var named []uuid.UUID
	for _, r := range rows {
		named = append(named, r.Subjects...)
	}
	look, err := pg.LookAt(ctx, s.reads.db.Tenant(tenant), tenant, named)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		rows[i].Subjects = slices.DeleteFunc(r.Subjects, func(id uuid.UUID) bool { return !look.Sees(&id) })
	}
	return slices.DeleteFunc(rows, func(r Read) bool { return len(r.Subjects) == 0 }), nil
}

func (s *Service) allReads(ctx context.Context, tenant uuid.UUID, f ReadFilter, before *Position, limit int) ([]Read, error) {
	if f.Contact != nil {
		return s.reads.of(ctx, tenant, f, before, limit)
	}
	var at *time.Time
	var id *uuid.UUID
	if before != nil {
		at, id = &before.At, &before.ID
	}
	return s.reads.q.ListReads(ctx, s.reads.db.Tenant(tenant), auditdb.ListReadsParams{
		TenantID: tenant, ActorID: f.Actor, Operation: f.Operation, Since: f.Since, Until: f.Until, BeforeAt: at, BeforeID: id, PageSize: int32(limit),
	})
}

// sees reports whether a contact is there and the principal sees it.
func (s *readStore) sees(ctx context.Context, tenant, contact uuid.UUID) (bool, error) {
	db := s.db.Tenant(tenant)
	there, err := s.q.ContactIsSeen(ctx, db, tenant, contact)
	if err != nil || !there {
		return false, err
	}
	look, err := pg.LookAt(ctx, db, tenant, []uuid.UUID{contact})
	return err == nil && look.Sees(&contact), err
}

// hides reports whether this is a contact that the principal does not see: what
// was refused of it is for those who do.
func (s *readStore) hides(ctx context.Context, tenant, subject uuid.UUID) (bool, error) {
	if seen, err := s.sees(ctx, tenant, subject); err != nil || seen {
		return false, err
	}
	return s.q.ContactIsSeen(pg.WithSight(ctx, pg.Everything()), s.db.Tenant(tenant), tenant, subject)
}

// of is Reads for one contact: what is not folded into the index yet, then what
// is. In this order a read that is folded in between is met twice, not missed.
func (s *readStore) of(ctx context.Context, tenant uuid.UUID, f ReadFilter, before *Position, limit int) ([]Read, error) {
	var at *time.Time
	var id *uuid.UUID
	if before != nil {
		at, id = &before.At, &before.ID
	}
	db := s.db.Tenant(tenant)
	if !pg.SightIn(ctx).All() {
		// Who may not see a contact may not see who looked at it.
		if seen, err := s.sees(ctx, tenant, *f.Contact); err != nil || !seen {
			return nil, err
		}
	}
	found, err := s.q.ListUnfoldedReadsOf(ctx, db, auditdb.ListUnfoldedReadsOfParams{
		TenantID: tenant, SubjectID: *f.Contact, ActorID: f.Actor, Operation: f.Operation, Since: f.Since, Until: f.Until, BeforeAt: at, BeforeID: id, PageSize: int32(limit),
	})
	if err != nil {
		return nil, err
	}
	folded, err := s.folded(ctx, tenant, f, before)
	if err != nil {
		return nil, err
	}
	for taken := 0; len(folded) > 0 && taken < limit; {
		n := min(len(folded), max(limit, 100))
		these := make([]uuid.UUID, n)
		for i, e := range folded[:n] {
			these[i] = e.read
		}
		rows, err := s.q.ListReadsByID(ctx, db, tenant, these)
		if err != nil {
			return nil, err
		}
		folded = folded[n:]
		for _, r := range rows {
			if (f.Actor == nil || r.ActorID == *f.Actor) && (f.Operation == nil || r.Operation == *f.Operation) {
				found, taken = append(found, r), taken+1
			}
		}
	}
	slices.SortFunc(found, func(a, b Read) int {
		return cmp.Or(b.OccurredAt.Compare(a.OccurredAt), bytes.Compare(b.ID[:], a.ID[:]))
	})
	found = slices.CompactFunc(found, func(a, b Read) bool { return a.ID == b.ID })
	return found[:min(limit, len(found))], nil
}

type indexed struct {
	at   int64
	read uuid.UUID
}

// folded are the index's entries for a contact, newest first.
func (s *readStore) folded(ctx context.Context, tenant uuid.UUID, f ReadFilter, before *Position) ([]indexed, error) {
	rows, err := s.q.ListIndex(pg.WithSight(ctx, pg.Everything()), s.db.Tenant(tenant), tenant, bucketOf(f.Contact[:]))
	if err != nil {
		return nil, err
	}
	var out []indexed
	for _, b := range rows {
		for ; len(b) >= indexSize; b = b[indexSize:] {
			if !bytes.Equal(b[:16], f.Contact[:]) {
				continue
			}
			e := indexed{at: int64(binary.BigEndian.Uint64(b[16:])), read: uuid.UUID(b[24:indexSize])}
			switch {
			case f.Since != nil && e.at < f.Since.UnixMicro(), f.Until != nil && e.at >= f.Until.UnixMicro():
			case before != nil && (e.at > before.At.UnixMicro() || e.at == before.At.UnixMicro() && bytes.Compare(e.read[:], before.ID[:]) >= 0):
			default:
				out = append(out, e)
			}
		}
	}
	slices.SortFunc(out, func(a, b indexed) int { return cmp.Or(cmp.Compare(b.at, a.at), bytes.Compare(b.read[:], a.read[:])) })
	return slices.Compact(out), nil
}
