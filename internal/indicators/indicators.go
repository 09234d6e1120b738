package indicators

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/indicators/internal/indicatorsdb"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// recountKind is the operation that counts everybody anew.
const recountKind = "indicators.recount"

// Service counts.
type Service struct {
	db         *pg.DB
	q          *indicatorsdb.Queries
	clock      clock.Clock
	contacts   *contacts.Service
	operations *operations.Service
	log        *slog.Logger
	every      time.Duration
}

// Needs are what the service works with.
type Needs struct {
	Contacts   *contacts.Service
	Operations *operations.Service
	Log        *slog.Logger
	// Every is how often Run looks for whoever is to be counted anew; half a second if 0.
	Every time.Duration
}

// NewService makes the service and registers its operation.
func NewService(db *pg.DB, c clock.Clock, n Needs) *Service {
	s := &Service{db: db, q: indicatorsdb.New(), clock: c, contacts: n.Contacts, operations: n.Operations, log: n.Log, every: cmp.Or(n.Every, 500*time.Millisecond)}
	n.Operations.Register(recountKind, s.recount)
	return s
}

// Indicators are the figures of a contact.
type Indicators struct {
	Figures
	ContactID uuid.UUID
	AsOf      time.Time
	CountedAt time.Time
}

// ofAllSources refuses to tell figures, which are of all sources, to a credential
// that reads one.
func ofAllSources(ctx context.Context) error {
	actor, err := web.ActorFrom(ctx)
	if err == nil && actor.Source != "" {
		err = fault.New(fault.Forbidden, "indicators-beyond-source")
	}
	return err
}

// Get reads the figures of a contact: those kept, where nothing has changed since
// they were counted, or else counted now. Of a day, as they stood at its end.
func (s *Service) Get(ctx context.Context, contact uuid.UUID, day *time.Time) (Indicators, error) {
	if err := ofAllSources(ctx); err != nil {
		return Indicators{}, err
	}
	c, err := s.contacts.Get(ctx, contact)
	if err != nil {
		return Indicators{}, err
	}
	web.NoteSubjects(ctx, c.ID)
	now := s.clock.Now()
	at, err := s.instant(ctx, c.TenantID, day)
	if err != nil {
		return Indicators{}, err
	}
	out := Indicators{ContactID: c.ID, AsOf: at, CountedAt: now}
	return out, s.looking(ctx, c.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		persons, err := s.personsOf(ctx, tx, c.TenantID, []uuid.UUID{c.ID})
		if err != nil {
			return err
		}
		if day == nil {
			kept, err := s.q.GetFigures(ctx, tx, c.TenantID, c.ID)
			if err != nil && !pg.IsNoRows(err) {
				return err
			}
			noted, errNoted := s.q.IsNoted(ctx, tx, c.TenantID, persons[c.ID])
			if errNoted != nil {
				return errNoted
			}
			if err == nil && !noted && (kept.StaleAt == nil || kept.StaleAt.After(now)) {
				out.CountedAt = kept.CountedAt
				return json.Unmarshal(kept.Figures, &out.Figures)
			}
		}
		f, err := s.factsOf(ctx, tx, c.TenantID, persons[c.ID])
		out.Figures, _ = f.figures(at)
		return err
	})
}

// ListFacts returns at most limit of what a figure counts, after a position.
func (s *Service) ListFacts(ctx context.Context, contact uuid.UUID, name string, day *time.Time, after *Position, limit int) ([]Fact, error) {
	if !slices.Contains(Names(), name) {
		return nil, fault.NotFound()
	}
	if err := ofAllSources(ctx); err != nil {
		return nil, err
	}
	c, err := s.contacts.Get(ctx, contact)
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, c.ID)
	at, err := s.instant(ctx, c.TenantID, day)
	if err != nil {
		return nil, err
	}
	var list []Fact
	err = s.looking(ctx, c.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		persons, err := s.personsOf(ctx, tx, c.TenantID, []uuid.UUID{c.ID})
		if err != nil {
			return err
		}
		f, err := s.factsOf(ctx, tx, c.TenantID, persons[c.ID])
		list = f.counted(at)[name]
		return err
	})
	if err != nil {
		return nil, err
	}
	sortFacts(list)
	list = slices.DeleteFunc(list, func(f Fact) bool {
		return after != nil && (f.At.Before(after.At) || f.At.Equal(after.At) && slices.Compare(f.ID[:], after.ID[:]) <= 0)
	})
	list = list[:min(len(list), limit)]
	return list, s.coverOthers(ctx, c.TenantID, list)
}

// coverOthers leaves of orders of somebody out of sight only that they count.
func (s *Service) coverOthers(ctx context.Context, tenant uuid.UUID, list []Fact) error {
	var named []uuid.UUID
	for _, f := range list {
		if f.BuyerID != nil {
			named = append(named, *f.BuyerID)
		}
	}
	look, err := pg.LookAt(ctx, s.db.Tenant(tenant), tenant, named)
	if err != nil {
		return err
	}
	for i := range list {
		if !look.Sees(list[i].BuyerID) {
			list[i].OrderID = uuid.Nil
		}
	}
	return nil
}

// Position is where a walk through facts stands.
type Position struct {
	At time.Time `json:"a"`
	ID uuid.UUID `json:"i"`
}

// looking runs fn on one state of everything: figures count what their contact
// did, whoever asks.
func (s *Service) looking(ctx context.Context, tenant uuid.UUID, fn func(ctx context.Context, tx pgx.Tx) error) error {
	return pg.Snapshot(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		return pg.AsEverything(ctx, tx, func(ctx context.Context) error { return fn(ctx, tx) })
	})
}

// instant is the end of a day in the institution's time zone; nil: now.
func (s *Service) instant(ctx context.Context, tenant uuid.UUID, day *time.Time) (time.Time, error) {
	if day == nil {
		return s.clock.Now(), nil
	}
	name, err := s.q.GetZone(ctx, s.db.Tenant(tenant), tenant)
	if err != nil {
		return time.Time{}, err
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.Time{}, err
	}
	return time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, zone).Add(-time.Microsecond), nil
}

// personsOf finds who lives on for these contacts, each with everybody merged
// into it.
func (s *Service) personsOf(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, named []uuid.UUID) (map[uuid.UUID][]uuid.UUID, error) {
	rows, err := s.q.FindPersons(ctx, tx, tenant, named)
	out := map[uuid.UUID][]uuid.UUID{}
	for _, r := range rows {
		out[r.Survivor] = append(out[r.Survivor], r.ID)
	}
	return out, err
}

func (s *Service) factsOf(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, persons []uuid.UUID) (facts, error) {
	f := facts{persons: map[uuid.UUID]bool{}}
	for _, p := range persons {
		f.persons[p] = true
	}
	var err error
	if f.orders, err = s.q.FindOrderFacts(ctx, tx, tenant, persons); err != nil {
		return f, err
	}
	if f.money, err = s.q.FindMoneyFacts(ctx, tx, tenant, persons); err != nil {
		return f, err
	}
	f.tickets, err = s.q.FindTicketFacts(ctx, tx, tenant, persons)
	return f, err
}

// Captured is how complete what is known of the buyers of a channel is.
type Captured = indicatorsdb.CountCapturedRow

// longestPeriod bounds what one question reads.
const longestPeriod = 366 * 24 * time.Hour

// CaptureRates counts, by channel, the tickets of a period whose buyer is known,
// and can be reached.
func (s *Service) CaptureRates(ctx context.Context, from, before time.Time, source *string) ([]Captured, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	if !from.Before(before) || before.Sub(from) > longestPeriod {
		return nil, fault.Invalid().AtParameter("placed_at_lt", "too-big", "limit", "366 days")
	}
	p := indicatorsdb.CountCapturedParams{TenantID: actor.Tenant, PlacedFrom: from, PlacedBefore: before}
	if actor.Source != "" {
		source = new(strings.TrimPrefix(actor.Source, "ticketing:"))
	}
	if source != nil {
		found, err := s.q.FindSource(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, *source)
		if pg.IsNoRows(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		p.SourceID = &found.ID
	}
	return s.q.CountCaptured(ctx, s.db.Tenant(actor.Tenant), p)
}
