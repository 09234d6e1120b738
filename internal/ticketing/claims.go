package ticketing

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// claimHash is what is kept of an order's secret.
func claimHash(secret *string) *string {
	if secret == nil || *secret == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(*secret))
	text := hex.EncodeToString(sum[:])
	return &text
}

// Claim says that an order of nobody belongs to a contact, and shows that it
// does: with the order's secret, with the address given when buying, or on the
// word of whoever helps the buyer.
type Claim struct {
	Source, Number string
	ContactID      uuid.UUID
	Secret, Email  *string
	Reason         *string // of an agent
}

// ClaimOrder attributes an order of nobody to a contact. A wrong number and a
// wrong proof look the same.
func (s *Service) ClaimOrder(ctx context.Context, in Claim) (Order, error) {
	source, err := s.GetSource(ctx, in.Source)
	if err != nil {
		return Order{}, err
	}
	if err := s.mayGive(ctx, source.TenantID, &in.ContactID); err != nil {
		return Order{}, err
	}
	var id uuid.UUID
	err = s.deciding(ctx, source, func(ctx context.Context, tx pgx.Tx) ([]uuid.UUID, error) {
		found, err := s.q.FindOrderByNumber(ctx, tx, source.TenantID, source.ID, &in.Number)
		if err != nil {
			return nil, err
		}
		o, ok := proved(found, in)
		if !ok {
			return nil, fault.New(fault.Refused, "ticketing-claim-not-proved")
		}
		id = o.ID
		if sameID(o.ContactID, &in.ContactID) {
			return nil, nil
		}
		if o.ContactID != nil {
			return nil, fault.New(fault.Conflict, "ticketing-order-attributed")
		}
		d := decision{scope: scopeOrder, key: id.String(), action: actionContact, contact: &in.ContactID, origin: "claim", order: &id, reason: in.Reason}
		_, err = s.decide(ctx, tx, source.TenantID, d)
		return []uuid.UUID{id}, err
	})
	if err != nil {
		return Order{}, err
	}
	return s.orderWritten(ctx, id)
}

// proved finds the one order for which the proof holds.
func proved(found []ticketingdb.TicketingOrder, in Claim) (ticketingdb.TicketingOrder, bool) {
	var out []ticketingdb.TicketingOrder
	for _, o := range found {
		ok := false
		switch {
		case in.Secret != nil:
			ok = o.ClaimHash != nil && subtle.ConstantTimeCompare([]byte(*o.ClaimHash), []byte(*claimHash(in.Secret))) == 1
		case in.Email != nil:
			buyer := readPerson(o.Buyer)
			if buyer != nil && buyer.Email != nil {
				given, errGiven := contacts.NormalizeEmail(*in.Email)
				kept, errKept := contacts.NormalizeEmail(strings.TrimSpace(*buyer.Email))
				ok = errGiven == nil && errKept == nil && !generic(kept) && subtle.ConstantTimeCompare([]byte(given), []byte(kept)) == 1
			}
		default:
			ok = in.Reason != nil
		}
		if ok {
			out = append(out, o)
		}
	}
	if len(out) != 1 {
		return ticketingdb.TicketingOrder{}, false
	}
	return out[0], true
}

// mayGive is mayAttribute for whom something is to be given to, who must not be in
// the trash: a purge would take it along.
func (s *Service) mayGive(ctx context.Context, tenant uuid.UUID, contact *uuid.UUID) error {
	c, err := s.editable(ctx, tenant, contact)
	if err == nil && c.ArchivedAt != nil {
		err = fault.New(fault.Conflict, "contact-in-trash").Extra("contact_id", contact.String())
	}
	return err
}

// mayAttribute refuses to attribute anything to, or take it from, a contact that
// the actor does not see, was merged, or may not change.
func (s *Service) mayAttribute(ctx context.Context, tenant uuid.UUID, contact *uuid.UUID) error {
	_, err := s.editable(ctx, tenant, contact)
	return err
}

// editable is a contact that the actor sees and may change; nobody where none is
// named.
func (s *Service) editable(ctx context.Context, tenant uuid.UUID, contact *uuid.UUID) (contacts.Contact, error) {
	if contact == nil {
		return contacts.Contact{}, nil
	}
	c, err := s.contacts.Get(ctx, *contact)
	if err != nil {
		return c, err
	}
	may, err := s.q.MayOn(ctx, s.db.Tenant(tenant), string(pg.Edit), tenant, *contact)
	if err == nil && !may {
		err = fault.New(fault.Forbidden, "verb-not-held").With("verb", string(pg.Edit)).Extra("required_verb", string(pg.Edit))
	}
	return c, err
}
