package ticketing

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// affected are orders and accounts that a decision is about, by their source.
type affected map[uuid.UUID]*records

// records are those of one source. guests are orders that stay whose they are,
// and of which only the tickets of unknown holders are looked at.
type records struct{ orders, customers, guests []uuid.UUID }

func (t affected) at(source uuid.UUID) *records {
	if t[source] == nil {
		t[source] = &records{}
	}
	return t[source]
}

func (t affected) sources() []uuid.UUID {
	out := make([]uuid.UUID, 0, len(t))
	for id := range t {
		out = append(out, id)
	}
	slices.SortFunc(out, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return out
}

// touchedBy finds what a decision is about.
func (s *Service) touchedBy(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, d Decision) (affected, error) {
	t := affected{}
	if d.Scope == scopeInputs {
		rows, err := s.q.FindOrdersDecided(ctx, tx, tenant, &d.Key, d.ContactID)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			t.at(r.SourceID).orders = append(t.at(r.SourceID).orders, r.ID)
		}
		customers, err := s.q.FindCustomersDecided(ctx, tx, tenant, &d.Key, d.ContactID)
		if err != nil {
			return nil, err
		}
		for _, r := range customers {
			t.at(r.SourceID).customers = append(t.at(r.SourceID).customers, r.ID)
		}
		return t, s.waiting(ctx, tx, tenant, d.Key, t)
	}
	id, err := uuid.Parse(d.Key)
	if err != nil {
		return nil, err
	}
	orders := []uuid.UUID{id}
	if d.Scope == scopeTicket {
		if orders, err = s.q.FindOrdersAround(ctx, tx, tenant, orders); err != nil {
			return nil, err
		}
	}
	rows, err := s.q.FindOrders(ctx, tx, tenant, orders)
	for _, r := range rows {
		t.at(r.SourceID).orders = append(t.at(r.SourceID).orders, r.ID)
	}
	return t, err
}

// waiting adds the orders and accounts of a description that wait for somebody
// to say who it is.
func (s *Service) waiting(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, inputs string, t affected) error {
	rows, err := s.q.FindWaitingOrders(ctx, tx, tenant, &inputs)
	if err != nil {
		return err
	}
	for _, r := range rows {
		t.at(r.SourceID).orders = append(t.at(r.SourceID).orders, r.ID)
	}
	customers, err := s.q.FindWaitingCustomers(ctx, tx, tenant, &inputs)
	for _, r := range customers {
		t.at(r.SourceID).customers = append(t.at(r.SourceID).customers, r.ID)
	}
	return err
}

// lockSources makes this transaction the only writer of these sources, in the
// order of their ids.
func (s *Service) lockSources(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, t affected) error {
	numbers := make([]int64, 0, len(t))
	for _, id := range t.sources() {
		numbers = append(numbers, number(tenant.String(), "source", id.String()))
	}
	if len(numbers) == 0 {
		return nil
	}
	slices.Sort(numbers)
	return s.q.LockNames(ctx, tx, numbers)
}

// attributeTouched attributes anew what was affected.
func (s *Service) attributeTouched(ctx context.Context, tx pgx.Tx, t affected) error {
	for _, id := range t.sources() {
		source, err := s.sourceIn(ctx, tx, id.String())
		if err != nil {
			return err
		}
		if err := s.attributeAgain(ctx, tx, source, *t[id]); err != nil {
			return err
		}
	}
	return nil
}
