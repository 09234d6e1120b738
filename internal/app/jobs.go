package app

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
)

// setUpJobs makes the queue's client and hands it to the domains that need it.
func (a *App) setUpJobs() error {
	river.AddWorker(a.workers, operations.NewWorker(a.domains.operations, a.Log))
	cfg := &river.Config{
		Schema: pg.JobSchema, Logger: a.Log, Workers: a.workers,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 8}},
		RescueStuckJobsAfter:        time.Minute,
		FetchPollInterval:           time.Second,
		CompletedJobRetentionPeriod: 24 * time.Hour,
	}
	client, err := river.NewClient(riverpgxv5.New(a.DB.Pool()), cfg)
	if err != nil {
		return err
	}
	a.jobs = client
	a.domains.operations.SetJobs(inserter{client})
	return nil
}

func (a *App) startJobs(ctx context.Context) error { return a.jobs.Start(ctx) }

func (a *App) stopJobs(ctx context.Context) {
	if err := a.jobs.Stop(ctx); err != nil {
		_ = a.jobs.StopAndCancel(context.WithoutCancel(ctx))
	}
}

// inserter narrows the queue's client to what domains use.
type inserter struct{ client *river.Client[pgx.Tx] }

func (i inserter) InsertTx(ctx context.Context, tx pgx.Tx, args river.JobArgs, opts *river.InsertOpts) error {
	_, err := i.client.InsertTx(ctx, tx, args, opts)
	return err
}
