package ticketing

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// mostEntitlements bounds how many memberships, and how many gift cards, are
// told of one contact.
const mostEntitlements = 200

// Entitlements are what a contact may use at an instant.
type Entitlements struct {
	AsOf        time.Time
	Memberships []Entitlement
	GiftCards   []ticketingdb.TicketingGiftCard
}

// Entitlement is a membership that is valid, with what its product gives.
type Entitlement struct {
	Membership
	Name      []byte // by language, as JSON; of the product
	Benefits  []string
	Remaining *int32 // uses; nil where they are not limited
}

// Entitlements reads what a contact may use as of an instant, now when it is
// nil: what runs, or is within its days of grace, and cards that hold something.
func (s *Service) Entitlements(ctx context.Context, contact uuid.UUID, asOf *time.Time) (Entitlements, error) {
	actor, source, err := s.scope(ctx, nil)
	if err != nil {
		return Entitlements{}, err
	}
	out := Entitlements{AsOf: or(micro(asOf), s.clock.Now())}
	held, err := s.ListContactMemberships(ctx, MembershipFilter{ContactID: &contact, Statuses: []string{"active", "grace"}, AsOf: &out.AsOf}, nil, mostEntitlements)
	if err != nil {
		return out, err
	}
	db := s.db.Tenant(actor.Tenant)
	products := map[uuid.UUID]ticketingdb.TicketingProduct{}
	var named []uuid.UUID
	for _, m := range held {
		if m.ProductID != nil {
			named = append(named, *m.ProductID)
		}
	}
	if len(named) > 0 {
		rows, err := s.q.FindProducts(ctx, db, actor.Tenant, named)
		if err != nil {
			return out, err
		}
		for _, p := range rows {
			products[p.ID] = p
		}
	}
	for _, m := range held {
		out.Memberships = append(out.Memberships, entitlementOf(m, products[or(m.ProductID, uuid.Nil)]))
	}
	cards, err := s.q.ListSpendableGiftCards(ctx, db, ticketingdb.ListSpendableGiftCardsParams{
		TenantID: actor.Tenant, ContactID: contact, AsOf: out.AsOf, SourceID: source, PageSize: mostEntitlements,
	})
	if err != nil {
		return out, err
	}
	look, err := s.lookAt(ctx, actor, web.Map(cards, func(g ticketingdb.TicketingGiftCard) *uuid.UUID { return g.ContactID })...)
	if err != nil {
		return out, err
	}
	out.GiftCards = slices.DeleteFunc(cards, func(g ticketingdb.TicketingGiftCard) bool { return !look.Sees(g.ContactID) })
	noted(ctx, &contact)
	return out, nil
}

// entitlementOf adds to a membership what its product says; a membership's own
// limit goes before the product's.
func entitlementOf(m Membership, product ticketingdb.TicketingProduct) Entitlement {
	out := Entitlement{Membership: m, Name: product.Name}
	for _, b := range slices.Concat(product.Benefits, m.Benefits) {
		if !slices.Contains(out.Benefits, b) {
			out.Benefits = append(out.Benefits, b)
		}
	}
	limit := m.UsageLimit
	if limit == nil {
		limit = product.UsageLimit
	}
	if limit != nil {
		out.Remaining = new(max(0, *limit-or(m.Usages, 0)))
	}
	return out
}
