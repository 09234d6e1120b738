package preferences

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/text/language"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/preferences/internal/preferencesdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// NewLink describes a link to be made. Purpose is the code of the purpose of
// the message that it goes into; Life is defaultLife if zero.
type NewLink struct {
	Contact, Point              uuid.UUID
	Purpose, Campaign, Language *string
	Life                        time.Duration
}

// Link is a link with its address, which is known only now.
type Link struct {
	preferencesdb.PreferenceLink
	Point   uuid.UUID
	Purpose *string
	URL     string
}

// Create makes a link in a transaction of its own; see CreateTx.
func (s *Service) Create(ctx context.Context, n NewLink) (Link, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Link{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Link, error) { return s.CreateTx(ctx, tx, n) })
}

// CreateTx makes a link as part of tx, for a message that is queued in it.
func (s *Service) CreateTx(ctx context.Context, tx pgx.Tx, n NewLink) (Link, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Link{}, err
	}
	// A link is a way to write to the person.
	if err := s.contacts.RequireTx(ctx, tx, n.Contact, pg.Act); err != nil {
		return Link{}, err
	}
	point, err := s.q.PointForLink(ctx, tx, actor.Tenant, n.Contact, n.Point)
	if pg.IsNoRows(err) {
		return Link{}, fault.NotFound()
	}
	if err != nil {
		return Link{}, err
	}
	f := fault.Invalid()
	if len(channelsOf(point.Kind)) == 0 {
		f.AtParameter("contact_point_id", "wrong-channel")
	}
	if n.Language != nil {
		if _, err := language.Parse(*n.Language); err != nil {
			f.At("#/language", "unknown-language")
		}
	}
	purpose, err := s.purposeTx(ctx, tx, actor.Tenant, n.Purpose, f)
	if err != nil {
		return Link{}, err
	}
	if err := f.OrNil(); err != nil {
		return Link{}, err
	}
	if n.Life == 0 {
		n.Life = defaultLife
	}
	secret, hash := newSecret()
	now := s.clock.Now()
	row, err := s.q.InsertPreferenceLink(ctx, tx, preferencesdb.InsertPreferenceLinkParams{
		TenantID: actor.Tenant, ID: ids.New(), LinkHash: hash, ContactID: n.Contact, Kind: point.Kind, PointValue: point.Normalized,
		PurposeID: purpose, CampaignID: n.Campaign, Language: n.Language, CreatedAt: now, ExpiresAt: now.Add(n.Life),
	})
	if err != nil {
		return Link{}, err
	}
	facts := map[string]any{"contact_id": n.Contact.String()}
	if n.Purpose != nil {
		facts["purpose"] = *n.Purpose
	}
	return Link{PreferenceLink: row, Point: point.ID, Purpose: n.Purpose, URL: s.config.PublicURL + path + "/" + secret}, events.RecordTx(ctx, tx, events.Entry{
		Type: "preference_link.created", Subject: events.Subject{Kind: "preference_link", ID: row.ID, Version: 1}, Facts: facts,
	})
}

// purposeTx finds the purpose of a link. One that a person has no say in has
// nothing to unsubscribe from.
func (s *Service) purposeTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, code *string, f *fault.Error) (*uuid.UUID, error) {
	if code == nil {
		return nil, nil
	}
	p, err := s.q.PurposeByCode(ctx, tx, tenant, *code)
	switch {
	case pg.IsNoRows(err):
		f.At("#/purpose", "unknown-purpose")
		return nil, nil
	case err != nil:
		return nil, err
	case p.ArchivedAt != nil:
		f.At("#/purpose", "purpose-archived")
	case !optional(p.LegalBasis):
		f.At("#/purpose", "purpose-without-choice")
	}
	return &p.ID, nil
}

// optional: a person gives or withholds their consent (GDPR art. 7), and may
// object to what rests on an interest or a public task (art. 21).
func optional(legalBasis string) bool {
	return legalBasis == "consent" || legalBasis == "legitimate_interests" || legalBasis == "public_task"
}
