package audit

import (
	"context"
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
	Since, Until *time.Time
}

// Position is where a walk through the reads stands.
type Position struct {
	At time.Time `json:"t"`
	ID uuid.UUID `json:"i"`
}

// Reads returns at most limit reads before a position, newest first.
func (s *Service) Reads(ctx context.Context, tenant uuid.UUID, f ReadFilter, before *Position, limit int) ([]Read, error) {
	var at *time.Time
	var id *uuid.UUID
	if before != nil {
		at, id = &before.At, &before.ID
	}
	db := s.reads.db.Tenant(tenant)
	if f.Contact != nil {
		return s.reads.q.ListReadsOf(ctx, db, auditdb.ListReadsOfParams{
			TenantID: tenant, SubjectID: *f.Contact, ActorID: f.Actor, Since: f.Since, Until: f.Until, BeforeAt: at, BeforeID: id, PageSize: int32(limit),
		})
	}
	return s.reads.q.ListReads(ctx, db, auditdb.ListReadsParams{
		TenantID: tenant, ActorID: f.Actor, Since: f.Since, Until: f.Until, BeforeAt: at, BeforeID: id, PageSize: int32(limit),
	})
}
