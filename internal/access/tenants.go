package access

import (
	"context"
	"fmt"
	netmail "net/mail"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/access/internal/accessdb"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/money"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// NewTenant describes an institution to be made.
type NewTenant struct {
	Name      string
	Test      bool
	SandboxOf *uuid.UUID
	Locale    string // BCP 47; "fr" if empty
	TimeZone  string // IANA name; Europe/Paris if empty
	Currency  string // ISO 4217; EUR if empty
}

// CreateTenant makes an institution and returns its id.
func (s *Service) CreateTenant(ctx context.Context, in NewTenant) (uuid.UUID, error) {
	id := ids.New()
	err := pg.InTx(ctx, s.db, id, func(ctx context.Context, tx pgx.Tx) error {
		_, err := s.insertTenant(ctx, tx, id, in)
		return err
	})
	return id, err
}

func (s *Service) insertTenant(ctx context.Context, tx pgx.Tx, id uuid.UUID, in NewTenant) (Tenant, error) {
	mode := "live"
	if in.Test {
		mode = "test"
	}
	return s.q.InsertTenant(ctx, tx, accessdb.InsertTenantParams{
		TenantID: id, Name: in.Name, Mode: mode, SandboxOf: in.SandboxOf,
		Locale: orElse(in.Locale, "fr"), TimeZone: orElse(in.TimeZone, "Europe/Paris"), Currency: orElse(in.Currency, "EUR"),
	})
}

// Institution returns the actor's institution.
func (s *Service) Institution(ctx context.Context) (Tenant, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Tenant{}, err
	}
	return s.q.GetTenant(ctx, s.db.Tenant(actor.Tenant), actor.Tenant)
}

// TenantPatch changes what is not nil.
type TenantPatch struct {
	Name, Locale, TimeZone, Currency *string
	TechnicalContacts                []string
}

type tenantRecord struct {
	Name     string `json:"name"`
	Locale   string `json:"locale"`
	TimeZone string `json:"time_zone"`
	Currency string `json:"currency"`
	// TechnicalContacts are bare e-mail addresses.
	TechnicalContacts []string `json:"technical_contacts"`
}

func recordOfTenant(t Tenant) tenantRecord {
	return tenantRecord{t.Name, t.Locale, t.TimeZone, t.Currency, t.TechnicalContacts}
}

// UpdateInstitution changes the actor's institution.
func (s *Service) UpdateInstitution(ctx context.Context, p TenantPatch, version *int64) (Tenant, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Tenant{}, err
	}
	if err := p.check(); err != nil {
		return Tenant{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Tenant, error) {
		before, err := s.q.LockTenant(ctx, tx, actor.Tenant)
		if err != nil {
			return Tenant{}, err
		}
		if err := web.CheckVersion(version, before.Version); err != nil {
			return Tenant{}, err
		}
		after := before
		replace(&after.Name, p.Name)
		replace(&after.Locale, p.Locale)
		replace(&after.TimeZone, p.TimeZone)
		replace(&after.Currency, p.Currency)
		if p.TechnicalContacts != nil {
			after.TechnicalContacts = p.TechnicalContacts
		}
		changes, err := events.Diff(recordOfTenant(before), recordOfTenant(after))
		if err != nil || len(changes) == 0 {
			return before, err
		}
		after, err = s.q.UpdateTenant(ctx, tx, accessdb.UpdateTenantParams{
			TenantID: actor.Tenant, Name: after.Name, Locale: after.Locale, TimeZone: after.TimeZone, Currency: after.Currency,
			TechnicalContacts: after.TechnicalContacts,
		})
		if err != nil {
			return Tenant{}, err
		}
		return after, events.RecordTx(ctx, tx, events.Entry{
			Type: "tenant.updated", Subject: events.Subject{Kind: "tenant", ID: after.TenantID, Version: after.Version}, Changes: changes,
		})
	})
}

func (p TenantPatch) check() error {
	f := fault.Invalid()
	if p.TimeZone != nil && !clock.IsZone(*p.TimeZone) {
		f.At("#/time_zone", "unknown-time-zone")
	}
	if p.Currency != nil {
		if !money.ValidCurrency(*p.Currency) {
			f.At("#/currency", "unknown-currency")
		}
	}
	for i, address := range p.TechnicalContacts {
		// What mail can be sent to, and nothing that could be taken for more.
		if a, err := netmail.ParseAddress(address); err != nil || a.Address != address {
			f.At(fmt.Sprintf("#/technical_contacts/%d", i), "format", "want", "email")
		}
	}
	return f.OrNil()
}

// CreateSandbox makes an institution in test mode beside the actor's, and a key
// that may do everything in it: the sandbox is new and has none of the
// institution's data. Only a live institution has sandboxes.
func (s *Service) CreateSandbox(ctx context.Context, name string) (Tenant, APIKey, string, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Tenant{}, APIKey{}, "", err
	}
	if err := sameSource(actor, nil); err != nil {
		return Tenant{}, APIKey{}, "", err
	}
	if actor.Test {
		return Tenant{}, APIKey{}, "", fault.New(fault.Conflict, "sandbox-of-sandbox")
	}
	var sandbox Tenant
	var row APIKey
	var secret string
	err = pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		own, err := s.q.GetTenant(ctx, tx, actor.Tenant)
		if err != nil {
			return err
		}
		id := ids.New()
		err = inScope(ctx, tx, actor.Tenant, id, func() error {
			sandbox, err = s.insertTenant(ctx, tx, id, NewTenant{
				Name: name, Test: true, SandboxOf: &actor.Tenant, Locale: own.Locale, TimeZone: own.TimeZone, Currency: own.Currency,
			})
			if err != nil {
				return err
			}
			inside := actor
			inside.Tenant, inside.Test = id, true
			row, secret, err = s.insertKey(web.WithActor(ctx, inside), tx, inside, NewKey{Name: AdministratorKey, Kind: apikey.Secret, Scopes: []string{everything}})
			return err
		})
		if err != nil {
			return err
		}
		return events.RecordTx(ctx, tx, events.Entry{
			Type: "tenant.sandbox_created", Subject: events.Subject{Kind: "tenant", ID: own.TenantID, Version: own.Version},
			Facts: map[string]any{"sandbox_id": id},
		})
	})
	return sandbox, row, secret, err
}

// inScope runs fn in the scope of another tenant within the same transaction,
// so that a new tenant and what is written about it in the old one stand or
// fall together.
func inScope(ctx context.Context, tx pgx.Tx, own, other uuid.UUID, fn func() error) error {
	const set = "select set_config('app.tenant', $1, true)"
	if _, err := tx.Exec(ctx, set, other.String()); err != nil {
		return err
	}
	if err := fn(); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, set, own.String())
	return err
}

// TenantIDs lists the active institutions of the installation, for its operator.
func (s *Service) TenantIDs(ctx context.Context) ([]uuid.UUID, error) {
	rows, err := s.db.Unscoped().Query(ctx, "select active_tenants()")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// TenantByID returns an institution, for the operator's commands.
func (s *Service) TenantByID(ctx context.Context, id uuid.UUID) (Tenant, error) {
	return s.q.GetTenant(ctx, s.db.Tenant(id), id)
}
