package ticketing

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// The fields whose values can be mapped to terms.
const (
	fieldDiscipline = "discipline"
	fieldSeason     = "season"
	fieldFestival   = "festival"
	fieldVenue      = "venue"
	fieldPriceType  = "price_type"
	fieldAudience   = "audience"
)

// Term is what a value of a record stands for in a vocabulary.
type Term struct {
	Value   string
	Code    string // of the vocabulary
	Mapping ticketingdb.TicketingMapping
}

// Production is a production with what its values stand for.
type Production struct {
	ticketingdb.TicketingProduction
	Terms []Term
}

// Performance is a performance with what its values stand for.
type Performance struct {
	ticketingdb.TicketingPerformance
	Terms []Term
}

// Venue is a venue with what its values stand for.
type Venue struct {
	ticketingdb.TicketingVenue
	Terms []Term
}

// PriceType is a price type with what its values stand for.
type PriceType struct {
	ticketingdb.TicketingPriceType
	Terms []Term
}

// valued is a record of a source with the values of it that may be mapped. Of
// several values of one field the first that is mapped counts.
type valued struct {
	source uuid.UUID
	values []fieldValues
}

type fieldValues struct {
	field  string
	values []string
}

func valuesOf(field string, value *string) []fieldValues {
	if or(value, "") == "" {
		return nil
	}
	return []fieldValues{{field, []string{*value}}}
}

// called are the name of a record at its source and its names by language.
func called(field, externalID string, name json.RawMessage) []fieldValues {
	byLanguage := names(name)
	out := fieldValues{field, []string{externalID}}
	for _, language := range slices.Sorted(maps.Keys(byLanguage)) {
		if text := byLanguage[language]; text != "" && !slices.Contains(out.values, text) {
			out.values = append(out.values, text)
		}
	}
	return []fieldValues{out}
}

// withTerms finds in one query what the values of rows stand for.
func withTerms[R, T any](ctx context.Context, s *Service, rows []R, of func(R) valued, with func(R, []Term) T) ([]T, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	p := ticketingdb.FindTermsParams{TenantID: actor.Tenant, Fields: []string{}, Asked: []string{}, SourceIds: []uuid.UUID{}}
	asked := make([]valued, len(rows))
	for i, r := range rows {
		asked[i] = of(r)
		p.SourceIds = append(p.SourceIds, asked[i].source)
		for _, f := range asked[i].values {
			for _, v := range f.values {
				p.Fields, p.Asked = append(p.Fields, f.field), append(p.Asked, v)
			}
		}
	}
	var mapped []ticketingdb.FindTermsRow
	if len(p.Fields) > 0 {
		if mapped, err = s.q.FindTerms(ctx, s.db.Tenant(actor.Tenant), p); err != nil {
			return nil, err
		}
	}
	out := make([]T, 0, len(rows))
	for i, r := range rows {
		out = append(out, with(r, asked[i].terms(mapped)))
	}
	return out, nil
}

// terms chooses of each vocabulary and field one term: that of the source before
// that of all, and of the first value that has one.
func (v valued) terms(mapped []ticketingdb.FindTermsRow) []Term {
	out := []Term{}
	for _, f := range v.values {
		best := map[uuid.UUID]int{}
		chosen := map[uuid.UUID]Term{}
		var order []uuid.UUID
		for _, row := range mapped {
			m := row.TicketingMapping
			place := slices.Index(f.values, m.Value)
			if m.Field != f.field || place < 0 || m.SourceID != nil && *m.SourceID != v.source {
				continue
			}
			if m.SourceID == nil {
				place += len(f.values)
			}
			if held, there := best[m.VocabularyID]; !there || place < held {
				if !there {
					order = append(order, m.VocabularyID)
				}
				best[m.VocabularyID], chosen[m.VocabularyID] = place, Term{Value: m.Value, Code: row.Code, Mapping: m}
			}
		}
		for _, vocabulary := range order {
			out = append(out, chosen[vocabulary])
		}
	}
	return out
}

func (s *Service) withProductionTerms(ctx context.Context, rows []ticketingdb.TicketingProduction) ([]Production, error) {
	return withTerms(ctx, s, rows, func(r ticketingdb.TicketingProduction) valued {
		return valued{r.SourceID, slices.Concat(valuesOf(fieldDiscipline, r.Discipline), valuesOf(fieldSeason, r.Season), valuesOf(fieldFestival, r.Festival))}
	}, func(r ticketingdb.TicketingProduction, t []Term) Production { return Production{r, t} })
}

func (s *Service) withPerformanceTerms(ctx context.Context, rows []ticketingdb.TicketingPerformance) ([]Performance, error) {
	return withTerms(ctx, s, rows, func(r ticketingdb.TicketingPerformance) valued {
		return valued{r.SourceID, valuesOf(fieldVenue, r.Venue)}
	}, func(r ticketingdb.TicketingPerformance, t []Term) Performance { return Performance{r, t} })
}

func (s *Service) withVenueTerms(ctx context.Context, rows []ticketingdb.TicketingVenue) ([]Venue, error) {
	return withTerms(ctx, s, rows, func(r ticketingdb.TicketingVenue) valued {
		return valued{r.SourceID, called(fieldVenue, r.ExternalID, r.Name)}
	}, func(r ticketingdb.TicketingVenue, t []Term) Venue { return Venue{r, t} })
}

func (s *Service) withPriceTypeTerms(ctx context.Context, rows []ticketingdb.TicketingPriceType) ([]PriceType, error) {
	return withTerms(ctx, s, rows, func(r ticketingdb.TicketingPriceType) valued {
		return valued{r.SourceID, slices.Concat(called(fieldPriceType, r.ExternalID, r.Name), valuesOf(fieldAudience, r.Audience))}
	}, func(r ticketingdb.TicketingPriceType, t []Term) PriceType { return PriceType{r, t} })
}

// reterm gives those records a new version whose values stand for something
// else since the mappings changed, and tells so. It waits for whoever is writing
// of their sources, each of which reads rows whole and writes them whole.
func (s *Service) reterm(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, changed ...ticketingdb.TicketingMapping) error {
	if len(changed) == 0 {
		return nil
	}
	concerned := map[uuid.UUID]bool{}
	all := false
	p := ticketingdb.RetermProductionsParams{SettledAt: s.clock.Now(), TenantID: tenant}
	var places []uuid.UUID
	var placeNames []string
	fields := map[string]bool{}
	for _, m := range changed {
		source := or(m.SourceID, uuid.Nil)
		all = all || m.SourceID == nil
		concerned[source], fields[m.Field] = true, true
		p.SourceIds, p.Fields, p.Changed = append(p.SourceIds, source), append(p.Fields, m.Field), append(p.Changed, m.Value)
		if m.Field == fieldVenue {
			places, placeNames = append(places, source), append(placeNames, m.Value)
		}
	}
	sources, err := s.q.ListSources(ctx, tx, ticketingdb.ListSourcesParams{TenantID: tenant, PageSize: 10000})
	if err != nil {
		return err
	}
	var locks []int64
	for _, source := range sources {
		if all || concerned[source.ID] {
			locks = append(locks, number(tenant.String(), "source", source.ID.String()))
		}
	}
	slices.Sort(locks)
	if err := s.q.LockNames(ctx, tx, locks); err != nil {
		return err
	}
	var out []events.Entry
	tell := func(kind string, id uuid.UUID, version int64) {
		out = append(out, events.Entry{Type: "ticketing." + kind + ".updated", Subject: events.Subject{Kind: kind, ID: id, Version: version}, Changes: []events.Change{{Pointer: "/terms"}}})
	}
	if fields[fieldDiscipline] || fields[fieldSeason] || fields[fieldFestival] {
		rows, err := s.q.RetermProductions(ctx, tx, p)
		if err != nil {
			return err
		}
		for _, r := range rows {
			tell(kindProduction, r.ID, r.Version)
		}
	}
	if fields[fieldVenue] {
		rows, err := s.q.RetermPerformances(ctx, tx, ticketingdb.RetermPerformancesParams{SettledAt: p.SettledAt, TenantID: tenant, SourceIds: places, Changed: placeNames})
		if err != nil {
			return err
		}
		for _, r := range rows {
			tell(kindPerformance, r.ID, r.Version)
		}
		halls, err := s.q.RetermVenues(ctx, tx, ticketingdb.RetermVenuesParams{SettledAt: p.SettledAt, TenantID: tenant, SourceIds: places, Changed: placeNames})
		if err != nil {
			return err
		}
		for _, r := range halls {
			tell(kindVenue, r.ID, r.Version)
		}
	}
	if fields[fieldPriceType] || fields[fieldAudience] {
		rows, err := s.q.RetermPriceTypes(ctx, tx, ticketingdb.RetermPriceTypesParams(p))
		if err != nil {
			return err
		}
		for _, r := range rows {
			tell(kindPriceType, r.ID, r.Version)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return events.RecordTx(ctx, tx, out...)
}
