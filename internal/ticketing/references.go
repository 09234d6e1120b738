package ticketing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Reference is what a scheme outside calls a record: an ISNI, a Wikidata item, a
// SIRET, an entry of a ministry's list.
type Reference struct {
	Scheme string  `json:"scheme"`
	ID     string  `json:"id"`
	URI    *string `json:"uri"`
}

// ShownReference says who gave it as well: source or institution.
type ShownReference struct {
	Reference
	Origin string `json:"origin"`
}

// once refuses a list that names one thing twice, and brings it in order.
func once(list []Reference, at string, refused *fault.Error) []Reference {
	seen := map[[2]string]bool{}
	for i, r := range list {
		if key := [2]string{r.Scheme, r.ID}; seen[key] {
			refused.At(fmt.Sprintf("%s/%d/id", at, i), "not-unique")
		} else {
			seen[key] = true
		}
	}
	out := append([]Reference{}, list...)
	slices.SortFunc(out, func(a, b Reference) int {
		return compareText(a.Scheme+"\x00"+a.ID, b.Scheme+"\x00"+b.ID)
	})
	return out
}

func keptReferences(list []Reference) json.RawMessage {
	if len(list) == 0 {
		return json.RawMessage("[]")
	}
	return encode(list)
}

// referencesOf are those of a row, what the source says first. The SIRET of a
// venue is one of them.
func referencesOf(row any) []ShownReference {
	var stated, set json.RawMessage
	var siret *string
	switch r := row.(type) {
	case ticketingdb.TicketingProduction:
		stated, set = r.StatedReferences, r.SetReferences
	case ticketingdb.TicketingPerformance:
		stated, set = r.StatedReferences, r.SetReferences
	case ticketingdb.TicketingVenue:
		stated, set, siret = r.StatedReferences, r.SetReferences, r.Siret
	}
	out := []ShownReference{}
	seen := map[[2]string]bool{}
	add := func(origin string, list ...Reference) {
		for _, r := range list {
			if key := [2]string{r.Scheme, r.ID}; !seen[key] {
				seen[key] = true
				out = append(out, ShownReference{r, origin})
			}
		}
	}
	read := func(raw json.RawMessage) (list []Reference) {
		_ = json.Unmarshal(raw, &list) // as it was written
		return list
	}
	add("source", read(stated)...)
	if siret != nil {
		add("source", Reference{Scheme: "siret", ID: *siret})
	}
	add("institution", read(set)...)
	return out
}

// referenceChange tells a change of both lists as one of what is shown.
func referenceChange(changes []events.Change, before, after any) []events.Change {
	rest := slices.DeleteFunc(changes, func(c events.Change) bool { return c.Pointer == "/stated_references" || c.Pointer == "/set_references" })
	var was []ShownReference
	switch b := before.(type) {
	case *ticketingdb.TicketingProduction:
		was = referencesOf(*b)
	case *ticketingdb.TicketingPerformance:
		was = referencesOf(*b)
	case ticketingdb.TicketingVenue:
		was = referencesOf(b)
	}
	if is := referencesOf(after); !sameRow(was, is) && len(was)+len(is) > 0 {
		rest = append(rest, events.Change{Pointer: "/references", Before: was, After: is})
	}
	return rest
}

// found are the rows by which records are found under their references.
type found struct {
	records              []uuid.UUID
	schemes, identifiers []string
	forget               []uuid.UUID
}

func (f *found) add(id uuid.UUID, before, now any) {
	var was []ShownReference
	if before != nil {
		was = referencesOf(before)
	}
	is := referencesOf(now)
	if sameRow(was, is) || len(was)+len(is) == 0 {
		return
	}
	if len(was) > 0 {
		f.forget = append(f.forget, id)
	}
	for _, r := range is {
		f.records, f.schemes, f.identifiers = append(f.records, id), append(f.schemes, r.Scheme), append(f.identifiers, r.ID)
	}
}

func gather[T any](f *found, all map[uuid.UUID]*entity[T]) {
	for id, e := range all {
		if !e.dirty {
			continue
		}
		var before any
		if e.before != nil {
			before = *e.before
		}
		f.add(id, before, e.now)
	}
}

func (u *unit) flushReferences(ctx context.Context) error {
	f := &found{}
	gather(f, u.productions)
	gather(f, u.performances)
	gather(f, u.kinds.venues.rows)
	return u.s.writeReferences(ctx, u.tx, u.source.TenantID, f)
}

func (s *Service) writeReferences(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, f *found) error {
	if len(f.forget) > 0 {
		if err := s.q.ForgetReferences(ctx, tx, tenant, f.forget); err != nil {
			return err
		}
	}
	if len(f.records) == 0 {
		return nil
	}
	return s.q.InsertReferences(ctx, tx, ticketingdb.InsertReferencesParams{TenantID: tenant, RecordIds: f.records, Schemes: f.schemes, Identifiers: f.identifiers})
}

// ReferenceQuery is one reference that is looked for.
type ReferenceQuery struct{ Scheme, ID string }

// ReadReference takes "scheme:id" apart.
func ReadReference(text *string) *ReferenceQuery {
	if text == nil {
		return nil
	}
	scheme, id, _ := strings.Cut(*text, ":")
	return &ReferenceQuery{scheme, id}
}

// referred is a kind of record that can be given references.
type referred[T any] struct {
	kind string
	get  func(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) (T, error)
	set  func(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, list json.RawMessage) (T, error)
	of   func(row T) (source uuid.UUID, version int64, held json.RawMessage)
}

// setReferences replaces what the institution says of a record. It waits for
// whoever is writing of its source.
func setReferences[T any](ctx context.Context, s *Service, k referred[T], id uuid.UUID, list []Reference, given bool, want *int64) (T, error) {
	var none T
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return none, err
	}
	refused := fault.Invalid()
	kept := keptReferences(once(list, "#/references", refused))
	if err := refused.OrNil(); err != nil {
		return none, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (T, error) {
		before, err := k.get(ctx, tx, actor.Tenant, id)
		if err != nil {
			return none, err
		}
		source, _, _ := k.of(before)
		if err := s.visible(ctx, source); err != nil {
			return none, err
		}
		if err := s.q.LockNames(ctx, tx, []int64{number(actor.Tenant.String(), "source", source.String())}); err != nil {
			return none, err
		}
		if before, err = k.get(ctx, tx, actor.Tenant, id); err != nil {
			return none, err
		}
		_, version, held := k.of(before)
		if err := web.CheckVersion(want, version); err != nil {
			return none, err
		}
		if !given || sameRow(held, kept) {
			return before, nil
		}
		after, err := k.set(ctx, tx, actor.Tenant, id, kept)
		if err != nil {
			return none, err
		}
		f := &found{}
		f.add(id, before, after)
		if err := s.writeReferences(ctx, tx, actor.Tenant, f); err != nil {
			return none, err
		}
		_, version, _ = k.of(after)
		return after, events.RecordTx(ctx, tx, events.Entry{Type: "ticketing." + k.kind + ".updated", Subject: events.Subject{Kind: k.kind, ID: id, Version: version},
			Changes: []events.Change{{Pointer: "/references", Before: referencesOf(before), After: referencesOf(after)}}})
	})
}

// SetProductionReferences replaces what the institution says of a production.
func (s *Service) SetProductionReferences(ctx context.Context, id uuid.UUID, list []Reference, given bool, want *int64) (Production, error) {
	row, err := setReferences(ctx, s, referred[ticketingdb.TicketingProduction]{kind: kindProduction,
		get: func(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) (ticketingdb.TicketingProduction, error) {
			return s.q.GetProduction(ctx, tx, tenant, id)
		},
		set: func(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, list json.RawMessage) (ticketingdb.TicketingProduction, error) {
			return s.q.SetProductionReferences(ctx, tx, ticketingdb.SetProductionReferencesParams{TenantID: tenant, ID: id, SetReferences: list, SetAt: s.clock.Now()})
		},
		of: func(r ticketingdb.TicketingProduction) (uuid.UUID, int64, json.RawMessage) {
			return r.SourceID, r.Version, r.SetReferences
		},
	}, id, list, given, want)
	if err != nil {
		return Production{}, err
	}
	return one(s.withProductionTerms(ctx, []ticketingdb.TicketingProduction{row}))
}

// SetPerformanceReferences replaces what the institution says of a performance.
func (s *Service) SetPerformanceReferences(ctx context.Context, id uuid.UUID, list []Reference, given bool, want *int64) (Performance, error) {
	row, err := setReferences(ctx, s, referred[ticketingdb.TicketingPerformance]{kind: kindPerformance,
		get: func(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) (ticketingdb.TicketingPerformance, error) {
			return s.q.GetPerformance(ctx, tx, tenant, id)
		},
		set: func(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, list json.RawMessage) (ticketingdb.TicketingPerformance, error) {
			return s.q.SetPerformanceReferences(ctx, tx, ticketingdb.SetPerformanceReferencesParams{TenantID: tenant, ID: id, SetReferences: list, SetAt: s.clock.Now()})
		},
		of: func(r ticketingdb.TicketingPerformance) (uuid.UUID, int64, json.RawMessage) {
			return r.SourceID, r.Version, r.SetReferences
		},
	}, id, list, given, want)
	if err != nil {
		return Performance{}, err
	}
	return one(s.withPerformanceTerms(ctx, []ticketingdb.TicketingPerformance{row}))
}

// SetVenueReferences replaces what the institution says of a venue.
func (s *Service) SetVenueReferences(ctx context.Context, id uuid.UUID, list []Reference, given bool, want *int64) (Venue, error) {
	row, err := setReferences(ctx, s, referred[ticketingdb.TicketingVenue]{kind: kindVenue,
		get: func(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) (ticketingdb.TicketingVenue, error) {
			return s.q.GetVenue(ctx, tx, tenant, id)
		},
		set: func(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, list json.RawMessage) (ticketingdb.TicketingVenue, error) {
			return s.q.SetVenueReferences(ctx, tx, ticketingdb.SetVenueReferencesParams{TenantID: tenant, ID: id, SetReferences: list, SetAt: s.clock.Now()})
		},
		of: func(r ticketingdb.TicketingVenue) (uuid.UUID, int64, json.RawMessage) {
			return r.SourceID, r.Version, r.SetReferences
		},
	}, id, list, given, want)
	if err != nil {
		return Venue{}, err
	}
	return one(s.withVenueTerms(ctx, []ticketingdb.TicketingVenue{row}))
}

func one[T any](list []T, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return list[0], nil
}
