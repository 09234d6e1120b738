package preferences

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/preferences/internal/preferencesdb"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	answerEvery = 300 * time.Millisecond
	sweepEvery  = time.Hour
	// keepEnded is how long a link is kept after its end, which looks the same
	// from outside as if it were gone.
	keepEnded = 30 * day
)

// Run sends the links that people asked for and forgets what has ended. It
// works until ctx ends; several processes may.
func (s *Service) Run(ctx context.Context) error {
	for {
		if err := s.once(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "preference links will be sent later", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(answerEvery):
		}
	}
}

func (s *Service) once(ctx context.Context) error {
	counted := s.clock.Now().Add(-time.Hour)
	tenants, err := s.tenants(ctx, "select tenants_with_preference_requests($1)", counted)
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		if err := s.answer(ctx, tenant); err != nil {
			return err
		}
		if err := s.q.DeleteRequests(ctx, s.db.Tenant(tenant), tenant, counted); err != nil {
			return err
		}
	}
	if now := s.clock.Now(); now.Sub(s.swept) > sweepEvery {
		if err := s.sweep(ctx, now.Add(-keepEnded)); err != nil {
			return err
		}
		s.swept = now
	}
	return nil
}

func (s *Service) tenants(ctx context.Context, sql string, before time.Time) ([]uuid.UUID, error) {
	rows, err := s.db.Unscoped().Query(ctx, sql, before)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

func (s *Service) sweep(ctx context.Context, before time.Time) error {
	tenants, err := s.tenants(ctx, "select tenants_with_ended_preference_links($1)", before)
	for _, tenant := range tenants {
		if err := s.q.DeleteEndedPreferenceLinks(ctx, s.db.Tenant(tenant), tenant, before); err != nil {
			return err
		}
	}
	return err
}

func (s *Service) answer(ctx context.Context, tenant uuid.UUID) error {
	ctx = web.WithActor(ctx, web.SystemActor(tenant, "preferences"))
	return pg.InTx(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		waiting, err := s.q.LockRequests(ctx, tx, tenant)
		if err != nil {
			return err
		}
		for _, r := range waiting {
			err := pg.InSavepoint(ctx, tx, func(ctx context.Context, tx pgx.Tx) error { return s.sendTx(ctx, tx, tenant, r) })
			// What a rule refuses now it will refuse tomorrow.
			if f, ok := fault.As(err); errors.Is(err, mail.ErrUnsafe) || (ok && f.Kind != fault.Unavailable) {
				s.log.WarnContext(ctx, "a preference link cannot be sent", "request", r.ID, "error", err)
			} else if err != nil {
				return err
			}
			if err := s.q.SettleRequest(ctx, tx, tenant, r.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// sendTx mails the links of all persons that are reached at an address; to an
// address that nobody has, nothing.
func (s *Service) sendTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, r preferencesdb.LockRequestsRow) error {
	found, err := s.contacts.FindByContactPointTx(ctx, tx, contacts.Email, *r.Email)
	if err != nil || len(found) == 0 {
		return err
	}
	institution, err := s.q.TenantFacts(ctx, tx, tenant)
	if err != nil {
		return err
	}
	var links []sentLink
	for _, person := range found[:min(len(found), perMail)] {
		point, err := s.q.PointOfLink(ctx, tx, preferencesdb.PointOfLinkParams{TenantID: tenant, ContactID: person.ID, Kind: contacts.Email, PointValue: *r.Email})
		if err != nil {
			return err
		}
		link, err := s.CreateTx(ctx, tx, NewLink{Contact: person.ID, Point: point.ID, Language: &r.Language, Life: sentLife})
		if err != nil {
			return err
		}
		links = append(links, sentLink{contacts.NameOf(person).Given, link.URL})
	}
	_, err = s.mail.SendTx(ctx, tx, requestedMail(r.Language, *r.Email, institution.Name, links))
	return err
}
