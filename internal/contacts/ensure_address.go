package contacts

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
)

// EnsureAddressTx returns the contact's postal address that leads where n does,
// however it is spelled, adding it when the contact has none. An existing one is
// left as it is. What a rule refuses is at the parts of the address, "#/street".
func (s *Service) EnsureAddressTx(ctx context.Context, tx pgx.Tx, contactID uuid.UUID, n NewAddress) (Address, error) {
	c, err := s.locked(ctx, tx, contactID)
	if err != nil {
		return Address{}, err
	}
	if err := Require(ctx, c, pg.SeeContactPoints); err != nil {
		return Address{}, err
	}
	refused := fault.Invalid()
	a := n.settle("#", s.clock.Now(), refused)
	if err := refused.OrNil(); err != nil {
		return Address{}, err
	}
	have, err := s.q.LockAddresses(ctx, tx, c.TenantID, c.ID)
	if err != nil {
		return Address{}, err
	}
	for _, same := range []func(Address, Address) bool{sameDestination, sameDestinationFolded} {
		if i := slices.IndexFunc(have, func(o Address) bool { return same(o, a) }); i >= 0 {
			return have[i], nil
		}
	}
	return s.addAddress(ctx, tx, c, have, a)
}

// sameDestinationFolded is sameDestination whatever capitals, accents and signs
// the parts are written with: people type their address anew each time.
func sameDestinationFolded(a, b Address) bool {
	same := func(x, y *string) bool {
		return (x == nil) == (y == nil) && (x == nil || *x == *y || Fold(*x) == Fold(*y) && Fold(*x) != "")
	}
	return same(a.Delivery, b.Delivery) && same(a.Building, b.Building) && same(a.Street, b.Street) && same(a.Locality, b.Locality) &&
		same(a.PostalCode, b.PostalCode) && same(a.City, b.City) && a.Country == b.Country
}
