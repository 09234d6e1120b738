package contacts

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// erasedFault refuses a contact that was erased, with nothing more about it.
func erasedFault() error { return fault.New(fault.Gone, "contact-erased") }

// Erasing is a contact that is about to be erased, with those that were merged
// into it: what is known of them, for whoever has to find the rest.
type Erasing struct {
	Contact     Contact
	Family      []Contact // the contact itself among them
	Points      []Point
	ExternalIDs []ExternalID
	At          time.Time
}

// IDs are those of the contact and of all that were merged into it.
func (e Erasing) IDs() []uuid.UUID {
	return web.Map(e.Family, func(c Contact) uuid.UUID { return c.ID })
}

// Reached are the normal forms of the addresses or numbers of a kind.
func (e Erasing) Reached(kind string) []string {
	var out []string
	for _, p := range e.Points {
		if p.Kind == kind && !slices.Contains(out, p.Normalized) {
			out = append(out, p.Normalized)
		}
	}
	return out
}

// MayEraseTx looks whether the actor may erase a contact, before anything is held.
// The database is asked, which knows what each department may do with it: what
// follows is done with a sight of everything.
func (s *Service) MayEraseTx(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	c, err := s.GetTx(ctx, tx, id)
	if err != nil {
		return err
	}
	may, err := s.q.MayOnContact(ctx, tx, string(pg.Delete), c.TenantID, c.ID)
	if err == nil && !may {
		err = notHeld(pg.Delete)
	}
	return err
}

// HoldForErasureTx holds a contact, all that were merged into it, and every name
// under which somebody could bring it back meanwhile. want is the version that
// the caller read. The scope of tx has to see everything.
func (s *Service) HoldForErasureTx(ctx context.Context, tx pgx.Tx, id uuid.UUID, want *int64) (Erasing, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Erasing{}, err
	}
	family, err := s.q.ListFamily(ctx, tx, actor.Tenant, id)
	if err != nil {
		return Erasing{}, err
	}
	// Names come before contacts, as wherever both are held.
	known, err := s.q.ListExternalIDsOf(ctx, tx, actor.Tenant, family)
	if err != nil {
		return Erasing{}, err
	}
	if err := s.q.LockNames(ctx, tx, lockNames(actor.Tenant, known)); err != nil {
		return Erasing{}, err
	}
	e := Erasing{At: s.clock.Now()}
	if e.Family, err = s.q.LockFamily(ctx, tx, actor.Tenant, family); err != nil {
		return Erasing{}, err
	}
	at := slices.IndexFunc(e.Family, func(c Contact) bool { return c.ID == id })
	if at < 0 {
		return Erasing{}, fault.NotFound()
	}
	e.Contact = e.Family[at]
	if err := present(e.Contact); err != nil {
		return Erasing{}, err
	}
	if err := web.CheckVersion(want, e.Contact.Version); err != nil {
		return Erasing{}, err
	}
	if e.Points, err = s.q.ListPointsOf(ctx, tx, actor.Tenant, family); err != nil {
		return Erasing{}, err
	}
	e.ExternalIDs, err = s.q.ListExternalIDsOf(ctx, tx, actor.Tenant, family)
	return e, err
}

// Erased is how much of a contact went.
type Erased struct{ Contacts, Points, Addresses, ExternalIDs, Tags int64 }

// EraseTx takes everything out of the register that says who a contact is (GDPR
// art. 17): its fields, the ways to reach it, its names elsewhere, its tags, and
// what it is searched by. Its row stays under its identifier, for what is kept
// and refers to it, and with the departments that held it, which say who may
// learn that it was erased. Its names and ways to be reached stay as keyed
// hashes. contact.erased is told of each; the values in the log are for the
// caller to remove.
func (s *Service) EraseTx(ctx context.Context, tx pgx.Tx, e Erasing) (Erased, error) {
	out, tenant, all := Erased{}, e.Contact.TenantID, e.IDs()
	if err := s.rememberErased(ctx, tx, e); err != nil {
		return out, err
	}
	var err error
	for _, part := range []struct {
		count *int64
		erase func(context.Context, contactsdb.DBTX, uuid.UUID, []uuid.UUID) (int64, error)
	}{{&out.Points, s.q.ErasePoints}, {&out.Addresses, s.q.EraseAddresses}, {&out.ExternalIDs, s.q.EraseExternalIDs}, {&out.Tags, s.q.EraseTags}} {
		if *part.count, err = part.erase(ctx, tx, tenant, all); err != nil {
			return out, err
		}
	}
	if err := s.q.EraseSearch(ctx, tx, tenant, all); err != nil {
		return out, err
	}
	var told []events.Entry
	for _, c := range e.Family {
		after, err := s.q.EraseContact(ctx, tx, contactsdb.EraseContactParams{TenantID: tenant, ID: c.ID, DisplayName: blankName, SortName: Fold(blankName), ErasedAt: e.At})
		if err != nil {
			return out, err
		}
		out.Contacts++
		facts := map[string]any{"kind": after.Kind}
		if c.ID != e.Contact.ID {
			facts["survivor_id"] = e.Contact.ID
		}
		told = append(told, events.Entry{Type: "contact.erased", Subject: events.Subject{Kind: "contact", ID: c.ID, Version: after.Version}, Facts: facts, At: e.At})
	}
	return out, events.RecordTx(ctx, tx, told...)
}

// Seen reports, in the words for a contact that is not there, whether the actor
// sees what is left of one that was erased.
func (s *Service) Seen(ctx context.Context, id uuid.UUID) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	db := s.db.Tenant(actor.Tenant)
	c, err := s.q.GetContact(ctx, db, actor.Tenant, id)
	if err != nil {
		return err
	}
	return s.seen(ctx, db, c)
}
