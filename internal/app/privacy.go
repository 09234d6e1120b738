package app

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/connectors"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/consents"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/privacy"
	"github.com/parvis-crm/parvis/internal/ticketing"
	"github.com/parvis-crm/parvis/internal/web"
)

func (a *App) newPrivacy() *privacy.Service {
	return privacy.NewService(privacy.Needs{
		DB: a.DB, Clock: a.Clock, Contacts: a.domains.contacts, Consents: a.domains.consents, Sensitive: a.domains.sensitive, Mail: a.domains.mail,
		Submissions: a.domains.forms, Links: a.domains.preferences, Sales: sales{a.domains.ticketing}, Vendors: vendorsTold{a.domains.connectors}, Figures: a.domains.indicators,
	})
}

// opposed hands to the ledger of consents that a new address or number of a
// contact was once an erased person's.
func opposed(ledger *consents.Service) contacts.Opposed {
	return func(ctx context.Context, tx pgx.Tx, p contacts.Point, since time.Time) error {
		return ledger.OpposeTx(ctx, tx, p.ContactID, p.ID, p.Kind, since)
	}
}

// sales lets persons be forgotten in what ticketing systems have sent.
type sales struct{ *ticketing.Service }

// EraseTx implements privacy.Sales.
func (s sales) EraseTx(ctx context.Context, tx pgx.Tx, e contacts.Erasing) (privacy.Sold, error) {
	found, err := s.Service.EraseTx(ctx, tx, e)
	if err != nil {
		return privacy.Sold{}, err
	}
	return privacy.Sold{
		Accounts: web.Map(found.Accounts, func(a ticketing.Account) privacy.Record {
			return privacy.Record{Source: a.Source.ID, Kind: port.Customer, Name: a.ExternalID}
		}),
		Records: web.Map(found.Records, func(r ticketing.SourceRecord) privacy.Record {
			return privacy.Record{Source: r.SourceID, Kind: r.Kind, Name: r.ExternalID}
		}),
		Orders: found.Orders, Memberships: found.Memberships, GiftCards: found.GiftCards, Bookings: found.Bookings, Vouchers: found.Vouchers, Tickets: found.Tickets,
	}, nil
}

// vendorsTold lets the ticketing systems be told.
type vendorsTold struct{ *connectors.Service }

// EraseTx implements privacy.Vendors.
func (v vendorsTold) EraseTx(ctx context.Context, tx pgx.Tx, source uuid.UUID, records []privacy.Record) error {
	return v.Service.EraseTx(ctx, tx, source, web.Map(records, func(r privacy.Record) port.Ref { return port.Ref{Kind: r.Kind, ExternalID: r.Name} }))
}
