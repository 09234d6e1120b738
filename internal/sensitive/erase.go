package sensitive

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/web"
)

// EraseTx destroys the keys of erased contacts and removes the facts about them,
// as part of tx (GDPR art. 17). It returns how many facts there were. What the
// log and copies of the database have of them is unreadable with the keys gone.
func (s *Service) EraseTx(ctx context.Context, tx pgx.Tx, contacts []uuid.UUID) (int64, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return 0, err
	}
	for _, id := range contacts {
		if _, err := s.vault.DestroySubjectTx(ctx, tx, actor.Tenant, id); err != nil {
			return 0, err
		}
	}
	return s.q.EraseFacts(ctx, tx, actor.Tenant, contacts)
}
