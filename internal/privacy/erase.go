package privacy

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/privacy/internal/privacydb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Instruction is on whose word somebody is erased: a processor erases on the
// documented instruction of the controller (GDPR art. 28(3)(a)), who acts on the
// person's request or because the time is over.
type Instruction struct{ Reason, Reference string }

// Erasure is the record of an erasure, with what the ticketing systems were told.
type Erasure struct {
	privacydb.PrivacyErasure
	Erased, Kept Counts
	Notices      []privacydb.ListNoticesRow
}

// Counts are how many of what, by the names of the contract.
type Counts map[string]int64

// What is erased and what is kept, by the names of the contract.
const (
	theContacts    = "contacts"
	thePoints      = "contact_points"
	theAddresses   = "addresses"
	theExternalIDs = "external_ids"
	theTags        = "tags"
	theFacts       = "sensitive_facts"
	theSubmissions = "form_submissions"
	theLinks       = "preference_links"
	theMails       = "mails"
	theConsents    = "consents"
	theAccounts    = "ticketing_accounts"
	theTickets     = "tickets_of_others"
	theChanges     = "changes_in_history"
	theReasons     = "reasons_of_reads"
	theOrders      = "orders"
	theMemberships = "memberships"
	theGiftCards   = "gift_cards"
	theBookings    = "group_bookings"
	theVouchers    = "vouchers"
	theNames       = "name_hashes"
	theOppositions = "opposition_hashes"
)

// Erase takes everything personal about a contact, and about all that were merged
// into it, out of everything that is kept (GDPR art. 17): all of it or nothing.
// want is the version that the caller read.
func (s *Service) Erase(ctx context.Context, contact uuid.UUID, want *int64, in Instruction) (Erasure, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Erasure{}, err
	}
	out, err := pg.InTxValue(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Erasure, error) {
		if err := s.Contacts.MayEraseTx(ctx, tx, contact); err != nil {
			return Erasure{}, err
		}
		var out Erasure
		// Whoever may erase somebody erases all of them, also what they do not see.
		err := pg.AsEverything(ctx, tx, func(ctx context.Context) error {
			var err error
			out, err = s.erase(ctx, tx, actor, contact, want, in)
			return err
		})
		return out, err
	})
	if err == nil {
		s.Vendors.Ring()
	}
	return out, err
}

func (s *Service) erase(ctx context.Context, tx pgx.Tx, actor web.Actor, contact uuid.UUID, want *int64, in Instruction) (Erasure, error) {
	// Sources before contacts, as in whatever takes sales in.
	if err := s.Sales.HoldAllTx(ctx, tx); err != nil {
		return Erasure{}, err
	}
	e, err := s.Contacts.HoldForErasureTx(ctx, tx, contact, want)
	if err != nil {
		return Erasure{}, err
	}
	erased, kept := Counts{}, Counts{}
	if err := s.eraseHere(ctx, tx, e, erased); err != nil {
		return Erasure{}, err
	}
	kept[theConsents] = erased[theConsents]
	kept[theNames], kept[theOppositions] = erased[theExternalIDs], int64(len(e.Reached(contacts.Email))+len(e.Reached(contacts.Phone)))
	sold, err := s.Sales.EraseTx(ctx, tx, e)
	if err != nil {
		return Erasure{}, err
	}
	erased[theAccounts], erased[theTickets] = int64(len(sold.Accounts)), sold.Tickets
	kept[theOrders], kept[theMemberships], kept[theGiftCards], kept[theBookings], kept[theVouchers] = sold.Orders, sold.Memberships, sold.GiftCards, sold.Bookings, sold.Vouchers
	if err := s.Figures.EraseTx(ctx, tx, e.IDs()); err != nil {
		return Erasure{}, err
	}
	// The log last, since what was done until here is told there too.
	for _, id := range e.IDs() {
		gone, err := audit.EraseSubjectTx(ctx, tx, id)
		if err != nil {
			return Erasure{}, err
		}
		erased[theChanges] += gone.Changes
		erased[theReasons] += gone.Reasons
	}
	out, err := s.register(ctx, tx, actor, e, in, erased, kept)
	if err != nil {
		return Erasure{}, err
	}
	if err := s.tell(ctx, tx, actor.Tenant, out.ID, sold, e.At); err != nil {
		return Erasure{}, err
	}
	out.Notices, err = s.q.ListNotices(ctx, tx, actor.Tenant, out.ID)
	return out, err
}

// eraseHere empties what the institution itself has of a person.
func (s *Service) eraseHere(ctx context.Context, tx pgx.Tx, e contacts.Erasing, erased Counts) error {
	var err error
	if erased[theSubmissions], err = s.Submissions.EraseTx(ctx, tx, e); err != nil {
		return err
	}
	if erased[theLinks], err = s.Links.EraseTx(ctx, tx, e); err != nil {
		return err
	}
	if erased[theMails], err = s.Mail.EraseTx(ctx, tx, spellings(e)); err != nil {
		return err
	}
	if erased[theFacts], err = s.Sensitive.EraseTx(ctx, tx, e.IDs()); err != nil {
		return err
	}
	register, err := s.Contacts.EraseTx(ctx, tx, e)
	if err != nil {
		return err
	}
	erased[theContacts], erased[thePoints], erased[theAddresses], erased[theExternalIDs], erased[theTags] =
		register.Contacts, register.Points, register.Addresses, register.ExternalIDs, register.Tags
	erased[theConsents], err = s.Consents.EraseTx(ctx, tx, e.IDs())
	return err
}

// spellings are the e-mail addresses of a person, as typed and in normal form.
func spellings(e contacts.Erasing) []string {
	out := e.Reached(contacts.Email)
	for _, p := range e.Points {
		if p.Kind == contacts.Email && !slices.Contains(out, p.Value) {
			out = append(out, p.Value)
		}
	}
	return out
}

// register keeps that somebody was erased, without saying who they were.
func (s *Service) register(ctx context.Context, tx pgx.Tx, actor web.Actor, e contacts.Erasing, in Instruction, erased, kept Counts) (Erasure, error) {
	out := Erasure{Erased: erased, Kept: kept}
	erasedRaw, err := json.Marshal(erased)
	if err != nil {
		return out, err
	}
	keptRaw, err := json.Marshal(kept)
	if err != nil {
		return out, err
	}
	out.PrivacyErasure, err = s.q.InsertErasure(ctx, tx, privacydb.InsertErasureParams{
		TenantID: actor.Tenant, ID: ids.New(), ContactID: e.Contact.ID, InstructionReference: in.Reference, Reason: in.Reason,
		ActorKind: string(actor.Kind), ActorID: actor.ID, RequestID: web.RequestID(ctx), ErasedAt: e.At, Erased: erasedRaw, Kept: keptRaw,
	})
	return out, err
}

// tell asks each ticketing system to forget the accounts there, and keeps what
// it was told (GDPR art. 19).
func (s *Service) tell(ctx context.Context, tx pgx.Tx, tenant, erasure uuid.UUID, sold Sold, at time.Time) error {
	of := map[uuid.UUID][]Record{}
	for _, r := range sold.Records {
		of[r.Source] = append(of[r.Source], r)
	}
	for source, records := range of {
		if err := s.Vendors.EraseTx(ctx, tx, source, records); err != nil {
			return err
		}
	}
	for _, a := range sold.Accounts {
		command, code, err := s.Vendors.AnonymizeTx(ctx, tx, a.Source, a.Name)
		if err != nil {
			return err
		}
		n := privacydb.InsertNoticeParams{TenantID: tenant, ID: ids.New(), ErasureID: erasure, SourceID: a.Source, CommandID: command, Status: "queued", UpdatedAt: at}
		if code != "" {
			n.Status, n.Code = "unsupported", &code
		}
		if err := s.q.InsertNotice(ctx, tx, n); err != nil {
			return err
		}
	}
	return nil
}

// Get returns the erasure of a contact.
func (s *Service) Get(ctx context.Context, contact uuid.UUID) (Erasure, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Erasure{}, err
	}
	db := s.DB.Tenant(actor.Tenant)
	row, err := s.q.GetErasure(ctx, db, actor.Tenant, contact)
	if err != nil {
		return Erasure{}, err
	}
	// As for the contact itself: who does not see what is left of it is told nothing.
	if err := s.Contacts.Seen(ctx, row.ContactID); err != nil {
		return Erasure{}, err
	}
	out := Erasure{PrivacyErasure: row, Erased: Counts{}, Kept: Counts{}}
	if err := json.Unmarshal(row.Erased, &out.Erased); err != nil {
		return out, err
	}
	if err := json.Unmarshal(row.Kept, &out.Kept); err != nil {
		return out, err
	}
	out.Notices, err = s.q.ListNotices(ctx, db, actor.Tenant, row.ID)
	return out, err
}

// Why a system did not forget an account.
const (
	refusedByVendor = "ticketing-command-rejected"
	unknownToVendor = "capability-missing"
)

// NoteTx keeps what came of a command that asked a system to forget an account;
// of others it knows nothing.
func (s *Service) NoteTx(ctx context.Context, tx pgx.Tx, command uuid.UUID, status string, unsupported bool) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	p := privacydb.NoteCommandParams{TenantID: actor.Tenant, CommandID: command, Status: status, UpdatedAt: s.Clock.Now()}
	var code string
	switch {
	case unsupported:
		p.Status, code = "unsupported", unknownToVendor
	case status != "confirmed":
		code = refusedByVendor
	}
	if code != "" {
		p.Code = &code
	}
	return s.q.NoteCommand(ctx, tx, p)
}
