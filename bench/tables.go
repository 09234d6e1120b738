package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/parvis-crm/parvis/bench/internal/dataset"
	"github.com/parvis-crm/parvis/internal/consents"
	"github.com/parvis-crm/parvis/internal/contacts"
)

// table is how a table is filled: rows gives those of one contact, order or
// institution, whatever the table is counted by.
type table struct {
	name    string
	columns []string
	size    func(people int) int // how many there are of what it is counted by; nil: people
	rows    func(i, people int) ([][]any, error)
}

const (
	// source is the system that every contact of the data set is known to.
	source = "ticketing:bench"
	// vendor is the code of that system.
	vendor = "bench"
)

func institutions(int) int { return dataset.Tenants }

func everyOrder(people int) int { return people * dataset.OrdersPerContact }

// one gives each contact a row, or none.
func one(row func(p dataset.Person) []any) func(i, people int) ([][]any, error) {
	return func(i, _ int) ([][]any, error) {
		if r := row(dataset.At(i)); r != nil {
			return [][]any{r}, nil
		}
		return nil, nil
	}
}

// counted gives each institution n rows.
func counted(n int, row func(tenant, k int) []any) func(i, people int) ([][]any, error) {
	return func(i, _ int) ([][]any, error) {
		rows := make([][]any, n)
		for k := range rows {
			rows[k] = row(i, k)
		}
		return rows, nil
	}
}

func tables() []table { return append(registerTables(), ticketingTables()...) }

// registerTables are contacts and what belongs to them.
func registerTables() []table {
	point := []string{"tenant_id", "id", "contact_id", "kind", "label", "value", "normalized", "is_primary", "created_at", "updated_at"}
	return []table{
		{"contacts", []string{"tenant_id", "id", "kind", "given_name", "family_name", "particle", "birthdate", "display_name", "sort_name", "source", "created_at", "updated_at",
			"standing_from", "given_purposes", "refused_purposes"}, nil,
			one(func(p dataset.Person) []any {
				d, s := derived(p), standingOf(p)
				return []any{dataset.TenantID(p.Tenant), p.ID(), "person", p.Given, p.Family, orNull(p.Particle), day(p.Birthdate), d.DisplayName, d.SortName, source, p.CreatedAt, p.CreatedAt,
					s.from, s.given, s.refused}
			})},
		{"contact_search", []string{"tenant_id", "contact_id", "words", "name_keys"}, nil,
			one(func(p dataset.Person) []any {
				d := derived(p)
				return []any{dataset.TenantID(p.Tenant), p.ID(), d.Words, d.NameKeys}
			})},
		{"contact_points", point, nil,
			one(func(p dataset.Person) []any {
				if p.Email == "" {
					return nil
				}
				return []any{dataset.TenantID(p.Tenant), dataset.PointID(p.Index, 0), p.ID(), "email", "main", p.Email, p.Email, true, p.CreatedAt, p.CreatedAt}
			})},
		{"contact_points", point, nil,
			one(func(p dataset.Person) []any {
				if p.Phone == "" {
					return nil
				}
				return []any{dataset.TenantID(p.Tenant), dataset.PointID(p.Index, 1), p.ID(), "phone", "mobile", p.Phone, p.Phone, true, p.CreatedAt, p.CreatedAt}
			})},
		{"addresses", []string{"tenant_id", "id", "contact_id", "street", "postal_code", "city", "is_primary", "created_at", "updated_at"}, nil,
			one(func(p dataset.Person) []any {
				if p.Street == "" {
					return nil
				}
				return []any{dataset.TenantID(p.Tenant), dataset.AddressID(p.Index), p.ID(), p.Street, p.PostalCode, p.City, true, p.CreatedAt, p.CreatedAt}
			})},
		{"contact_external_ids", []string{"tenant_id", "source", "external_id", "contact_id", "first_seen_at"}, nil,
			one(func(p dataset.Person) []any {
				return []any{dataset.TenantID(p.Tenant), source, fmt.Sprintf("c%d", p.Index), p.ID(), p.CreatedAt}
			})},
		{"tags", []string{"tenant_id", "id", "name", "folded"}, institutions,
			counted(dataset.Tags, func(t, k int) []any {
				name := fmt.Sprintf("public %d", k)
				return []any{dataset.TenantID(t), dataset.TagID(t, k), name, name}
			})},
		{"contact_tags", []string{"tenant_id", "contact_id", "tag_id", "tagged_at"}, nil,
			func(i, _ int) (rows [][]any, err error) {
				p := dataset.At(i)
				for _, tag := range dataset.TagsOf(p) {
					rows = append(rows, []any{dataset.TenantID(p.Tenant), p.ID(), dataset.TagID(p.Tenant, tag), p.CreatedAt})
				}
				return rows, nil
			}},
		{"purposes", []string{"tenant_id", "id", "code", "name", "legal_basis"}, institutions,
			counted(1, func(t, _ int) []any {
				return []any{dataset.TenantID(t), dataset.PurposeID(t), "newsletter", "Lettre d'information", "consent"}
			})},
		{"consents", []string{"tenant_id", "id", "contact_id", "contact_point_id", "point_value", "purpose_id", "channel", "action", "occurred_at", "recorded_at", "source", "actor_kind", "actor_id",
			"mechanism", "purpose_copy", "controller_name", "sequence", "previous_digest", "digest"}, nil, answers},
		{"contact_bases", []string{"tenant_id", "contact_id", "purpose_id", "stance", "channel", "point_value", "standing_from", "standing_until"}, nil, bases},
	}
}

// standing is what the ledger's triggers write on the row of a contact.
type standing struct {
	from           *time.Time
	given, refused []uuid.UUID
}

func standingOf(p dataset.Person) standing {
	s := standing{given: []uuid.UUID{}, refused: []uuid.UUID{}}
	for _, a := range dataset.AnswersOf(p) {
		if s.from == nil || a.At.After(*s.from) {
			s.from = &a.At
		}
		purpose := []uuid.UUID{dataset.PurposeID(p.Tenant)}
		if a.Action == "given" {
			s.given = purpose
		} else {
			s.refused = purpose
		}
	}
	return s
}

// bases are what the ledger's trigger derives from answers.
func bases(i, _ int) (rows [][]any, err error) {
	p := dataset.At(i)
	for _, a := range dataset.AnswersOf(p) {
		stance := "refused"
		if a.Action == "given" {
			stance = "given"
		}
		rows = append(rows, []any{dataset.TenantID(p.Tenant), p.ID(), dataset.PurposeID(p.Tenant), stance, a.Channel, a.Address, a.At, pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}})
	}
	return rows, nil
}

// answers are chained and proven as the program does it.
func answers(i, _ int) (rows [][]any, err error) {
	p := dataset.At(i)
	previous := make([]byte, sha256.Size)
	for n, a := range dataset.AnswersOf(p) {
		point := dataset.PointID(p.Index, a.Which)
		c := consents.Consent{TenantID: dataset.TenantID(p.Tenant), ID: dataset.ConsentID(i, a.Which), ContactID: p.ID(), ContactPointID: &point, PointValue: &a.Address,
			PurposeID: dataset.PurposeID(p.Tenant), Channel: a.Channel, Action: a.Action, OccurredAt: a.At, Zone: "UTC", RecordedAt: a.At, Source: source, ActorKind: "system", ActorID: "bench",
			Mechanism: "ticketing", Evidence: json.RawMessage("{}"), PurposeCopy: json.RawMessage(`{"code":"newsletter","legal_basis":"consent","name":"Lettre d'information"}`),
			ControllerName: fmt.Sprintf("Institution %d", p.Tenant), Sequence: int64(n) + 1, PreviousDigest: previous}
		if c.Digest, err = consents.DigestOf(c, nil); err != nil {
			return nil, err
		}
		previous = c.Digest
		rows = append(rows, []any{c.TenantID, c.ID, c.ContactID, point, a.Address, c.PurposeID, c.Channel, c.Action, c.OccurredAt, c.RecordedAt, c.Source, c.ActorKind, c.ActorID,
			c.Mechanism, c.PurposeCopy, c.ControllerName, c.Sequence, c.PreviousDigest, c.Digest})
	}
	return rows, nil
}

// ticketingTables are catalogues, and orders with their lines and payments.
func ticketingTables() []table {
	order := func(row func(o dataset.Order, tenant uuid.UUID, of int) [][]any) func(i, people int) ([][]any, error) {
		return func(i, people int) ([][]any, error) {
			o := dataset.OrderAt(i, people)
			of := dataset.TenantOf(o.Buyer)
			return row(o, dataset.TenantID(of), of), nil
		}
	}
	record := []string{"tenant_id", "source_id", "kind", "external_id", "id", "stub", "content_version", "content_hash"}
	described := func(t int, kind, name string, id uuid.UUID) []any {
		return []any{dataset.TenantID(t), dataset.SourceID(t), kind, name, id, false, int64(1), digest(name)}
	}
	opened := func(k int) time.Time { return dataset.Epoch.AddDate(0, 0, 3*k).Add(19 * time.Hour) }
	return []table{
		{"ticketing_sources", []string{"tenant_id", "id", "code", "name", "kind", "time_zone", "currency"}, institutions,
			counted(1, func(t, _ int) []any {
				return []any{dataset.TenantID(t), dataset.SourceID(t), vendor, "Billetterie", "generic", "Europe/Paris", "EUR"}
			})},
		{"ticketing_records", record, institutions,
			counted(dataset.Productions, func(t, k int) []any {
				return described(t, "production", fmt.Sprintf("production-%d", k), dataset.ProductionID(t, k))
			})},
		{"ticketing_records", record, institutions,
			counted(dataset.Performances, func(t, k int) []any {
				return described(t, "performance", fmt.Sprintf("date-%d", k), dataset.PerformanceID(t, k))
			})},
		{"ticketing_records", record, institutions,
			counted(dataset.PriceTypes, func(t, k int) []any {
				return described(t, "price_type", fmt.Sprintf("price-%d", k), dataset.PriceTypeID(t, k))
			})},
		{"ticketing_records", record, everyOrder,
			order(func(o dataset.Order, tenant uuid.UUID, of int) [][]any {
				rows := [][]any{described(of, "order", orderName(o), o.ID())}
				for n := range o.Tickets {
					rows = append(rows, []any{tenant, dataset.SourceID(of), "ticket", ticketName(o, n), o.TicketID(n), true, nil, nil})
				}
				return rows
			})},
		{"ticketing_records", record, nil,
			one(func(p dataset.Person) []any {
				if id, ok := dataset.CustomerID(p.Index); ok {
					return described(p.Tenant, "customer", fmt.Sprintf("c%d", p.Index), id)
				}
				return nil
			})},
		{"ticketing_productions", []string{"tenant_id", "id", "source_id", "external_id", "name", "stub"}, institutions,
			counted(dataset.Productions, func(t, k int) []any {
				return []any{dataset.TenantID(t), dataset.ProductionID(t, k), dataset.SourceID(t), fmt.Sprintf("production-%d", k), json.RawMessage(fmt.Sprintf(`{"fr":"Spectacle %d"}`, k)), false}
			})},
		{"ticketing_performances", []string{"tenant_id", "id", "source_id", "external_id", "production_id", "name", "starts_at", "time_zone", "venue", "capacity", "stub"}, institutions,
			counted(dataset.Performances, func(t, k int) []any {
				return []any{dataset.TenantID(t), dataset.PerformanceID(t, k), dataset.SourceID(t), fmt.Sprintf("date-%d", k), dataset.ProductionID(t, k%dataset.Productions), json.RawMessage("{}"), opened(k), "Europe/Paris", "Grande salle", int32(800), false}
			})},
		{"ticketing_price_types", []string{"tenant_id", "id", "source_id", "external_id", "name", "class", "stub"}, institutions,
			counted(dataset.PriceTypes, func(t, k int) []any {
				return []any{dataset.TenantID(t), dataset.PriceTypeID(t, k), dataset.SourceID(t), fmt.Sprintf("price-%d", k), json.RawMessage("{}"), []string{"full", "reduced", "subscription", "free"}[k%4], false}
			})},
		{"ticketing_customers", []string{"tenant_id", "id", "source_id", "external_id", "profile", "contact_id", "match_rule", "match_score", "match_inputs", "stub"}, nil,
			one(func(p dataset.Person) []any {
				id, ok := dataset.CustomerID(p.Index)
				if !ok {
					return nil
				}
				return []any{dataset.TenantID(p.Tenant), id, dataset.SourceID(p.Tenant), fmt.Sprintf("c%d", p.Index), profile(p), p.ID(), "external_ref", 1.0, digest(p.Email), false}
			})},
		{"ticketing_orders", []string{"tenant_id", "id", "source_id", "external_id", "number", "channel_kind", "placed_at", "currency", "commercial_state", "payment_state", "gross_minor", "due_minor", "paid_minor",
			"buyer", "customer_id", "contact_id", "match_rule", "match_score", "match_inputs", "matched_at", "stub", "created_at", "updated_at"}, everyOrder,
			order(func(o dataset.Order, tenant uuid.UUID, of int) [][]any {
				p := dataset.At(o.Buyer)
				var customer *uuid.UUID
				if id, ok := dataset.CustomerID(o.Buyer); ok {
					customer = &id
				}
				return [][]any{{tenant, o.ID(), dataset.SourceID(of), orderName(o), "N" + orderName(o), "web", o.Placed, "EUR", "confirmed", "paid", o.Total(), o.Total(), o.Total(),
					profile(p), customer, p.ID(), "email_name", 0.93, digest(p.Email), o.Placed, false, o.Placed, o.Placed}}
			})},
		{"ticketing_lines", []string{"tenant_id", "order_id", "ticket_id", "rank", "external_id", "kind", "performance_id", "price_type_id", "amount_minor", "state"}, everyOrder,
			order(func(o dataset.Order, tenant uuid.UUID, of int) (rows [][]any) {
				for n, t := range o.Tickets {
					rows = append(rows, []any{tenant, o.ID(), o.TicketID(n), int32(n), ticketName(o, n), "ticket", dataset.PerformanceID(of, t.Performance), dataset.PriceTypeID(of, t.PriceType), t.Minor, "valid"})
				}
				return rows
			})},
		{"ticketing_payments", []string{"tenant_id", "order_id", "kind", "external_id", "method", "amount_minor", "state", "at"}, everyOrder,
			order(func(o dataset.Order, tenant uuid.UUID, _ int) [][]any {
				return [][]any{{tenant, o.ID(), "payment", orderName(o) + "-p", "card", o.Total(), "settled", o.Placed}}
			})},
		{"ticketing_movements", []string{"tenant_id", "id", "order_id", "kind", "external_id", "amount_minor", "currency", "method", "reason", "occurred_at", "recorded_at"}, everyOrder,
			order(func(o dataset.Order, tenant uuid.UUID, _ int) [][]any {
				if o.Total() == 0 {
					return nil // nothing moved
				}
				return [][]any{{tenant, o.MovementID(), o.ID(), "payment", orderName(o) + "-p", o.Total(), "EUR", "card", "recorded", o.Placed, o.Placed}}
			})},
	}
}

// profile is what the ticketing system says of a person.
func profile(p dataset.Person) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"email":%q,"family_name":%q,"given_name":%q}`, p.Email, p.Family, p.Given))
}

func orderName(o dataset.Order) string { return fmt.Sprintf("o%d", o.Index) }

func ticketName(o dataset.Order, n int) string { return fmt.Sprintf("o%d-%d", o.Index, n) }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func derived(p dataset.Person) contacts.Derivation {
	return contacts.Derive(contacts.Fields{Kind: contacts.Person, GivenName: &p.Given, FamilyName: &p.Family, Particle: orNull(p.Particle)})
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func day(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
