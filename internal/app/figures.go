package app

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/telemetry"
)

// mostTenants bounds what one scrape may ask of a database that is behind.
const mostTenants = 50

// queueFigures tells how many jobs wait, by queue and state, and for how long
// the first of those that could run has been waiting.
func (a *App) queueFigures(ctx context.Context) ([]telemetry.Figure, error) {
	rows, err := a.DB.Unscoped().Query(ctx, `
		select queue, state::text, count(*), coalesce(max(extract(epoch from now() - scheduled_at)) filter (where state = 'available'), 0)::float8
		from river.river_job where state in ('available', 'pending', 'retryable', 'running', 'scheduled')
		group by queue, state`)
	if err != nil {
		return nil, err
	}
	var figures []telemetry.Figure
	var queue, state string
	var count int64
	var oldest float64
	_, err = pgx.ForEachRow(rows, []any{&queue, &state, &count, &oldest}, func() error {
		figures = append(figures, telemetry.Figure{
			Name: "jobs", Help: "Jobs that are not finished.", Value: float64(count), Labels: map[string]string{"queue": queue, "state": state},
		})
		if state == "available" {
			figures = append(figures, telemetry.Figure{
				Name: "jobs_oldest_seconds", Help: "How long the first job that could run has been waiting.", Value: max(oldest, 0), Labels: map[string]string{"queue": queue},
			})
		}
		return nil
	})
	return figures, err
}

// sequencerFigures tells how far the log's numbering is behind, over all
// institutions.
func (a *App) sequencerFigures(ctx context.Context) ([]telemetry.Figure, error) {
	rows, err := a.DB.Unscoped().Query(ctx, "select tenants_with_queued_events()")
	if err != nil {
		return nil, err
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, err
	}
	var waiting int64
	var lag time.Duration
	for _, tenant := range tenants[:min(len(tenants), mostTenants)] {
		var count int64
		var seconds float64
		err := a.DB.Tenant(tenant).QueryRow(ctx, `
			select count(*), coalesce(max(extract(epoch from now() - e.occurred_at)), 0)::float8
			from (select tenant_id, event_id from event_queue where tenant_id = $1 order by position limit 10000) q
			join events e on e.tenant_id = q.tenant_id and e.id = q.event_id`, tenant).Scan(&count, &seconds)
		if err != nil {
			return nil, err
		}
		waiting += count
		lag = max(lag, time.Duration(seconds*float64(time.Second)))
	}
	return []telemetry.Figure{
		{Name: "events_unnumbered", Help: "Events committed that have no number yet.", Value: float64(waiting)},
		{Name: "events_lag_seconds", Help: "Age of the first of them.", Value: lag.Seconds()},
		{Name: "events_tenants_behind", Help: "Institutions with such events.", Value: float64(len(tenants))},
	}, nil
}

// siemFigures tell how the receivers of the logs fare, over all institutions.
func (a *App) siemFigures(ctx context.Context) ([]telemetry.Figure, error) {
	active, failing, lag, err := a.domains.siem.Figures(ctx)
	return []telemetry.Figure{
		{Name: "siem_forwarders", Help: "Receivers that the logs are sent to.", Value: float64(active)},
		{Name: "siem_forwarders_failing", Help: "Receivers whose last attempt failed.", Value: float64(failing)},
		{Name: "siem_lag_seconds", Help: "How long the first entry that a receiver has not taken has been waiting.", Value: lag.Seconds()},
	}, err
}
