package privacy

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/consents"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/privacy/internal/privacydb"
	"github.com/parvis-crm/parvis/internal/sensitive"
)

// Holder is a domain that holds something about contacts and lets go of it; it
// says of how much.
type Holder interface {
	EraseTx(ctx context.Context, tx pgx.Tx, e contacts.Erasing) (int64, error)
}

// Sales are what the institution's ticketing systems have sent.
type Sales interface {
	// HoldAllTx lets nothing arrive of anybody until tx ends.
	HoldAllTx(ctx context.Context, tx pgx.Tx) error
	EraseTx(ctx context.Context, tx pgx.Tx, e contacts.Erasing) (Sold, error)
}

// Sold is what becomes of sales to somebody who is erased.
type Sold struct {
	// Accounts are to be forgotten by their sources too.
	Accounts []Record
	// Records are all that were touched.
	Records []Record
	// What stays, as of nobody.
	Orders, Memberships, GiftCards, Bookings, Vouchers int64
	// Tickets of others' orders that were theirs.
	Tickets int64
}

// Record is a record by its name at its source.
type Record struct {
	Source     uuid.UUID
	Kind, Name string
}

// Vendors reach the ticketing systems.
type Vendors interface {
	// EraseTx removes what is kept of records on their way here or there.
	EraseTx(ctx context.Context, tx pgx.Tx, source uuid.UUID, records []Record) error
	// AnonymizeTx asks a system to forget an account; code says why it cannot be.
	AnonymizeTx(ctx context.Context, tx pgx.Tx, source uuid.UUID, account string) (command *uuid.UUID, code string, err error)
	// Ring has what was queued looked at now.
	Ring()
}

// Needs are the parts of the program that hold something about contacts.
type Needs struct {
	DB        *pg.DB
	Clock     clock.Clock
	Contacts  *contacts.Service
	Consents  *consents.Service
	Sensitive *sensitive.Service
	Mail      *mail.Service
	// Submissions, Links: by forms, and to preferences.
	Submissions, Links Holder
	Sales              Sales
	Vendors            Vendors
	// Figures are counted from sales.
	Figures interface {
		EraseTx(ctx context.Context, tx pgx.Tx, contacts []uuid.UUID) error
	}
}

// Service erases persons.
type Service struct {
	Needs
	q *privacydb.Queries
}

// NewService makes the service.
func NewService(n Needs) *Service { return &Service{Needs: n, q: privacydb.New()} }
