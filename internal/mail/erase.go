package mail

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/web"
)

// EraseTx empties every mail to one of these addresses, however it is spelt in
// the list, as part of tx, and returns how many it were (GDPR art. 17). What
// waits to be sent is not sent.
func (s *Service) EraseTx(ctx context.Context, tx pgx.Tx, addresses []string) (int64, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil || len(addresses) == 0 {
		return 0, err
	}
	return s.q.EraseMails(ctx, tx, actor.Tenant, addresses)
}
