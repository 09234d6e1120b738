package indicators

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/web"
)

// EraseTx removes what was counted of erased contacts (GDPR art. 17). It comes
// after their sales are nobody's, or they would be counted again. Notes that they
// are to be counted stay: whoever is counting them at this moment, from sales that
// were still theirs, counts them once more, and finds nothing.
func (s *Service) EraseTx(ctx context.Context, tx pgx.Tx, contacts []uuid.UUID) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	return s.q.DropFigures(ctx, tx, actor.Tenant, contacts)
}
