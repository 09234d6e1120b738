package consents

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/consents/internal/consentsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// The answers of the ledger.
const (
	Given     = "given"
	Withdrawn = "withdrawn"
	Refused   = "refused"
	Pending   = "pending"
	Expired   = "expired"
)

// The channels; a consent holds for one of them.
const (
	Email = "email"
	SMS   = "sms"
	Phone = "phone"
	Post  = "post"
)

// Entry is an answer to be recorded. An absent answer is no answer: record
// nothing for it. Order does not matter: what counts is When.
type Entry struct {
	Contact uuid.UUID
	// Purpose is the code of a registered purpose.
	Purpose string
	Channel string
	Action  string
	// ContactPoint is the address or number the answer is for, PostalAddress the
	// address by post. Required when Action is Given or Pending; without one, a
	// no speaks for the whole channel.
	ContactPoint  *uuid.UUID
	PostalAddress *uuid.UUID
	// Controller is the name of a partner; empty for the institution.
	Controller string
	// When the person answered; zero is now. Zone is the IANA time zone there.
	When      time.Time
	Zone      string
	ExpiresAt *time.Time
	// Source and Reference name what said so; told twice, it is recorded once.
	Source    string
	Reference string
	Mechanism string
	// WordingID is a stored text; Wording one to be stored with the answer.
	WordingID     *uuid.UUID
	Wording       *Wording
	FormID        *uuid.UUID
	FormVersion   *int64
	URL           *string
	CampaignID    *string
	WithdrawalURL *string
	Evidence      Evidence
}

// clockSkew is how far in the future a source's clock may be.
const clockSkew = 5 * time.Minute

var eventTypes = map[string]string{
	Given: "consent.granted", Withdrawn: "consent.withdrawn", Refused: "consent.refused", Pending: "consent.pending", Expired: "consent.expired",
}

// RecordTx appends an answer to the ledger as part of tx, with its event, and
// returns the entry. An answer already recorded under the same source,
// reference, action and time is returned as it is, without another event.
func (s *Service) RecordTx(ctx context.Context, tx pgx.Tx, in Entry) (Consent, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Consent{}, err
	}
	now := s.clock.Now()
	if err := in.complete(now); err != nil {
		return Consent{}, err
	}
	if err := s.present(ctx, tx, actor.Tenant, in.Contact); err != nil {
		return Consent{}, err
	}
	purpose, err := s.purposeFor(ctx, tx, actor.Tenant, in)
	if err != nil {
		return Consent{}, err
	}
	if in.Controller, err = s.asNamedBefore(ctx, tx, actor.Tenant, in); err != nil {
		return Consent{}, err
	}
	value, err := s.pointValue(ctx, tx, actor.Tenant, in)
	if err != nil {
		return Consent{}, err
	}
	wording, err := s.wordingFor(ctx, tx, actor.Tenant, in)
	if err != nil {
		return Consent{}, err
	}
	// The chain's lock comes before the search, so that two senders of the same
	// answer see each other.
	if err := s.q.LockChain(ctx, tx, in.Contact.String()); err != nil {
		return Consent{}, err
	}
	if in.Reference != "" {
		known, err := s.q.FindByReference(ctx, tx, consentsdb.FindByReferenceParams{
			TenantID: actor.Tenant, Source: in.Source, Reference: in.Reference, ContactID: in.Contact, PurposeID: purpose.ID,
			Channel: in.Channel, Controller: in.Controller, Action: in.Action, OccurredAt: in.When,
		})
		if err == nil || !pg.IsNoRows(err) {
			return known, err
		}
	}
	row, err := s.row(ctx, tx, actor, in, purpose, wording, value, now)
	if err != nil {
		return Consent{}, err
	}
	c, err := s.q.InsertConsent(ctx, tx, row)
	if err != nil {
		return Consent{}, err
	}
	return c, events.RecordTx(ctx, tx, events.Entry{
		Type: eventTypes[in.Action], Source: in.Source, Subject: events.Subject{Kind: "consent", ID: c.ID, Version: 1},
		Facts: map[string]any{"purpose": purpose.Code, "channel": c.Channel, "contact_id": c.ContactID.String(), "state": c.Action},
	})
}

// asNamedBefore is the partner as the contact's ledger names them already: small
// and capital letters make no two of one, or a withdrawal would miss its consent.
func (s *Service) asNamedBefore(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, in Entry) (string, error) {
	if in.Controller == "" {
		return "", nil
	}
	known, err := s.q.ListControllers(ctx, tx, tenant, in.Contact)
	for _, name := range known {
		if strings.EqualFold(name, in.Controller) {
			return name, err
		}
	}
	return in.Controller, err
}

// complete fills what may be left out and checks what the contract cannot.
func (in *Entry) complete(now time.Time) error {
	if in.When.IsZero() {
		in.When = now
	}
	in.When = in.When.UTC().Truncate(time.Microsecond)
	if in.Zone == "" {
		in.Zone = "UTC"
	}
	f := fault.Invalid()
	if said := in.Controller; said != "" {
		if in.Controller = strings.Join(strings.Fields(norm.NFC.String(said)), " "); in.Controller == "" {
			f.At("#/controller", "required")
		}
	}
	if _, known := eventTypes[in.Action]; !known {
		f.At("#/action", "enum", "allowed", "given, withdrawn, refused, pending, expired")
	}
	if !clock.IsZone(in.Zone) {
		f.At("#/zone", "unknown-time-zone")
	}
	if in.Mechanism == "preticked" || in.Mechanism == "terms_acceptance" {
		f.At("#/mechanism", "not-a-consent")
	}
	switch {
	case in.When.After(now.Add(clockSkew)):
		f.At("#/at", "in-the-future")
	case in.When.Year() < 1900:
		f.At("#/at", "not-a-date")
	}
	if in.WordingID != nil && in.Wording != nil {
		f.At("#/wording", "one-wording")
	}
	if in.ExpiresAt != nil && in.Action != Given && in.Action != Pending {
		f.At("#/expires_at", "nothing-to-expire")
	}
	if in.ExpiresAt != nil && !in.ExpiresAt.After(in.When) {
		f.At("#/expires_at", "ends-before-start")
	}
	switch {
	case in.Channel == Post && in.ContactPoint != nil:
		f.At("#/contact_point_id", "wrong-channel")
	case in.Channel != Post && in.PostalAddress != nil:
		f.At("#/address_id", "wrong-channel")
	case (in.Action == Given || in.Action == Pending) && in.ContactPoint == nil && in.PostalAddress == nil:
		pointer := "#/contact_point_id"
		if in.Channel == Post {
			pointer = "#/address_id"
		}
		f.At(pointer, "address-of-consent")
	}
	return f.OrNil()
}

// pointValue is what the answer is bound to: the address itself, so that a
// changed address does not inherit it.
func (s *Service) pointValue(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, in Entry) (*string, error) {
	switch {
	case in.ContactPoint != nil:
		p, err := s.q.PointForConsent(ctx, tx, tenant, in.Contact, *in.ContactPoint)
		if pg.IsNoRows(err) {
			return nil, fault.Invalid().At("#/contact_point_id", "unknown-reference")
		}
		if err != nil {
			return nil, err
		}
		if want := pointKind(in.Channel); p.Kind != want {
			return nil, fault.Invalid().At("#/contact_point_id", "wrong-channel")
		}
		return &p.Normalized, nil
	case in.PostalAddress != nil:
		value, err := s.q.AddressForConsent(ctx, tx, tenant, in.Contact, *in.PostalAddress)
		if pg.IsNoRows(err) {
			return nil, fault.Invalid().At("#/address_id", "unknown-reference")
		}
		return &value, err
	}
	return nil, nil
}

// pointKind is the kind of contact point that a channel needs.
func pointKind(channel string) string {
	if channel == Email {
		return "email"
	}
	return "phone"
}

func (s *Service) row(ctx context.Context, tx pgx.Tx, actor web.Actor, in Entry, purpose Purpose, wording *StoredWording, value *string, now time.Time) (consentsdb.InsertConsentParams, error) {
	name := in.Controller
	if name == "" {
		var err error
		if name, err = s.q.TenantName(ctx, tx, actor.Tenant); err != nil {
			return consentsdb.InsertConsentParams{}, err
		}
	}
	evidence, err := json.Marshal(in.Evidence.kept())
	if err != nil {
		return consentsdb.InsertConsentParams{}, err
	}
	purposeCopy, err := json.Marshal(map[string]any{"code": purpose.Code, "name": purpose.Name, "legal_basis": purpose.LegalBasis})
	if err != nil {
		return consentsdb.InsertConsentParams{}, err
	}
	row := consentsdb.InsertConsentParams{
		TenantID: actor.Tenant, ID: ids.New(), ContactID: in.Contact, ContactPointID: in.ContactPoint, AddressID: in.PostalAddress,
		PointValue: value, PurposeID: purpose.ID, Channel: in.Channel, Controller: in.Controller, Action: in.Action,
		OccurredAt: in.When, Zone: in.Zone, RecordedAt: now, ExpiresAt: in.ExpiresAt, Source: in.Source, Reference: in.Reference,
		ActorKind: string(actor.Kind), ActorID: actor.ID, Mechanism: in.Mechanism, FormID: in.FormID, FormVersion: in.FormVersion,
		URL: in.URL, CampaignID: in.CampaignID, Evidence: evidence, WithdrawalURL: in.WithdrawalURL,
		PurposeCopy: purposeCopy, ControllerName: name, Sequence: 1, PreviousDigest: make([]byte, 32),
	}
	if wording != nil {
		row.WordingID = &wording.ID
	}
	head, err := s.q.ChainHead(ctx, tx, actor.Tenant, in.Contact)
	switch {
	case err == nil:
		row.Sequence, row.PreviousDigest = head.Sequence+1, head.Digest
	case !pg.IsNoRows(err):
		return row, err
	}
	row.Digest, err = DigestOf(Consent(row), wording)
	return row, err
}
