package indicators

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/money"
	"github.com/parvis-crm/parvis/internal/web"
)

// Bound is one filter: a figure that is at least, at most or below a value.
type Bound struct {
	Figure string
	Op     string // >=, <=, <
	Value  any    // time.Time, int32, or int64 in minor units
}

// Query asks for contacts by their figures. All that is set must hold.
type Query struct {
	Bounds             []Bound
	Currency           string
	Discipline, Season *string
	Sort               string // [-] and the name of a figure; empty: the first one asked for
}

// Place is where a walk through a list of contacts stands.
type Place struct {
	Number int64     `json:"n,omitempty"`
	Time   time.Time `json:"t,omitzero"`
	ID     uuid.UUID `json:"i"`
}

// columns are the figures by which contacts are found and sorted: each leads an
// index, which is walked in its order whatever else is asked.
func columns() map[string]string {
	return map[string]string{
		"orders": "i.orders", "orders_last_year": "i.orders_last_year", "tickets": "i.tickets", "visits": "i.visits", "missed_visits": "i.missed_visits", "subscriptions": "i.subscriptions",
		"last_order_at": "i.last_order_at", "first_visit_at": "i.first_visit_at", "last_visit_at": "i.last_visit_at",
		"net": "n.net_minor", "net_last_year": "n.net_last_year_minor",
	}
}

func amount(figure string) bool { return figure == "net" || figure == "net_last_year" }

// sorted is the figure of the order, and whether the walk is downwards; empty
// where it goes by the contacts' ids.
func (q Query) sorted() (string, bool) {
	name, down := strings.CutPrefix(q.Sort, "-")
	if name == "" && len(q.Bounds) > 0 {
		name = q.Bounds[0].Figure
	}
	return name, down
}

// Place of a contact in the order of the query.
func (q Query) Place(i Indicators) Place {
	p := Place{ID: i.ContactID}
	figure, _ := q.sorted()
	switch figure {
	case "last_order_at":
		p.Time = *i.LastOrderAt
	case "first_visit_at":
		p.Time = *i.FirstVisitAt
	case "last_visit_at":
		p.Time = *i.LastVisitAt
	case "net":
		p.Number = i.Net[q.Currency]
	case "net_last_year":
		p.Number = i.NetLastYear[q.Currency]
	case "":
	default:
		p.Number = int64(map[string]int32{"orders": i.Orders, "orders_last_year": i.OrdersLastYear, "tickets": i.Tickets, "visits": i.Visits, "missed_visits": i.Missed, "subscriptions": i.Subscriptions}[figure])
	}
	return p
}

func (p Place) value(figure string) any {
	if strings.HasSuffix(figure, "_at") {
		return p.Time
	}
	return p.Number
}

// List returns at most limit contacts after a place, as they were last counted.
// Whoever may not read amounts finds nobody by them.
func (s *Service) List(ctx context.Context, q Query, after *Place, limit int) ([]Indicators, error) {
	if err := ofAllSources(ctx); err != nil {
		return nil, err
	}
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	figure, down := q.sorted()
	ofAmounts := amount(figure)
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	where := []string{"i.tenant_id = " + arg(actor.Tenant), "c.merged_into IS NULL", "c.archived_at IS NULL"} // $1 is the tenant
	if seen := actor.Sight.Condition("c", arg); seen != "" {
		where = append(where, seen)
	}
	for _, b := range q.Bounds {
		ofAmounts = ofAmounts || amount(b.Figure)
		where = append(where, columns()[b.Figure]+" "+b.Op+" "+arg(b.Value))
	}
	if q.Discipline != nil {
		where = append(where, "i.figures -> 'disciplines' ? "+arg(*q.Discipline))
	}
	if q.Season != nil {
		where = append(where, "i.figures -> 'seasons' ? "+arg(*q.Season))
	}
	from, id := "contact_indicators i", "i.contact_id"
	if ofAmounts {
		if !actor.Reads("financial") {
			return nil, nil
		}
		from, id = "contact_indicator_nets n JOIN contact_indicators i ON i.tenant_id = n.tenant_id AND i.contact_id = n.contact_id", "n.contact_id"
		where = append(where, "n.tenant_id = $1 AND n.currency = "+arg(q.Currency))
	}
	if ofAmounts && !amount(figure) {
		id = "i.contact_id"
	}
	order, direction, comparison := id, "ASC", ">"
	if down {
		direction, comparison = "DESC", "<"
	}
	place := func(p *Place) string { return id + " " + comparison + " " + arg(p.ID) }
	if figure != "" {
		column := columns()[figure]
		where = append(where, column+" IS NOT NULL")
		order = column + " " + direction + ", " + id
		place = func(p *Place) string {
			return fmt.Sprintf("(%s, %s) %s (%s, %s)", column, id, comparison, arg(p.value(figure)), arg(p.ID))
		}
	}
	if after != nil {
		where = append(where, place(after))
	}
	rows, err := s.db.Tenant(actor.Tenant).Query(ctx, "SELECT i.contact_id, i.figures, i.counted_at FROM "+from+
		" JOIN contacts c ON c.tenant_id = i.tenant_id AND c.id = i.contact_id WHERE "+strings.Join(where, " AND ")+
		" ORDER BY "+order+" "+direction+" LIMIT "+strconv.Itoa(limit), args...)
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Indicators, error) {
		i := Indicators{AsOf: now}
		var raw []byte
		if err := row.Scan(&i.ContactID, &raw, &i.CountedAt); err != nil {
			return i, err
		}
		return i, json.Unmarshal(raw, &i.Figures)
	})
	for _, i := range out {
		web.NoteSubjects(ctx, i.ContactID)
	}
	return out, err
}

// minor reads an amount of a filter.
func minor(parameter, text, currency string) (int64, error) {
	a, err := money.Parse(text, currency)
	if err != nil {
		return 0, fault.Invalid().AtParameter(parameter, "amount")
	}
	return a.Minor, nil
}
