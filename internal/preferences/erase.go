package preferences

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/web"
)

// EraseTx removes the links of erased contacts, and requests for one from their
// addresses (GDPR art. 17). It returns how many links there were.
func (s *Service) EraseTx(ctx context.Context, tx pgx.Tx, e contacts.Erasing) (int64, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return 0, err
	}
	hashes := [][]byte{}
	for _, address := range e.Reached(contacts.Email) {
		hashes = append(hashes, s.mac(actor.Tenant.String(), address))
	}
	if _, err := s.q.EraseRequests(ctx, tx, actor.Tenant, hashes); err != nil {
		return 0, err
	}
	return s.q.EraseLinks(ctx, tx, actor.Tenant, e.IDs())
}
