package app

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing"
)

// setUpJobs makes the queue's client and hands it to the domains that need it.
func (a *App) setUpJobs() error {
	river.AddWorker(a.workers, operations.NewWorker(a.domains.operations, a.Log))
	river.AddWorker(a.workers, ticketing.NewRematchWorker(a.domains.ticketing))
	cfg := &river.Config{
		Schema: pg.JobSchema, Logger: a.Log, Workers: a.workers,
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 8}},
		RescueStuckJobsAfter: time.Minute,
		// A notice of a job is not given twice within the cooldown, and one that was
		// missed costs the poll interval: whoever waits for an operation notices both.
		FetchCooldown:               20 * time.Millisecond,
		FetchPollInterval:           250 * time.Millisecond,
		CompletedJobRetentionPeriod: 24 * time.Hour,
	}
	client, err := river.NewClient(riverpgxv5.New(a.DB.Pool()), cfg)
	if err != nil {
		return err
	}
	a.jobs = client
	a.domains.operations.SetJobs(queue{client})
	a.domains.operations.SetLease(a.Config.OperationLease)
	a.domains.ticketing.SetJobs(queue{client})
	return nil
}

func (a *App) startJobs(ctx context.Context) error { return a.jobs.Start(ctx) }

func (a *App) stopJobs(ctx context.Context) {
	if err := a.jobs.Stop(ctx); err != nil {
		_ = a.jobs.StopAndCancel(context.WithoutCancel(ctx))
	}
}

// queue narrows the queue's client to what domains use.
type queue struct{ client *river.Client[pgx.Tx] }

func (q queue) InsertTx(ctx context.Context, tx pgx.Tx, args river.JobArgs, opts *river.InsertOpts) error {
	_, err := q.client.InsertTx(ctx, tx, args, opts)
	return err
}

// abandonedAtOnce is how many jobs one look for abandoned ones takes in.
const abandonedAtOnce = 1000

func (q queue) RunningSince(ctx context.Context, kind string, before time.Time) ([]*rivertype.JobRow, error) {
	found, err := q.client.JobList(ctx, river.NewJobListParams().Kinds(kind).States(rivertype.JobStateRunning).First(abandonedAtOnce))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found.Jobs, func(j *rivertype.JobRow) bool {
		return j.AttemptedAt == nil || j.AttemptedAt.After(before) || bytes.Contains(j.Metadata, []byte(`"cancel_attempted_at"`))
	}), nil
}

func (q queue) CancelTx(ctx context.Context, tx pgx.Tx, job int64) error {
	_, err := q.client.JobCancelTx(ctx, tx, job)
	if errors.Is(err, rivertype.ErrNotFound) {
		return nil
	}
	return err
}
