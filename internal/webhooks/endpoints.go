package webhooks

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

// maxEndpoints bounds what one event can cost an institution's database.
const maxEndpoints = 200

// States of an endpoint.
const (
	pending  = "pending"
	active   = "active"
	disabled = "disabled"
)

// Endpoint is an endpoint with how it fares.
type Endpoint struct {
	webhooksdb.WebhookEndpoint
	LastSuccessAt       *time.Time
	FailingSince        *time.Time
	OldestUndeliveredAt *time.Time
}

// EndpointSecret is an endpoint with what is shown only once.
type EndpointSecret struct {
	Endpoint  Endpoint
	Secret    string // whsec_…
	PublicKey string // whpk_…
}

// NewEndpoint describes an endpoint to be made. Payload is "thin" or "full",
// Format "standard" or "cloudevents", Verification byEvent or byOptions.
type NewEndpoint struct {
	Verification string
	URL          string
	EventTypes   []string
	Payload      string
	Format       string
	Description  string
}

// Create makes an endpoint, pending until its address proves itself. Events
// recorded from now on are kept for it meanwhile.
func (s *Service) Create(ctx context.Context, in NewEndpoint) (EndpointSecret, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return EndpointSecret{}, err
	}
	if err := allowTypes(actor, in.EventTypes); err != nil {
		return EndpointSecret{}, err
	}
	url, err := s.checkURL(ctx, in.URL)
	if err != nil {
		return EndpointSecret{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (EndpointSecret, error) {
		head, err := s.lockLog(ctx, tx, actor.Tenant)
		if err != nil {
			return EndpointSecret{}, err
		}
		n, err := s.q.CountEndpoints(ctx, tx, actor.Tenant)
		if err != nil {
			return EndpointSecret{}, err
		}
		if n >= maxEndpoints {
			return EndpointSecret{}, fault.New(fault.Conflict, "webhook-endpoints-limit").With("limit", maxEndpoints)
		}
		e, err := s.q.InsertEndpoint(ctx, tx, webhooksdb.InsertEndpointParams{
			TenantID: actor.Tenant, ID: ids.New(), URL: url, EventTypes: in.EventTypes, Scopes: nonNil(actor.Scopes), Payload: in.Payload,
			Format: in.Format, Verification: in.Verification, Description: in.Description, FromSequence: head, VerificationID: ids.New(),
			MadeByKind: string(actor.Kind), MadeBy: actor.ID,
		})
		if err != nil {
			return EndpointSecret{}, err
		}
		var out EndpointSecret
		if out.Secret, out.PublicKey, err = s.newKeyTx(ctx, tx, actor.Tenant, e.ID); err != nil {
			return EndpointSecret{}, err
		}
		if err := s.q.InsertQueue(ctx, tx, actor.Tenant, e.ID); err != nil {
			return EndpointSecret{}, err
		}
		if err := s.startVerification(ctx, tx, e); err != nil {
			return EndpointSecret{}, err
		}
		out.Endpoint = Endpoint{WebhookEndpoint: e}
		return out, events.RecordTx(ctx, tx, events.Entry{Type: "webhook_endpoint.created", Subject: subject(e), Facts: facts(e)})
	})
}

// lockLog stops the fan-out for this transaction, so that an endpoint that
// begins to receive misses no event and gets none twice, and returns the last
// number given out.
func (s *Service) lockLog(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (int64, error) {
	if err := s.q.EnsureCursor(ctx, tx, tenant); err != nil {
		return 0, err
	}
	done, err := s.q.LockCursor(ctx, tx, tenant)
	if err != nil {
		return 0, err
	}
	head, err := s.q.GetHeadSequence(ctx, tx, tenant)
	if err != nil && !pg.IsNoRows(err) {
		return 0, err
	}
	return max(head, done), nil
}

// checkURL refuses an address that strangers may not send us to.
func (s *Service) checkURL(ctx context.Context, raw string) (string, error) {
	url, err := s.client.ValidateURLContext(ctx, raw)
	if refused, ok := errors.AsType[*egress.Error](err); ok {
		return "", fault.Invalid().Because(err).At("#/url", strings.ReplaceAll(string(refused.Code), "_", "-"))
	}
	if err != nil {
		return "", err
	}
	return url.String(), nil
}

// Get returns an endpoint of the actor's tenant.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Endpoint, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Endpoint{}, err
	}
	e, err := s.q.GetEndpoint(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	if err != nil {
		return Endpoint{}, err
	}
	return s.withHealth(ctx, s.db.Tenant(actor.Tenant), e)
}

// Position is where a walk through the endpoints stands.
type Position struct {
	CreatedAt time.Time `json:"c"`
	ID        uuid.UUID `json:"i"`
}

// List returns at most limit endpoints after a position, newest first.
func (s *Service) List(ctx context.Context, statuses []string, after *Position, limit int) ([]Endpoint, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	p := webhooksdb.ListEndpointsParams{TenantID: actor.Tenant, Statuses: nonNil(statuses), PageSize: int32(limit)}
	if after != nil {
		p.AfterCreatedAt, p.AfterID = &after.CreatedAt, &after.ID
	}
	rows, err := s.q.ListEndpoints(ctx, s.db.Tenant(actor.Tenant), p)
	if err != nil {
		return nil, err
	}
	return s.allWithHealth(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, rows)
}

func (s *Service) withHealth(ctx context.Context, db pg.DBTX, e webhooksdb.WebhookEndpoint) (Endpoint, error) {
	all, err := s.allWithHealth(ctx, db, e.TenantID, []webhooksdb.WebhookEndpoint{e})
	if err != nil {
		return Endpoint{}, err
	}
	return all[0], nil
}

func (s *Service) allWithHealth(ctx context.Context, db pg.DBTX, tenant uuid.UUID, rows []webhooksdb.WebhookEndpoint) ([]Endpoint, error) {
	wanted := make([]uuid.UUID, 0, len(rows))
	for _, e := range rows {
		wanted = append(wanted, e.ID)
	}
	found, err := s.q.GetHealth(ctx, db, tenant, wanted)
	if err != nil {
		return nil, err
	}
	by := map[uuid.UUID]webhooksdb.GetHealthRow{}
	for _, h := range found {
		by[h.EndpointID] = h
	}
	out := make([]Endpoint, 0, len(rows))
	for _, e := range rows {
		h := by[e.ID]
		full := Endpoint{WebhookEndpoint: e, LastSuccessAt: h.LastSuccessAt, FailingSince: h.FailingSince}
		if h.OldestUndeliveredAt.Unix() > 0 {
			full.OldestUndeliveredAt = &h.OldestUndeliveredAt
		}
		out = append(out, full)
	}
	return out, nil
}

// Change is what to change of an endpoint; nil leaves as it is.
type Change struct {
	URL        *string
	EventTypes []string
	Payload    *string
	Format     *string
	// Verification, if it becomes another, is made anew.
	Verification *string
	Description  *string
	Status       *string // "active" or "disabled"
}

// Update changes an endpoint. A new address, or activation after it was
// disabled, starts a verification.
func (s *Service) Update(ctx context.Context, id uuid.UUID, want *int64, in Change) (Endpoint, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Endpoint{}, err
	}
	if in.URL != nil {
		if *in.URL, err = s.checkURL(ctx, *in.URL); err != nil {
			return Endpoint{}, err
		}
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Endpoint, error) {
		head, err := s.lockLog(ctx, tx, actor.Tenant)
		if err != nil {
			return Endpoint{}, err
		}
		before, err := s.q.LockEndpoint(ctx, tx, actor.Tenant, id)
		if err != nil {
			return Endpoint{}, err
		}
		if err := web.CheckVersion(want, before.Version); err != nil {
			return Endpoint{}, err
		}
		after := apply(before, in)
		if err := s.turn(ctx, actor, before, &after, in.EventTypes != nil); err != nil {
			return Endpoint{}, err
		}
		verify := after.Status != disabled && (after.URL != before.URL || after.Verification != before.Verification || before.Status == disabled)
		if verify {
			// What another address granted, or this one at another time, is over.
			after.Status, after.VerificationID, after.AllowedRate = pending, ids.New(), nil
		}
		if before.Status == disabled && verify {
			after.FromSequence = head
		}
		changes, err := events.Diff(settings(before), settings(after))
		if err != nil {
			return Endpoint{}, err
		}
		if len(changes) == 0 {
			return s.withHealth(ctx, tx, before)
		}
		after, err = s.q.UpdateEndpoint(ctx, tx, updateParams(after))
		if err != nil {
			return Endpoint{}, err
		}
		if verify {
			err = s.startVerification(ctx, tx, after)
		} else {
			err = s.q.PushQueues(ctx, tx, actor.Tenant, []uuid.UUID{id})
		}
		if err != nil {
			return Endpoint{}, err
		}
		s.changed(actor.Tenant)
		entries := []events.Entry{{Type: "webhook_endpoint.updated", Subject: subject(after), Changes: changes}}
		if after.Status == disabled && before.Status != disabled {
			entries = append(entries, events.Entry{Type: "webhook_endpoint.disabled", Subject: subject(after), Facts: map[string]any{"reason": "requested"}})
		}
		if err := events.RecordTx(ctx, tx, entries...); err != nil {
			return Endpoint{}, err
		}
		return s.withHealth(ctx, tx, after)
	})
}

// turn decides who answers for a stream that a change turns elsewhere, or begins
// again.
func (s *Service) turn(ctx context.Context, actor web.Actor, before webhooksdb.WebhookEndpoint, after *webhooksdb.WebhookEndpoint, types bool) error {
	if after.URL != before.URL || types || after.Payload != before.Payload {
		// Whoever turns the stream elsewhere must be allowed to read it.
		return takeOver(actor, after)
	}
	if before.Status == disabled && after.Status != disabled {
		return s.revive(ctx, actor, after)
	}
	return nil
}

func apply(e webhooksdb.WebhookEndpoint, in Change) webhooksdb.WebhookEndpoint {
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&e.URL, in.URL)
	set(&e.Payload, in.Payload)
	set(&e.Format, in.Format)
	set(&e.Verification, in.Verification)
	set(&e.Description, in.Description)
	if in.EventTypes != nil {
		e.EventTypes = in.EventTypes
	}
	if in.Status == nil {
		return e
	}
	switch {
	case *in.Status == disabled && e.Status != disabled:
		reason, now := "requested", clock.System{}.Now()
		e.Status, e.DisabledReason, e.DisabledAt = disabled, &reason, &now
	case *in.Status == active && e.Status == disabled:
		e.Status, e.DisabledReason, e.DisabledAt = active, nil, nil
	}
	return e
}

func updateParams(e webhooksdb.WebhookEndpoint) webhooksdb.UpdateEndpointParams {
	return webhooksdb.UpdateEndpointParams{
		URL: e.URL, EventTypes: e.EventTypes, Scopes: e.Scopes, Payload: e.Payload, Format: e.Format, Verification: e.Verification, AllowedRate: e.AllowedRate, Description: e.Description,
		Status: e.Status, DisabledReason: e.DisabledReason, DisabledAt: e.DisabledAt, FromSequence: e.FromSequence,
		VerificationID: e.VerificationID, MadeByKind: e.MadeByKind, MadeBy: e.MadeBy, TenantID: e.TenantID, ID: e.ID,
	}
}

// Delete ends an endpoint. Its deliveries are swept later.
func (s *Service) Delete(ctx context.Context, id uuid.UUID, want *int64) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	return pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		e, err := s.q.LockEndpoint(ctx, tx, actor.Tenant, id)
		if err != nil {
			return err
		}
		if err := web.CheckVersion(want, e.Version); err != nil {
			return err
		}
		if _, err := s.q.DeleteEndpoint(ctx, tx, actor.Tenant, id); err != nil {
			return err
		}
		s.changed(actor.Tenant)
		e.Version++
		return events.RecordTx(ctx, tx, events.Entry{Type: "webhook_endpoint.deleted", Subject: subject(e)})
	})
}

func subject(e webhooksdb.WebhookEndpoint) events.Subject {
	return events.Subject{Kind: "webhook_endpoint", ID: e.ID, Version: e.Version}
}

func facts(e webhooksdb.WebhookEndpoint) map[string]any {
	return map[string]any{"payload": e.Payload, "format": e.Format, "event_types": e.EventTypes}
}

// settings are the members of an endpoint whose changes the log tells.
func settings(e webhooksdb.WebhookEndpoint) map[string]any {
	return map[string]any{"url": e.URL, "event_types": e.EventTypes, "payload": e.Payload, "format": e.Format, "verification": e.Verification, "description": e.Description, "status": e.Status,
		"made_by": map[string]string{"kind": e.MadeByKind, "id": e.MadeBy}}
}

func nonNil[S ~[]T, T any](in S) []T {
	if in == nil {
		return []T{}
	}
	return in
}
