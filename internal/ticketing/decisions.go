package ticketing

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Decision is what somebody decided about whose something is.
type Decision = ticketingdb.TicketingDecision

type decision struct {
	scope, key, action, origin string
	contact                    *uuid.UUID
	order, review, reverts     *uuid.UUID
	reason                     *string
}

// decide writes a decision down. Of two at the same time one is refused.
func (s *Service) decide(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, d decision) (Decision, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Decision{}, err
	}
	out, err := s.q.InsertDecision(ctx, tx, ticketingdb.InsertDecisionParams{
		TenantID: tenant, ID: ids.New(), Scope: d.scope, Key: d.key, Action: d.action, ContactID: d.contact, Origin: d.origin, ReviewID: d.review, OrderID: d.order,
		Reverts: d.reverts, Reason: d.reason, ActorKind: string(actor.Kind), ActorID: actor.ID, DecidedAt: s.clock.Now(),
	})
	if pg.Violated(err, "ticketing_decisions_rank") {
		return out, fault.New(fault.Conflict, "ticketing-decision-superseded")
	}
	return out, err
}

// deciding runs fn as the only writer of a source and attributes anew the orders
// that it names.
func (s *Service) deciding(ctx context.Context, source Source, fn func(ctx context.Context, tx pgx.Tx) ([]uuid.UUID, error)) error {
	return pg.InTx(ctx, s.db, source.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		return pg.AsEverything(ctx, tx, func(ctx context.Context) error {
			if err := s.lock(ctx, tx, source, nil); err != nil {
				return err
			}
			orders, err := fn(ctx, tx)
			if err != nil {
				return err
			}
			return s.attributeAgain(ctx, tx, source, records{orders: orders})
		})
	})
}

// attributeAgain attributes orders and accounts of one source anew, by what is
// decided and known by now, whether or not anything about them changed.
func (s *Service) attributeAgain(ctx context.Context, tx pgx.Tx, source Source, r records) error {
	orders, customers := r.orders, r.customers
	if len(orders)+len(customers)+len(r.guests) == 0 {
		return nil
	}
	u := newUnit(s, tx, source, s.clock.Now())
	u.retried = map[uuid.UUID]bool{}
	if len(customers) > 0 {
		if err := u.loadCatalogue(ctx, map[string][]uuid.UUID{kindCustomer: customers}); err != nil {
			return err
		}
		for id, e := range u.customers {
			e.dirty, u.retried[id] = true, true
		}
		more, err := s.q.FindOrdersOfCustomers(ctx, tx, source.TenantID, customers)
		if err != nil {
			return err
		}
		orders = append(orders, more...)
	}
	if len(orders) > 0 {
		if err := u.loadWhole(ctx, orders); err != nil {
			return err
		}
	}
	for _, o := range u.orders {
		o.retry = true
	}
	if len(r.guests) > 0 {
		if err := u.loadWhole(ctx, r.guests); err != nil {
			return err
		}
		for _, id := range r.guests {
			if o := u.orders[id]; o != nil {
				o.guests = true
			}
		}
	}
	if err := u.attribute(ctx); err != nil {
		return err
	}
	if err := u.attributeHolders(ctx); err != nil {
		return err
	}
	u.settleVersions()
	if err := u.flush(ctx); err != nil {
		return err
	}
	if err := u.settleBelongings(ctx); err != nil {
		return err
	}
	if err := u.recordChanges(ctx); err != nil {
		return err
	}
	if err := u.ask(ctx); err != nil {
		return err
	}
	if err := u.noteAwaited(ctx); err != nil {
		return err
	}
	return u.passConsents(ctx)
}

// RelinkOrder says that an order belongs to another contact, or to nobody.
func (s *Service) RelinkOrder(ctx context.Context, id uuid.UUID, contact *uuid.UUID, reason *string, want *int64) (Order, error) {
	before, source, err := s.attributable(ctx, id, contact, want)
	if err != nil {
		return Order{}, err
	}
	d := decision{scope: scopeOrder, key: id.String(), action: actionNobody, origin: "relink", order: &id, reason: reason}
	if contact != nil {
		d.action, d.contact = actionContact, contact
	}
	err = s.deciding(ctx, source, func(ctx context.Context, tx pgx.Tx) ([]uuid.UUID, error) {
		if err := s.unchanged(ctx, tx, before); err != nil {
			return nil, err
		}
		_, err := s.decide(ctx, tx, source.TenantID, d)
		return []uuid.UUID{id}, err
	})
	if err != nil {
		return Order{}, err
	}
	return s.orderWritten(ctx, id)
}

// RelinkTicket says that a ticket is held by another contact, or by nobody.
func (s *Service) RelinkTicket(ctx context.Context, orderID, ticketID uuid.UUID, contact *uuid.UUID, reason *string, want *int64) (Order, error) {
	before, source, err := s.attributable(ctx, orderID, contact, want)
	if err != nil {
		return Order{}, err
	}
	var holder *uuid.UUID
	there := false
	for _, l := range before.Lines {
		if l.TicketID == ticketID {
			there, holder = true, l.HolderContactID
		}
	}
	if !there {
		return Order{}, fault.NotFound()
	}
	if err := s.mayAttribute(ctx, source.TenantID, holder); err != nil {
		return Order{}, err
	}
	d := decision{scope: scopeTicket, key: ticketID.String(), action: actionNobody, origin: "relink", order: &orderID, reason: reason}
	if contact != nil {
		d.action, d.contact = actionContact, contact
	}
	err = s.deciding(ctx, source, func(ctx context.Context, tx pgx.Tx) ([]uuid.UUID, error) {
		if err := s.unchanged(ctx, tx, before); err != nil {
			return nil, err
		}
		_, err := s.decide(ctx, tx, source.TenantID, d)
		return []uuid.UUID{orderID}, err
	})
	if err != nil {
		return Order{}, err
	}
	return s.orderWritten(ctx, orderID)
}

// attributable is an order that the actor sees, of whom it may be taken and to
// whom it may be given.
func (s *Service) attributable(ctx context.Context, id uuid.UUID, contact *uuid.UUID, want *int64) (Order, Source, error) {
	before, err := s.orderWritten(ctx, id)
	if err != nil {
		return before, Source{}, err
	}
	if err := web.CheckVersion(want, before.Version); err != nil {
		return before, Source{}, err
	}
	if before.Test {
		return before, Source{}, fault.New(fault.Refused, "ticketing-test-order")
	}
	if err := s.mayAttribute(ctx, before.TenantID, before.ContactID); err != nil {
		return before, Source{}, err
	}
	give := s.mayGive
	if sameID(before.ContactID, contact) {
		give = s.mayAttribute // that it stays with whom it is
	}
	if err := give(ctx, before.TenantID, contact); err != nil {
		return before, Source{}, err
	}
	source, err := s.GetSource(ctx, before.SourceID.String())
	return before, source, err
}

// unchanged refuses where an order became another's between the look and the
// lock.
func (s *Service) unchanged(ctx context.Context, tx pgx.Tx, before Order) error {
	now, err := s.q.GetOrder(ctx, tx, before.TenantID, before.ID)
	if err != nil {
		return err
	}
	if now.Version != before.Version {
		return web.CheckVersion(&before.Version, now.Version)
	}
	return nil
}

// ListDecisions returns at most limit decisions before an id, the latest first.
func (s *Service) ListDecisions(ctx context.Context, order, before *uuid.UUID, limit int) ([]Decision, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	if err := wholeInstitution(actor); err != nil {
		return nil, err
	}
	rows, err := s.q.ListDecisions(ctx, s.db.Tenant(actor.Tenant), ticketingdb.ListDecisionsParams{
		TenantID: actor.Tenant, OrderID: order, Resumed: before != nil, BeforeID: or(before, uuid.Nil), PageSize: int32(limit),
	})
	if err != nil {
		return nil, err
	}
	return seenOf(ctx, s, actor.Tenant, rows, func(d Decision) []*uuid.UUID { return []*uuid.UUID{d.ContactID} })
}

// wholeInstitution refuses a key that is bound to one source: who somebody is
// concerns every source.
func wholeInstitution(actor web.Actor) error {
	if actor.Source != "" {
		return fault.NotFound()
	}
	return nil
}

// seenOf leaves out rows about contacts that the actor does not see, and notes
// whom the others are about.
func seenOf[T any](ctx context.Context, s *Service, tenant uuid.UUID, rows []T, about func(T) []*uuid.UUID) ([]T, error) {
	var named []uuid.UUID
	for _, r := range rows {
		for _, c := range about(r) {
			if c != nil {
				named = append(named, *c)
			}
		}
	}
	look, err := pg.LookAt(ctx, s.db.Tenant(tenant), tenant, named)
	if err != nil {
		return nil, err
	}
	out := rows[:0]
	for _, r := range rows {
		all := true
		for _, c := range about(r) {
			all = all && look.Sees(c)
		}
		if !all {
			continue
		}
		for _, c := range about(r) {
			if c != nil {
				web.NoteSubjects(ctx, *c)
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// RevertDecision takes a decision back: what was decided before it stands again,
// or what the rules say. Only the last decision about something can be taken
// back; taking back what took one back is possible too.
func (s *Service) RevertDecision(ctx context.Context, id uuid.UUID, reason *string) (Decision, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Decision{}, err
	}
	if err := wholeInstitution(actor); err != nil {
		return Decision{}, err
	}
	d, err := s.q.GetDecision(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	if err != nil {
		return Decision{}, err
	}
	if rows, err := seenOf(ctx, s, actor.Tenant, []Decision{d}, func(d Decision) []*uuid.UUID { return []*uuid.UUID{d.ContactID} }); err != nil || len(rows) == 0 {
		return Decision{}, orMissing(err)
	}
	before, err := s.q.FindDecisionBefore(ctx, s.db.Tenant(actor.Tenant), ticketingdb.FindDecisionBeforeParams{TenantID: actor.Tenant, Scope: d.Scope, Key: d.Key, Rank: d.Rank})
	if err != nil && !pg.IsNoRows(err) {
		return Decision{}, err
	}
	next := decision{scope: d.Scope, key: d.Key, action: actionRules, origin: "revert", order: d.OrderID, review: d.ReviewID, reverts: &d.ID, reason: reason}
	if err == nil {
		next.action, next.contact = before.Action, before.ContactID
	}
	for _, c := range []*uuid.UUID{d.ContactID, next.contact} {
		if err := s.mayAttribute(ctx, actor.Tenant, c); err != nil {
			return Decision{}, err
		}
	}
	var out Decision
	return out, s.redeciding(ctx, actor.Tenant, d, func(ctx context.Context, tx pgx.Tx) (Decision, error) {
		standing, err := s.q.FindDecisions(ctx, tx, []string{d.Scope}, []string{d.Key}, actor.Tenant)
		if err != nil {
			return out, err
		}
		if len(standing) != 1 || standing[0].ID != d.ID {
			return out, fault.New(fault.Conflict, "ticketing-decision-superseded")
		}
		out, err = s.decide(ctx, tx, actor.Tenant, next)
		if err != nil || d.ReviewID == nil {
			return out, err
		}
		return out, s.reopen(ctx, tx, actor.Tenant, *d.ReviewID, out)
	})
}

func orMissing(err error) error {
	if err != nil {
		return err
	}
	return fault.NotFound()
}

// redeciding runs fn, which replaces decision d, and attributes anew whatever d
// was about.
func (s *Service) redeciding(ctx context.Context, tenant uuid.UUID, d Decision, fn func(ctx context.Context, tx pgx.Tx) (Decision, error)) error {
	return pg.InTx(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		return pg.AsEverything(ctx, tx, func(ctx context.Context) error {
			affected, err := s.touchedBy(ctx, tx, tenant, d)
			if err != nil {
				return err
			}
			if err := s.lockSources(ctx, tx, tenant, affected); err != nil {
				return err
			}
			if _, err := fn(ctx, tx); err != nil {
				return err
			}
			return s.attributeTouched(ctx, tx, affected)
		})
	})
}

// Explain reads an order with the evidence of its attribution, and the review
// that waits for an answer about its buyer.
func (s *Service) Explain(ctx context.Context, id uuid.UUID) (Order, *uuid.UUID, error) {
	o, err := s.GetOrder(ctx, id)
	if err != nil || or(o.MatchRule, "") != "review" || o.MatchInputs == nil {
		return o, nil, err
	}
	r, err := s.q.GetReviewByInputs(ctx, s.db.Tenant(o.TenantID), o.TenantID, *o.MatchInputs)
	if pg.IsNoRows(err) {
		return o, nil, nil
	}
	return o, &r.ID, err
}
