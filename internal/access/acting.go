package access

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// mostRotations bounds how far a key is followed to the one that took its place.
const mostRotations = 100

// Acting is a principal as it may act now, for work that is done on its behalf
// while it does not call, with no more than the scopes that it had then. A key
// that was rotated is its successor. ended says why nobody may act any more, as in
// Principal; it is "unknown" for who is not there.
func (s *Service) Acting(ctx context.Context, tenant uuid.UUID, kind web.ActorKind, id string, granted web.Scopes) (actor web.Actor, ended string, err error) {
	if kind == web.System {
		return web.SystemActor(tenant, id), "", nil
	}
	principal, err := uuid.Parse(id)
	if err != nil {
		return web.Actor{}, "unknown", nil //nolint:nilerr // what is no identifier names nobody
	}
	name := strings.Join([]string{"acting", tenant.String(), string(kind), id}, ":")
	if kind == web.OAuthClient { // whose token may be narrower than it is, in what it sees too
		name += ":" + strings.Join(granted, " ")
	} else {
		granted = nil
	}
	c, err := s.known.get(ctx, name, func(ctx context.Context) (*credential, error) {
		return s.resolveActing(ctx, tenant, kind, principal, granted)
	})
	switch {
	case err != nil:
		return web.Actor{}, "", err
	case c == nil:
		return web.Actor{}, "unknown", nil
	case c.ended == "" && !c.stands(s.clock.Now()):
		return web.Actor{}, "expired", nil
	}
	return c.actor, c.ended, nil
}

func (s *Service) resolveActing(ctx context.Context, tenant uuid.UUID, kind web.ActorKind, id uuid.UUID, granted web.Scopes) (*credential, error) {
	ctx = web.WithActor(pg.Detached(ctx), web.SystemActor(tenant, "access"))
	for range mostRotations {
		p, err := s.principalOf(ctx, kind, id, granted)
		if f, is := fault.As(err); pg.IsNoRows(err) || (is && f.Kind == fault.Missing) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if p.Ended != "" && kind == web.APIKey {
			successor, err := s.q.GetSuccessorKey(ctx, s.db.Tenant(tenant), tenant, &id)
			if err == nil {
				id = successor
				continue
			}
			if !pg.IsNoRows(err) {
				return nil, err
			}
		}
		return &credential{actor: p.Actor, id: id, kind: string(kind), ended: p.Ended, expiresAt: p.EndsAt, tenantStatus: "active"}, nil
	}
	return nil, nil
}
