package ticketing

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Source is a ticketing system of the institution.
type Source = ticketingdb.TicketingSource

// ConsentCapture is an answer that a buyer gave while buying.
type ConsentCapture struct {
	ContactID uuid.UUID
	Purpose   string
	Channel   string // email, sms, phone, post
	Value     string // granted, refused
	At        time.Time
	Evidence  string // what was asked and where, as the source tells it
	Source    string // "ticketing:<code>"
	Reference string // "order <id>" or "account <id>"
	// The address or number that the answer was given for, in normal form; empty
	// where the source does not say.
	Email, Phone, Street, PostalCode string
}

// Heard is an answer that was handed on.
type Heard struct {
	ContactID                          uuid.UUID
	Reference, Purpose, Channel, Value string
	At                                 int64 // microseconds
}

// ConsentRecorder keeps captured consents. Receiving one again must change
// nothing.
type ConsentRecorder interface {
	RecordCaptureTx(ctx context.Context, tx pgx.Tx, capture ConsentCapture) error
	// HeardTx tells which answers a source has handed on under these references.
	HeardTx(ctx context.Context, tx pgx.Tx, source string, references []string) (map[Heard]bool, error)
	// TakeBackTx takes back from a contact what was captured under a reference: it
	// is of somebody else.
	TakeBackTx(ctx context.Context, tx pgx.Tx, contact uuid.UUID, source, reference string) error
}

// Service receives and reads.
type Service struct {
	db       *pg.DB
	q        *ticketingdb.Queries
	clock    clock.Clock
	contacts *contacts.Service
	consents ConsentRecorder
	jobs     Jobs
	schemas  web.Schemas
	secret   []byte
}

// NewService makes the service. schemas holds the component of each name in
// RecordSchemas; secret is the key of the hashes that stand for what is not kept.
func NewService(db *pg.DB, c clock.Clock, register *contacts.Service, schemas web.Schemas, secret []byte) *Service {
	return &Service{db: db, q: ticketingdb.New(), clock: c, contacts: register, schemas: schemas, secret: secret}
}

// SetConsents is called once at wiring time; without it captured consents stay
// with their orders.
func (s *Service) SetConsents(r ConsentRecorder) { s.consents = r }

// NewSource describes a source to be declared.
type NewSource struct {
	Code, Name, Kind, TimeZone, Currency, Status string
	Precedence                                   int32
	Capabilities                                 []string
	Meanings                                     Meanings
	GraceDays, RenewalDays                       int32
	ReminderDays                                 []int32
}

// SourcePatch changes a source; nil leaves a field as it is.
type SourcePatch struct {
	Name, Kind, TimeZone, Currency, Status *string
	Precedence                             *int32
	Capabilities                           []string
	Meanings                               MeaningsPatch
	GraceDays, RenewalDays                 *int32
	ReminderDays                           []int32
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// bound is the code that a restricted credential may see, empty for all.
func bound(actor web.Actor) string { return strings.TrimPrefix(actor.Source, "ticketing:") }

func mayUse(actor web.Actor, source Source) bool {
	only := bound(actor)
	return only == "" || only == source.Code || only == source.ID.String()
}

// CreateSource declares a source.
func (s *Service) CreateSource(ctx context.Context, in NewSource) (Source, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Source{}, err
	}
	if actor.Source != "" {
		return Source{}, fault.NotFound()
	}
	f := fault.Invalid()
	if !clock.IsZone(in.TimeZone) {
		f.At("#/time_zone", "unknown-time-zone")
	}
	if uuidForm.MatchString(in.Code) {
		f.At("#/code", "pattern", "want", "no UUID")
	}
	if err := f.OrNil(); err != nil {
		return Source{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Source, error) {
		out, err := s.q.InsertSource(ctx, tx, ticketingdb.InsertSourceParams{
			TenantID: actor.Tenant, ID: ids.New(), Code: in.Code, Name: in.Name, Kind: in.Kind, TimeZone: in.TimeZone,
			Currency: in.Currency, Precedence: in.Precedence, Status: in.Status, Capabilities: sorted(in.Capabilities),
			PurposeCodes: encode(in.Meanings.Purposes), PriceClasses: encode(in.Meanings.Classes), CampaignCodes: encode(in.Meanings.Campaigns), FieldPolicies: encode(in.Meanings.Policies),
			GraceDays: in.GraceDays, RenewalDays: in.RenewalDays, ReminderDays: inOrder(in.ReminderDays),
		})
		if pg.Violated(err, "ticketing_sources_code") {
			return out, fault.New(fault.Conflict, "ticketing-source-code-taken").With("code", in.Code).At("#/code", "not-unique")
		}
		if err != nil {
			return out, err
		}
		return out, recordSource(ctx, tx, "ticketing.source.created", nil, out)
	})
}

// GetSource finds a source by its code or id.
func (s *Service) GetSource(ctx context.Context, reference string) (Source, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Source{}, err
	}
	return s.sourceIn(ctx, s.db.Tenant(actor.Tenant), reference)
}

// sourceIn is GetSource for who holds a connection: asking for a second one
// meanwhile would have all wait for each other when none is left.
func (s *Service) sourceIn(ctx context.Context, db ticketingdb.DBTX, reference string) (Source, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Source{}, err
	}
	out, err := s.q.GetSource(ctx, db, actor.Tenant, strings.ToLower(reference))
	if err != nil {
		return out, err
	}
	if !mayUse(actor, out) {
		return Source{}, fault.NotFound()
	}
	return out, nil
}

// UpdateSource changes a source.
func (s *Service) UpdateSource(ctx context.Context, reference string, p SourcePatch, want *int64) (Source, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Source{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Source, error) {
		before, err := s.lockSource(ctx, tx, actor, reference, want)
		if err != nil {
			return before, err
		}
		if p.TimeZone != nil && !clock.IsZone(*p.TimeZone) {
			return before, fault.Invalid().At("#/time_zone", "unknown-time-zone")
		}
		a := ticketingdb.UpdateSourceParams{
			TenantID: actor.Tenant, ID: before.ID, Name: or(p.Name, before.Name), Kind: or(p.Kind, before.Kind), TimeZone: or(p.TimeZone, before.TimeZone),
			Currency: or(p.Currency, before.Currency), Precedence: or(p.Precedence, before.Precedence), Status: or(p.Status, before.Status), Capabilities: before.Capabilities,
			PurposeCodes: p.Meanings.Purposes.over(before.PurposeCodes), PriceClasses: p.Meanings.Classes.over(before.PriceClasses),
			CampaignCodes: p.Meanings.Campaigns.over(before.CampaignCodes), FieldPolicies: p.Meanings.Policies.over(before.FieldPolicies),
			GraceDays: or(p.GraceDays, before.GraceDays), RenewalDays: or(p.RenewalDays, before.RenewalDays), ReminderDays: inOrder(daysOr(p.ReminderDays, before.ReminderDays...)),
		}
		if err := tooMany(a); err != nil {
			return before, err
		}
		if p.Capabilities != nil {
			a.Capabilities = sorted(p.Capabilities)
		}
		if a.Name == before.Name && a.Kind == before.Kind && a.TimeZone == before.TimeZone && a.Currency == before.Currency &&
			a.Precedence == before.Precedence && a.Status == before.Status && slices.Equal(a.Capabilities, before.Capabilities) &&
			sameRow(a.PurposeCodes, before.PurposeCodes) && sameRow(a.PriceClasses, before.PriceClasses) && sameRow(a.CampaignCodes, before.CampaignCodes) &&
			sameRow(a.FieldPolicies, before.FieldPolicies) && a.GraceDays == before.GraceDays && a.RenewalDays == before.RenewalDays &&
			slices.Equal(a.ReminderDays, before.ReminderDays) {
			return before, nil
		}
		after, err := s.q.UpdateSource(ctx, tx, a)
		if err != nil {
			return after, err
		}
		if err := s.meanOtherwise(ctx, tx, before, after); err != nil {
			return after, err
		}
		return after, recordSource(ctx, tx, "ticketing.source.updated", &before, after)
	})
}

// DeleteSource removes a source from which nothing was received.
func (s *Service) DeleteSource(ctx context.Context, reference string, want *int64) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	if want == nil {
		return fault.New(fault.PreconditionRequired, "precondition-required")
	}
	return pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		before, err := s.lockSource(ctx, tx, actor, reference, want)
		if err != nil {
			return err
		}
		counts, err := s.q.CountRecords(ctx, tx, actor.Tenant, before.ID)
		if err != nil {
			return err
		}
		if len(counts) > 0 {
			return fault.New(fault.Conflict, "ticketing-source-in-use").With("code", before.Code)
		}
		if err := s.dropMappingsOf(ctx, tx, before); err != nil {
			return err
		}
		if err := s.q.DeleteSource(ctx, tx, actor.Tenant, before.ID); err != nil {
			return err
		}
		before.Version++
		return recordSource(ctx, tx, "ticketing.source.deleted", nil, before)
	})
}

func (s *Service) lockSource(ctx context.Context, tx pgx.Tx, actor web.Actor, reference string, want *int64) (Source, error) {
	out, err := s.q.LockSource(ctx, tx, actor.Tenant, strings.ToLower(reference))
	if err != nil {
		return out, err
	}
	if !mayUse(actor, out) {
		return out, fault.NotFound()
	}
	return out, web.CheckVersion(want, out.Version)
}

// ListSources returns at most limit sources after a code.
func (s *Service) ListSources(ctx context.Context, status *string, after string, limit int) ([]Source, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	only := bound(actor)
	return s.q.ListSources(ctx, s.db.Tenant(actor.Tenant), ticketingdb.ListSourcesParams{
		TenantID: actor.Tenant, Status: status, Only: web.If(only != "", &only), AfterCode: after, PageSize: int32(limit),
	})
}

// Health is how a source is doing.
type Health struct {
	Source Source
	Counts []ticketingdb.CountRecordsRow
}

// Health says how much a source has sent.
func (s *Service) Health(ctx context.Context, reference string) (Health, error) {
	source, err := s.GetSource(ctx, reference)
	if err != nil {
		return Health{}, err
	}
	counts, err := s.q.CountRecords(ctx, s.db.Tenant(source.TenantID), source.TenantID, source.ID)
	return Health{Source: source, Counts: counts}, err
}

func recordSource(ctx context.Context, tx pgx.Tx, kind string, before *Source, after Source) error {
	changes, err := events.Diff(before, after, "tenant_id", "id", "version", "created_at", "updated_at", "last_received_at")
	if err != nil {
		return err
	}
	return events.RecordTx(ctx, tx, events.Entry{
		Type: kind, Subject: events.Subject{Kind: "ticketing_source", ID: after.ID, Version: after.Version},
		Changes: changes, Facts: map[string]any{"code": after.Code, "kind": after.Kind, "status": after.Status},
	})
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

func sorted(in []string) []string {
	out := append([]string{}, in...)
	slices.Sort(out)
	return slices.Compact(out)
}
