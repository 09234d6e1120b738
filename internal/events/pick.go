package events

import (
	"context"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/events/internal/eventsdb"
)

// Pick returns the events of a tenant that have these numbers, in any order;
// numbers not given out are passed over.
func (s *Service) Pick(ctx context.Context, tenant uuid.UUID, sequences []int64) ([]Envelope, error) {
	rows, err := s.q.PickSequenced(ctx, s.db.Tenant(tenant), tenant, sequences)
	if err != nil {
		return nil, err
	}
	out := make([]Envelope, 0, len(rows))
	for _, e := range rows {
		out = append(out, sequenced(eventsdb.ListSequencedRow(e)))
	}
	return s.only(ctx, tenant, out)
}
