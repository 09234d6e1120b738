package sensitive

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/sensitive/internal/sensitivedb"
)

// ArriveTx brings facts that an archive has loaded, under a key of its own, under
// the keys of their persons here, as part of tx, and returns how many. open opens
// what the archive holds of one.
func (s *Service) ArriveTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, open func(sealed []byte) ([]byte, error)) (int64, error) {
	var n int64
	for after := uuid.Nil; ; {
		rows, err := s.q.ListArrived(ctx, tx, tenant, after, expiredAtOnce)
		if err != nil || len(rows) == 0 {
			return n, err
		}
		for _, row := range rows {
			after = row.ID
			raw, err := open(row.Sealed)
			if err != nil {
				return n, err
			}
			var c Content
			if err := json.Unmarshal(raw, &c); err != nil {
				return n, err
			}
			clear(raw)
			sealed, lookup, err := s.seal(ctx, tx, tenant, row.ContactID, row.ID, c)
			if err != nil {
				return n, err
			}
			if err := s.q.SealArrived(ctx, tx, sensitivedb.SealArrivedParams{TenantID: tenant, ID: row.ID, Sealed: sealed, Lookup: lookup}); err != nil {
				return n, err
			}
			n++
		}
	}
}

// LeaveTx takes away what an archive has loaded and nobody here can open.
func (s *Service) LeaveTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (int64, error) {
	return s.q.DropArrived(ctx, tx, tenant)
}
