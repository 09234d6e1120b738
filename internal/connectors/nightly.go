package connectors

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// nightWindow is how far back a nightly comparison goes; on the first of the
// month it goes back to the beginning, for changes that vendors do not date.
const nightWindow = 35 * 24 * time.Hour

// CompareNightly starts the comparisons of an institution that are due.
func (s *Service) CompareNightly(ctx context.Context, tenant uuid.UUID) error {
	return s.compareNightly(web.WithActor(ctx, web.SystemActor(tenant, "connector")), tenant)
}

func (s *Service) compareNightly(ctx context.Context, tenant uuid.UUID) error {
	var able []string
	for _, c := range s.Known() {
		if canReconcile(c) {
			able = append(able, c.Describe().Name)
		}
	}
	now := s.Clock.Now()
	// It is night from three to six by the clocks of the source. Whoever was compared
	// less than six hours ago has had its night; whoever was not for 30 has missed it,
	// as where the program was not running.
	before, missed := now.Add(-6*time.Hour), now.Add(-30*time.Hour)
	due, err := s.q.ListUnreconciled(ctx, s.DB.Tenant(tenant), connectorsdb.ListUnreconciledParams{
		TenantID: tenant, Connectors: able, Before: before, Missed: missed, Present: now, Hours: []int32{3, 4, 5},
	})
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
	return slices.Contains(c.Describe().Capabilities, "reconcile")
}
