package events

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/web"
)

// SetPing makes a quiet stream speak sooner.
func (s *Service) SetPing(d time.Duration) { s.ping = d }

// StreamTo writes a stream after a position until the context ends.
func (s *Service) StreamTo(ctx context.Context, w http.ResponseWriter, tenant uuid.UUID, after int64, types ...string) error {
	st, err := s.newStream(web.WithActor(ctx, web.SystemActor(tenant, "test")), tenant, nil, &after, Filter{Types: types})
	if err != nil {
		return err
	}
	return st.VisitStreamEventsResponse(w)
}
