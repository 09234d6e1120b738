package connectors

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/fault"
)

const (
	// nightHour is when sources are compared, by their own clocks.
	nightHour = 3
	// nightWindow is how far back a nightly comparison goes; on the first of the
	// month it goes back to the beginning, for changes that vendors do not date.
	nightWindow = 35 * 24 * time.Hour
)

// compareNightly starts the comparisons of an institution that are due.
func (s *Service) compareNightly(ctx context.Context, tenant uuid.UUID) error {
	var able []string
	for _, c := range s.Known() {
		if canReconcile(c) {
			able = append(able, c.Describe().Name)
		}
	}
	now := s.Clock.Now()
	// Whoever was compared since the last night is not due; which hour it is there
	// decides for the others.
	before := now.Add(-20 * time.Hour)
	due, err := s.q.ListUnreconciled(ctx, s.DB.Tenant(tenant), tenant, able, &before)
	if err != nil {
		return err
	}
	for _, id := range due {
		src, err := s.q.FindSource(ctx, s.DB.Tenant(tenant), tenant, id.String())
		if err != nil {
			return err
		}
		from := now.Add(-nightWindow)
		if zone, err := time.LoadLocation(src.TimeZone); err == nil && now.In(zone).Day() == 1 {
			from = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		_, err = s.Compare(ctx, src.Code, Comparison{From: from, To: now, Repair: true})
		if _, refused := fault.As(err); err != nil && !refused {
			return err
		}
	}
	return nil
}

func canReconcile(c port.Connector) bool {
	for _, capability := range c.Describe().Capabilities {
		if capability == "reconcile" {
			return true
		}
	}
	return false
}
