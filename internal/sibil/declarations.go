package sibil

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/sibil/internal/sibildb"
)

// Anomaly is something that is wrong with a declaration, or worth knowing.
type Anomaly struct {
	Code     string
	Blocking bool
	Fields   []string // what is missing
	Count    int64    // tickets concerned
}

// Declaration is one performance's statement with what is wrong with it.
type Declaration struct {
	sibildb.ListStatementsRow
	Statement    Statement
	Quarter      Quarter
	Title, Label *string
	Venue        Venue
	Anomalies    []Anomaly
	Digest       []byte
	// Status says whether SIBIL has it, and as it is.
	Status string
}

// Blocking is how many anomalies keep it from being sent.
func (d Declaration) Blocking() int {
	n := 0
	for _, a := range d.Anomalies {
		if a.Blocking {
			n++
		}
	}
	return n
}

// LocalStart is its date and time at its place.
func (d Declaration) LocalStart() time.Time { return d.StartsAt.In(location(d.TimeZone)) }

// Position is where a walk through the declarations of a quarter stands.
type Position struct {
	StartsAt time.Time `json:"s"`
	ID       uuid.UUID `json:"i"`
}

// most is more performances than any institution has in a quarter.
const most = 1 << 30

// List returns at most limit declarations of a quarter after a position, the
// earliest first.
func (s *Service) List(ctx context.Context, quarter string, after *Position, limit int) ([]Declaration, error) {
	actor, err := declarant(ctx)
	if err != nil {
		return nil, err
	}
	q, ok := ParseQuarter(quarter)
	if !ok {
		return nil, fault.NotFound()
	}
	ctx = pg.WithSight(ctx, pg.Everything())
	return s.declarations(ctx, s.DB.Tenant(actor.Tenant), actor.Tenant, q, nil, after, limit)
}

// declarations computes declarations of a quarter, of some performances or of
// all (nil). The context sees everything: figures name nobody.
func (s *Service) declarations(ctx context.Context, db pg.DBTX, tenant uuid.UUID, q Quarter, performances []uuid.UUID, after *Position, limit int) ([]Declaration, error) {
	settings, err := s.settings(ctx, db, tenant)
	if err != nil {
		return nil, err
	}
	// No zone is two days away.
	from, until := q.First().AddDate(0, 0, -2), q.After().AddDate(0, 0, 2)
	p := sibildb.ListStatementsParams{
		TenantID: tenant, FromInstant: &from, UntilInstant: &until, FirstDay: q.First(), AfterDay: q.After(),
		Performances: append([]uuid.UUID{}, performances...), PageSize: int32(limit),
	}
	if after != nil {
		p.AfterStartsAt, p.AfterID = &after.StartsAt, &after.ID
	}
	rows, err := s.q.ListStatements(ctx, db, p)
	if err != nil {
		return nil, err
	}
	out := make([]Declaration, 0, len(rows))
	for _, row := range rows {
		d, err := declare(tenant, q, row, settings)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// declare makes a declaration of what is known of a performance.
func declare(tenant uuid.UUID, q Quarter, row sibildb.ListStatementsRow, settings Settings) (Declaration, error) {
	d := Declaration{ListStatementsRow: row, Quarter: q, Status: "undeclared", Title: named(row.ProductionName), Venue: venueOf(row)}
	if d.Title == nil {
		d.Title = named(row.Name)
	}
	add := func(code string, count int64, fields ...string) {
		d.Anomalies = append(d.Anomalies, Anomaly{Code: code, Blocking: true, Count: count, Fields: fields})
	}
	if d.Title == nil {
		add("title_missing", 0)
	}
	if word := strings.TrimSpace(or(row.Domain)); word == "" {
		add("domain_missing", 0)
	} else if d.Label = settings.label(word); d.Label == nil {
		add("domain_unknown", 0)
	}
	if row.Capacity == nil {
		add("capacity_missing", 0)
	}
	if row.VenueID == nil {
		add("venue_missing", 0)
	} else if missing := d.Venue.missing(); len(missing) > 0 {
		add("venue_incomplete", 0, missing...)
	}
	if row.Unmapped > 0 {
		add("price_type_unmapped", row.Unmapped)
	}
	if row.ForeignCurrency > 0 {
		add("currency_unsupported", row.ForeignCurrency)
	}
	if row.Negative > 0 {
		add("amount_negative", row.Negative)
	}
	if row.Spread != 0 {
		d.Anomalies = append(d.Anomalies, Anomaly{Code: "refunds_spread"})
	}
	d.Statement = Statement{
		Key: Key(tenant, row.ID), StartsAt: row.StartsAt.UTC(), Title: or(d.Title), Domain: or(d.Label), YoungAudience: row.YoungAudience, Capacity: or(row.Capacity), Venue: d.Venue,
		Tickets: row.Tickets, Paid: row.Paid, FullPrice: row.FullPrice, Subscription: row.Subscription, Exempt: row.Tickets - row.Paid,
		Revenue: row.Revenue, Average: average(row.Revenue, row.Paid), FullRevenue: row.FullRevenue, FullAverage: average(row.FullRevenue, row.FullPrice),
		MultipleManagers: settings.MultipleManagers, Registers: settings.Registers,
	}
	var err error
	if d.Digest, err = d.Statement.Digest(); err != nil {
		return d, err
	}
	if row.DeclaredAt != nil {
		d.Status = "changed"
		if bytes.Equal(row.Digest, d.Digest) {
			d.Status = "declared"
		}
	}
	return d, nil
}

// label is what SIBIL calls a domain; nil where the institution has named its
// domains and this is none of them.
func (s Settings) label(word string) *string {
	if len(s.Labels) == 0 {
		return &word
	}
	if label, ok := s.Labels[word]; ok {
		return &label
	}
	if slices.Contains(slices.Collect(maps.Values(s.Labels)), word) {
		return &word
	}
	return nil
}

// venueOf is where a performance takes place: a hall without an address of its
// own is at that of the place it belongs to.
func venueOf(row sibildb.ListStatementsRow) Venue {
	name := named(row.VenueName)
	if name == nil {
		name = named(row.PlaceName)
	}
	v := Venue{Name: or(name), Street: or(row.Street), PostalCode: or(row.PostalCode), City: or(row.City), Type: or(row.VenueType), SIRET: or(row.Siret)}
	if v.Street+v.PostalCode+v.City == "" {
		v.Street, v.PostalCode, v.City = or(row.PlaceStreet), or(row.PlacePostalCode), or(row.PlaceCity)
	}
	return v
}

// missing are the members that SIBIL asks for.
func (v Venue) missing() []string {
	var out []string
	for _, field := range []struct{ name, value string }{{"name", v.Name}, {"street", v.Street}, {"postal_code", v.PostalCode}, {"city", v.City}, {"sibil_type", v.Type}} {
		if strings.TrimSpace(field.value) == "" {
			out = append(out, field.name)
		}
	}
	return out
}

// named is a name in several languages as the State reads it: in French, else in
// the first language there is.
func named(raw json.RawMessage) *string {
	var names map[string]string
	if raw == nil || json.Unmarshal(raw, &names) != nil {
		return nil
	}
	for _, language := range append([]string{"fr"}, slices.Sorted(maps.Keys(names))...) {
		if text := strings.TrimSpace(names[language]); text != "" {
			return &text
		}
	}
	return nil
}

func or[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
