package webhooks

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

// orphaned is why an endpoint is disabled on whose behalf nobody may act.
const orphaned = "orphaned"

// maker is on whose behalf events are sent to an endpoint.
type maker struct {
	kind, id string
	// scopes that it had when it decided on the endpoint, separated by blanks.
	scopes string
}

func makerOf(e webhooksdb.WebhookEndpoint) maker {
	return maker{e.MadeByKind, e.MadeBy, strings.Join(e.Scopes, " ")}
}

func makerFor(r webhooksdb.ListReceiversRow) maker {
	return maker{r.MadeByKind, r.MadeBy, strings.Join(r.Scopes, " ")}
}

// reader is a maker as it may read now.
type reader struct {
	actor web.Actor
	ended string // why it may not any more
	// seen are the events of a batch that it sees; nil: all of them.
	seen map[uuid.UUID]bool
}

func (s *Service) readerFor(ctx context.Context, tenant uuid.UUID, m maker) (reader, error) {
	actor, ended, err := s.acting(ctx, tenant, web.ActorKind(m.kind), m.id, strings.Fields(m.scopes))
	return reader{actor: actor, ended: ended}, err
}

// readersFor are the makers of these endpoints with what they see of a batch of
// the log: one look for each maker, however many endpoints and events.
func (s *Service) readersFor(ctx context.Context, tenant uuid.UUID, receivers []webhooksdb.ListReceiversRow, list []events.Envelope) (map[maker]reader, error) {
	// Rights are looked up as for every request, not inside the caller's transaction.
	ctx = pg.Detached(ctx)
	out := map[maker]reader{}
	for _, r := range receivers {
		m := makerFor(r)
		if _, known := out[m]; known {
			continue
		}
		of, err := s.readerFor(ctx, tenant, m)
		if err != nil {
			return nil, err
		}
		if of.ended == "" {
			if of.seen, err = s.seenBy(ctx, of.actor, list); err != nil {
				return nil, err
			}
		}
		out[m] = of
	}
	return out, nil
}

// seenBy are the events that an actor sees; nil: all of them.
func (s *Service) seenBy(ctx context.Context, actor web.Actor, list []events.Envelope) (map[uuid.UUID]bool, error) {
	if actor.Source != "" { // the log is of all sources
		return map[uuid.UUID]bool{}, nil
	}
	if actor.Sight.All() {
		return nil, nil
	}
	seen, err := s.events.Seen(web.WithActor(ctx, actor), actor.Tenant, list)
	if err != nil {
		return nil, err
	}
	out := make(map[uuid.UUID]bool, len(seen))
	for _, e := range seen {
		out[e.ID] = true
	}
	return out, nil
}

// sends reports whether an event may be sent on the reader's behalf.
func (r reader) sends(id uuid.UUID, eventType string) bool {
	return r.ended == "" && r.actor.Scopes.Allow(readScope(eventType)) && (r.seen == nil || r.seen[id])
}

// orphan ends deliveries to endpoints on whose behalf nobody may act any more.
func (s *Service) orphan(ctx context.Context, tenant, endpoint uuid.UUID, m maker, ended string) error {
	return s.inTx(ctx, tenant, func(ctx context.Context, tx pgx.Tx) error {
		e, err := s.q.LockEndpoint(ctx, tx, tenant, endpoint)
		if pg.IsNoRows(err) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		if makerOf(e) != m {
			return nil // somebody has taken it over meanwhile
		}
		return s.orphanTx(ctx, tx, tenant, endpoint, ended)
	})
}

func (s *Service) orphanTx(ctx context.Context, tx pgx.Tx, tenant, endpoint uuid.UUID, ended string) error {
	return s.disableTx(ctx, tx, tenant, endpoint, orphaned, map[string]any{"made_by": ended})
}

// endOrphans looks through the endpoints of a tenant for those whose makers have
// come to their end by time alone, which no event tells.
func (s *Service) endOrphans(ctx context.Context, tenant uuid.UUID) error {
	ctx = system(ctx, tenant)
	receivers, err := s.q.ListReceivers(ctx, s.db.Tenant(tenant), tenant)
	if err != nil {
		return err
	}
	readers, err := s.readersFor(ctx, tenant, receivers, nil)
	if err != nil {
		return err
	}
	for _, r := range receivers {
		m := makerFor(r)
		if ended := readers[m].ended; ended != "" {
			if err := s.orphan(ctx, tenant, r.ID, m, ended); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeOver makes an actor the one on whose behalf events are sent from now on,
// which takes that it may read them.
func takeOver(actor web.Actor, e *webhooksdb.WebhookEndpoint) error {
	if err := allowTypes(actor, e.EventTypes); err != nil {
		return err
	}
	e.Scopes, e.MadeByKind, e.MadeBy = slices.Clone(nonNil(actor.Scopes)), string(actor.Kind), actor.ID
	return nil
}

// revive prepares a disabled endpoint to be active again: whoever does it takes
// over what nobody stands for any more, or nobody by name.
func (s *Service) revive(ctx context.Context, actor web.Actor, e *webhooksdb.WebhookEndpoint) error {
	of, err := s.readerFor(ctx, e.TenantID, makerOf(*e))
	if err != nil || (of.ended == "" && e.MadeByKind != string(web.System)) {
		return err
	}
	return takeOver(actor, e)
}
