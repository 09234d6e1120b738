package ticketing

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// mostProfiles bounds what a look-up answers with: who shares an address with
// more people is not found by it.
const mostProfiles = 20

// Lookup is by what a seller looks somebody up: exactly one of the members.
type Lookup struct {
	Source, ExternalID string
	Email, Phone, Card *string
}

// Profile is as much of a contact as a seller needs to greet the right person.
type Profile struct {
	contacts.Contact
	PostalCode  *string
	Minor       *bool
	LastOrderAt *time.Time
}

// LookUp finds whom it could be and says by what. It finds only whom the actor
// sees, and by a way of reaching somebody only whose ways it may see.
func (s *Service) LookUp(ctx context.Context, by Lookup) (matchedOn string, out []Profile, err error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return "", nil, err
	}
	err = pg.Snapshot(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		var found []contacts.Contact
		if matchedOn, found, err = s.find(ctx, tx, by); err != nil {
			return err
		}
		out, err = s.profiles(ctx, tx, actor.Tenant, found[:min(len(found), mostProfiles)])
		return err
	})
	return matchedOn, out, err
}

func (s *Service) find(ctx context.Context, tx pgx.Tx, by Lookup) (string, []contacts.Contact, error) {
	named := func(source, name string) ([]contacts.Contact, error) {
		c, err := s.contacts.FindByExternalIDTx(ctx, tx, source, name)
		if err != nil || c == nil {
			return nil, err
		}
		return []contacts.Contact{*c}, nil
	}
	reached := func(kind, normal string) ([]contacts.Contact, error) {
		found, err := s.contacts.FindByContactPointTx(ctx, tx, kind, normal)
		// Persons first, then whoever was known first.
		slices.SortStableFunc(found, func(a, b contacts.Contact) int { return -strings.Compare(a.Kind, b.Kind) })
		return found, err
	}
	switch {
	case by.Email != nil:
		normal, err := contacts.NormalizeEmail(*by.Email)
		if err != nil {
			return "", nil, fault.Invalid().At("#/email", "email")
		}
		found, err := reached(contacts.Email, normal)
		return "email", found, err
	case by.Phone != nil:
		normal, err := contacts.NormalizePhone(*by.Phone, "")
		if err != nil {
			return "", nil, fault.Invalid().At("#/phone", "phone")
		}
		found, err := reached(contacts.Phone, normal)
		return "phone", found, err
	case by.Card != nil:
		found, err := named(cardSource, strings.TrimSpace(*by.Card))
		return "card_number", found, err
	}
	found, err := named(by.Source, by.ExternalID)
	return "external_ref", found, err
}

func (s *Service) profiles(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, found []contacts.Contact) ([]Profile, error) {
	out := make([]Profile, 0, len(found))
	at := map[uuid.UUID]int{}
	var named []uuid.UUID
	today := s.clock.Now()
	for _, c := range found {
		p := Profile{Contact: c}
		if c.Birthdate != nil {
			minor := today.Before(c.Birthdate.AddDate(18, 0, 0))
			p.Minor = &minor
		}
		at[c.ID] = len(out)
		named = append(named, c.ID)
		out = append(out, p)
	}
	if len(named) == 0 {
		return out, nil
	}
	web.NoteSubjects(ctx, named...)
	postcodes, err := s.q.FindPostcodes(ctx, tx, tenant, named)
	if err != nil {
		return nil, err
	}
	for _, r := range postcodes {
		out[at[r.ContactID]].PostalCode = r.PostalCode
	}
	orders, err := s.q.FindLastOrders(ctx, tx, tenant, named)
	for _, r := range orders {
		out[at[r.ContactID]].LastOrderAt = new(r.LastOrderAt)
	}
	return out, err
}
