package ticketing

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Order is an order with all its parts, as of one instant.
type Order struct {
	ticketingdb.TicketingOrder
	Lines     []ticketingdb.TicketingLine
	Fees      []ticketingdb.TicketingFee
	Payments  []ticketingdb.TicketingPayment
	Movements []ticketingdb.TicketingMovement
	// Replacements are the tickets that stand in for those of the order.
	Replacements []ticketingdb.FindReplacementsRow
}

func (o *Order) replacedBy(ticket string) *string {
	for _, r := range o.Replacements {
		if r.Replaces == ticket {
			return &r.ExternalID
		}
	}
	return nil
}

// OrderFilter narrows a list of orders.
type OrderFilter struct {
	ContactID, PerformanceID        *uuid.UUID
	Source                          *string
	CommercialStates, PaymentStates []string
	VoucherCode, Campaign           *string
	PlacedFrom, PlacedBefore        *time.Time
	Test                            bool
}

// OrderPosition is where a walk through the orders stands.
type OrderPosition struct {
	PlacedAt *time.Time `json:"p"`
	ID       uuid.UUID  `json:"i"`
}

// scope is what of a tenant the actor sees: one source, or all (nil). A source
// asked for that is not there or not visible gives an empty scope.
func (s *Service) scope(ctx context.Context, wanted *string) (actor web.Actor, source *uuid.UUID, err error) {
	if actor, err = web.ActorFrom(ctx); err != nil {
		return actor, nil, err
	}
	return s.scopeIn(ctx, s.db.Tenant(actor.Tenant), wanted)
}

func (s *Service) scopeIn(ctx context.Context, db ticketingdb.DBTX, wanted *string) (actor web.Actor, source *uuid.UUID, err error) {
	if actor, err = web.ActorFrom(ctx); err != nil {
		return actor, nil, err
	}
	reference := or(wanted, "")
	if only := bound(actor); only != "" && reference == "" {
		reference = only
	}
	if reference == "" {
		return actor, nil, nil
	}
	found, err := s.sourceIn(ctx, db, reference)
	if f, ok := fault.As(pg.Translate(err)); ok && f.Kind == fault.Missing {
		return actor, new(uuid.UUID), nil
	}
	return actor, &found.ID, err
}

// visible refuses what belongs to a source that the actor is not bound to.
func (s *Service) visible(ctx context.Context, sourceID uuid.UUID) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	return s.visibleIn(ctx, s.db.Tenant(actor.Tenant), sourceID)
}

func (s *Service) visibleIn(ctx context.Context, db ticketingdb.DBTX, sourceID uuid.UUID) error {
	_, only, err := s.scopeIn(ctx, db, nil)
	if err != nil {
		return err
	}
	if only != nil && *only != sourceID {
		return fault.NotFound()
	}
	return nil
}

// ListOrders returns at most limit orders after a position, the latest first.
func (s *Service) ListOrders(ctx context.Context, f OrderFilter, after *OrderPosition, limit int) ([]ticketingdb.TicketingOrder, error) {
	actor, source, err := s.scope(ctx, f.Source)
	if err != nil {
		return nil, err
	}
	p := ticketingdb.ListOrdersParams{
		TenantID: actor.Tenant, ContactID: f.ContactID, SourceID: source, PerformanceID: f.PerformanceID, Test: f.Test, CommercialStates: append([]string{}, f.CommercialStates...),
		PaymentStates: append([]string{}, f.PaymentStates...), PlacedFrom: f.PlacedFrom, PlacedBefore: f.PlacedBefore, PageSize: int32(limit),
		VoucherCode: f.VoucherCode, Campaign: f.Campaign,
	}
	if after != nil {
		p.Resumed, p.AfterPlacedAt, p.AfterID = true, after.PlacedAt, after.ID
	}
	rows, err := s.q.ListOrders(ctx, s.db.Tenant(actor.Tenant), p)
	if err != nil {
		return nil, err
	}
	look, err := pg.LookAt(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, buyers(rows))
	rows = slices.DeleteFunc(rows, func(o ticketingdb.TicketingOrder) bool { return !look.Sees(o.ContactID) })
	if err != nil {
		return nil, err
	}
	bought := make([]**uuid.UUID, 0, len(rows))
	for i := range rows {
		bought = append(bought, &rows[i].ContactID)
	}
	if err := s.survivors(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, bought...); err != nil {
		return nil, err
	}
	for _, r := range rows {
		if r.ContactID != nil {
			web.NoteSubjects(ctx, *r.ContactID)
		}
	}
	return rows, nil
}

// ListContactOrders is ListOrders for a contact that must be there.
func (s *Service) ListContactOrders(ctx context.Context, f OrderFilter, after *OrderPosition, limit int) ([]ticketingdb.TicketingOrder, error) {
	if _, err := s.contacts.Get(ctx, *f.ContactID); err != nil {
		return nil, err
	}
	return s.ListOrders(ctx, f, after, limit)
}

// GetOrder reads an order whole.
func (s *Service) GetOrder(ctx context.Context, id uuid.UUID) (Order, error) {
	actor, only, err := s.scope(ctx, nil)
	if err != nil {
		return Order{}, err
	}
	var out Order
	err = pg.Snapshot(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		out, err = s.orderTx(ctx, tx, actor.Tenant, only, id)
		return err
	})
	return out, err
}

// orderWritten reads an order as this request leaves it.
func (s *Service) orderWritten(ctx context.Context, id uuid.UUID) (Order, error) {
	actor, only, err := s.scope(ctx, nil)
	if err != nil {
		return Order{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Order, error) { return s.orderTx(ctx, tx, actor.Tenant, only, id) })
}

func (s *Service) orderTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, only *uuid.UUID, id uuid.UUID) (out Order, err error) {
	if out.TicketingOrder, err = s.q.GetOrder(ctx, tx, tenant, id); err != nil {
		return out, err
	}
	if only != nil && *only != out.SourceID {
		return out, fault.NotFound()
	}
	if out.Lines, err = s.q.ListOrderLines(ctx, tx, tenant, id); err != nil {
		return out, err
	}
	if err := out.limitToSight(ctx, tx); err != nil {
		return out, err
	}
	source, err := s.q.GetSource(ctx, tx, tenant, out.SourceID.String())
	if err != nil {
		return out, err
	}
	if err := s.nameOffers(ctx, tx, &out, source); err != nil {
		return out, err
	}
	if out.Replacements, err = s.q.FindReplacements(ctx, tx, tenant, out.SourceID, web.Map(out.Lines, func(l ticketingdb.TicketingLine) string { return l.ExternalID })); err != nil {
		return out, err
	}
	if out.Fees, err = s.q.FindFees(ctx, tx, tenant, []uuid.UUID{id}); err != nil {
		return out, err
	}
	if out.Payments, err = s.q.FindPayments(ctx, tx, tenant, []uuid.UUID{id}); err != nil {
		return out, err
	}
	if out.Movements, err = s.q.FindMovements(ctx, tx, tenant, id); err != nil {
		return out, err
	}
	people := []**uuid.UUID{&out.ContactID}
	for i := range out.Lines {
		people = append(people, &out.Lines[i].HolderContactID)
	}
	if err := s.survivors(ctx, tx, tenant, people...); err != nil {
		return out, err
	}
	if out.ContactID != nil {
		web.NoteSubjects(ctx, *out.ContactID)
	}
	return out, err
}

func buyers(orders []ticketingdb.TicketingOrder) []uuid.UUID {
	var out []uuid.UUID
	for _, o := range orders {
		if o.ContactID != nil {
			out = append(out, *o.ContactID)
		}
	}
	return out
}

// limitToSight is the program's own look at an order: that of somebody whom the
// reader does not see is not there, nor is a ticket that they hold; and how to
// reach somebody is shown only to who may see it.
func (o *Order) limitToSight(ctx context.Context, tx pgx.Tx) error {
	named := buyers([]ticketingdb.TicketingOrder{o.TicketingOrder})
	for _, l := range o.Lines {
		if l.HolderContactID != nil {
			named = append(named, *l.HolderContactID)
		}
	}
	look, err := pg.LookAt(ctx, tx, o.TenantID, named)
	if err != nil {
		return err
	}
	if !look.Sees(o.ContactID) {
		return fault.NotFound()
	}
	o.Lines = slices.DeleteFunc(o.Lines, func(l ticketingdb.TicketingLine) bool { return !look.Sees(l.HolderContactID) })
	reached := func(contact *uuid.UUID) bool {
		return pg.SightIn(ctx).HoldsAnywhere(pg.SeeContactPoints) && look.May(pg.SeeContactPoints, contact)
	}
	if !reached(o.ContactID) {
		o.Buyer, o.Payer = unreached(ctx, "/buyer", o.Buyer), unreached(ctx, "/payer", o.Payer)
	}
	for i, l := range o.Lines {
		if !reached(l.HolderContactID) {
			o.Lines[i].Holder = unreached(ctx, "/lines/*/holder", l.Holder)
		}
	}
	return nil
}

// unreached takes how to reach a person out of what a sale says of them, and
// declares it.
func unreached(ctx context.Context, at string, person []byte) []byte {
	var members map[string]json.RawMessage
	if len(person) == 0 || json.Unmarshal(person, &members) != nil {
		return person
	}
	for _, name := range []string{"email", "email_verified", "phone", "address"} {
		if _, there := members[name]; there {
			delete(members, name)
			web.NoteMasked(ctx, at+"/"+name)
		}
	}
	out, err := json.Marshal(members)
	if err != nil {
		return nil
	}
	return out
}

// GetProduction reads a production.
func (s *Service) GetProduction(ctx context.Context, id uuid.UUID) (Production, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Production{}, err
	}
	row, err := s.q.GetProduction(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	if err != nil {
		return Production{}, err
	}
	if err := s.visible(ctx, row.SourceID); err != nil {
		return Production{}, err
	}
	return one(s.withProductionTerms(ctx, []ticketingdb.TicketingProduction{row}))
}

// ListProductions returns at most limit productions after an id.
func (s *Service) ListProductions(ctx context.Context, wanted *string, reference *ReferenceQuery, after uuid.UUID, limit int) ([]Production, error) {
	actor, source, err := s.scope(ctx, wanted)
	if err != nil {
		return nil, err
	}
	p := ticketingdb.ListProductionsParams{TenantID: actor.Tenant, SourceID: source, AfterID: after, PageSize: int32(limit)}
	var rows []ticketingdb.TicketingProduction
	if reference == nil {
		rows, err = s.q.ListProductions(ctx, s.db.Tenant(actor.Tenant), p)
	} else {
		rows, err = s.q.ListProductionsByReference(ctx, s.db.Tenant(actor.Tenant), ticketingdb.ListProductionsByReferenceParams{TenantID: p.TenantID, Scheme: reference.Scheme, Identifier: reference.ID,
			SourceID: p.SourceID, AfterID: p.AfterID, PageSize: p.PageSize})
	}
	if err != nil {
		return nil, err
	}
	return s.withProductionTerms(ctx, rows)
}

// GetPriceType reads a price type.
func (s *Service) GetPriceType(ctx context.Context, id uuid.UUID) (PriceType, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return PriceType{}, err
	}
	row, err := s.q.GetPriceType(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	if err != nil {
		return PriceType{}, err
	}
	if err := s.visible(ctx, row.SourceID); err != nil {
		return PriceType{}, err
	}
	return one(s.withPriceTypeTerms(ctx, []ticketingdb.TicketingPriceType{row}))
}

// ListPriceTypes returns at most limit price types after an id.
func (s *Service) ListPriceTypes(ctx context.Context, wanted *string, after uuid.UUID, limit int) ([]PriceType, error) {
	actor, source, err := s.scope(ctx, wanted)
	if err != nil {
		return nil, err
	}
	rows, err := s.q.ListPriceTypes(ctx, s.db.Tenant(actor.Tenant), ticketingdb.ListPriceTypesParams{TenantID: actor.Tenant, SourceID: source, AfterID: after, PageSize: int32(limit)})
	if err != nil {
		return nil, err
	}
	return s.withPriceTypeTerms(ctx, rows)
}

// GetPerformance reads a performance.
func (s *Service) GetPerformance(ctx context.Context, id uuid.UUID) (Performance, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Performance{}, err
	}
	row, err := s.q.GetPerformance(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	if err != nil {
		return Performance{}, err
	}
	if err := s.visible(ctx, row.SourceID); err != nil {
		return Performance{}, err
	}
	return one(s.withPerformanceTerms(ctx, []ticketingdb.TicketingPerformance{row}))
}

// PerformanceFilter narrows a list of performances.
type PerformanceFilter struct {
	Source                   *string
	ProductionID             *uuid.UUID
	StartsFrom, StartsBefore *time.Time
	Reference                *ReferenceQuery
}

// PerformancePosition is where a walk through the performances stands.
type PerformancePosition struct {
	StartsAt *time.Time `json:"s"`
	ID       uuid.UUID  `json:"i"`
}

// ListPerformances returns at most limit performances after a position, the
// earliest first and the undated last.
func (s *Service) ListPerformances(ctx context.Context, f PerformanceFilter, after *PerformancePosition, limit int) ([]Performance, error) {
	actor, source, err := s.scope(ctx, f.Source)
	if err != nil {
		return nil, err
	}
	p := ticketingdb.ListPerformancesParams{TenantID: actor.Tenant, SourceID: source, ProductionID: f.ProductionID, StartsFrom: f.StartsFrom, StartsBefore: f.StartsBefore, PageSize: int32(limit)}
	if after != nil {
		p.Resumed, p.AfterStartsAt, p.AfterID = true, after.StartsAt, after.ID
	}
	var rows []ticketingdb.TicketingPerformance
	if r := f.Reference; r == nil {
		rows, err = s.q.ListPerformances(ctx, s.db.Tenant(actor.Tenant), p)
	} else {
		rows, err = s.q.ListPerformancesByReference(ctx, s.db.Tenant(actor.Tenant), ticketingdb.ListPerformancesByReferenceParams{TenantID: p.TenantID, Scheme: r.Scheme, Identifier: r.ID, SourceID: p.SourceID,
			ProductionID: p.ProductionID, StartsFrom: p.StartsFrom, StartsBefore: p.StartsBefore, AfterStartsAt: p.AfterStartsAt, Resumed: p.Resumed, AfterID: p.AfterID, PageSize: p.PageSize})
	}
	if err != nil {
		return nil, err
	}
	return s.withPerformanceTerms(ctx, rows)
}
