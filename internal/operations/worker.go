package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/operations/internal/operationsdb"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// DefaultLease is how long a running operation may give no sign of life before
	// another worker takes it over, and signs how many of them fall into that time;
	// at each a worker also looks whether it is to stop.
	DefaultLease = 20 * time.Second
	signs        = 20
	// longestPause is the longest wait before an operation that could not go on,
	// the database being away, is tried again.
	longestPause = 30 * time.Second
	// releaseWithin is how long a process that is told to end takes to hand an
	// operation back.
	releaseWithin = 5 * time.Second
)

var (
	// errLost: another worker has taken the operation up, or it has ended.
	errLost = errors.New("operations: another worker has this operation")
	// errMute: this worker could give no sign of life for a lease.
	errMute = errors.New("operations: the database could not be reached for the length of the lease")
)

// Args is the job of one operation.
type Args struct {
	Tenant    uuid.UUID `json:"tenant"`
	Operation uuid.UUID `json:"operation"`
}

// Kind implements river.JobArgs.
func (Args) Kind() string { return jobKind }

const jobKind = "operation"

// InsertOpts implements river.JobArgsWithInsertOpts. Failing is the operation's
// business; attempts are for crashes.
func (Args) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 1000} }

// Worker runs operations.
type Worker struct {
	river.WorkerDefaults[Args]
	service *Service
	log     *slog.Logger
}

// NewWorker makes the worker of all kinds.
func NewWorker(s *Service, log *slog.Logger) *Worker { return &Worker{service: s, log: log} }

// Timeout implements river.Worker: long work has none. The queue therefore
// never rescues these jobs by itself; Service.Run does.
func (*Worker) Timeout(*river.Job[Args]) time.Duration { return -1 }

// NextRetry implements river.Worker: soon, and never hours later.
func (*Worker) NextRetry(job *river.Job[Args]) time.Time {
	return clock.System{}.Now().Add(min(time.Duration(max(job.Attempt, 1))*time.Second, longestPause))
}

// Work implements river.Worker.
func (w *Worker) Work(ctx context.Context, job *river.Job[Args]) error {
	s, tenant := w.service, job.Args.Tenant
	o, err := s.q.StartOperation(ctx, s.db.Tenant(tenant), tenant, job.Args.Operation, s.lease.Seconds())
	if pg.IsNoRows(err) {
		o, err = s.q.GetOperation(ctx, s.db.Tenant(tenant), tenant, job.Args.Operation)
		if pg.IsNoRows(err) || (err == nil && o.FinishedAt != nil) {
			return nil // ended meanwhile
		}
		if err != nil {
			return err
		}
		return river.JobSnooze(s.lease) // another worker has it
	}
	if err != nil {
		return err
	}
	ctx = web.WithRequestID(web.WithActor(ctx, web.Actor{
		Kind: web.ActorKind(o.CreatedByKind), ID: o.CreatedBy, Tenant: tenant, Scopes: web.Scopes{"*"}, Sight: pg.Everything(),
	}), o.RequestID)
	run := &Run{Operation: o, service: s, tenant: tenant}
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go w.watch(working, stop, o)
	result, err := w.do(working, run)
	if err != nil {
		cause := context.Cause(working)
		switch {
		case ctx.Err() != nil: // the process is stopping: another one goes on
			w.release(ctx, o)
			return ctx.Err()
		case errors.Is(cause, errLost) || errors.Is(err, errLost):
			return nil
		case errors.Is(cause, errMute):
			return cause
		case errors.Is(cause, ErrCancelled):
			err = ErrCancelled // what the work says of it is only the way it stopped
		case pg.Unreachable(err):
			return err
		}
	}
	return w.finish(ctx, run, result, err)
}

func (w *Worker) do(ctx context.Context, run *Run) (result any, err error) {
	work, ok := w.service.kinds[run.Operation.Kind]
	if !ok {
		return nil, fmt.Errorf("operations: kind %q is not registered in this program", run.Operation.Kind)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("operations: %s panicked: %v", run.Operation.Kind, p)
		}
	}()
	// Work that was begun before may turn out to be done, so it is asked first.
	if run.Operation.CancelRequested && run.Operation.Attempt == 1 {
		return nil, ErrCancelled
	}
	return work(ctx, run)
}

func (w *Worker) finish(ctx context.Context, run *Run, result any, err error) error {
	o := run.Operation
	p := operationsdb.FinishOperationParams{TenantID: o.TenantID, ID: o.ID, Attempt: o.Attempt, Status: "succeeded"}
	switch {
	case errors.Is(err, ErrCancelled):
		p.Status = "cancelled"
	case err != nil:
		p.Status = "failed"
		f := web.Fault(err)
		if f == nil {
			w.log.ErrorContext(ctx, "operation failed", "operation", o.ID, "kind", o.Kind, "error", err)
			f = fault.New(fault.Unavailable, "internal")
		}
		if p.Problem, err = json.Marshal(web.Problem(ctx, f)); err != nil {
			return err
		}
	case result != nil:
		if p.Result, err = json.Marshal(result); err != nil {
			return err
		}
	}
	mine := false
	err = pg.InTx(ctx, w.service.db, o.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		o, err := w.service.q.FinishOperation(ctx, tx, p)
		if pg.IsNoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		mine = true
		if o.Status == "succeeded" {
			for _, a := range run.announcements {
				a.Subject = events.Subject{Kind: "operation", ID: o.ID, Version: o.Version}
				if err := events.RecordTx(ctx, tx, a); err != nil {
					return err
				}
			}
		}
		return recordFinished(ctx, tx, o)
	})
	if err == nil && mine && run.afterwards != nil {
		run.afterwards()
	}
	return err
}

// release hands back what a process that ends cannot finish, so that nobody has
// to wait for the lease. If that fails, they wait.
func (w *Worker) release(ctx context.Context, o Operation) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	if err := w.service.q.ReleaseOperation(ctx, w.service.db.Tenant(o.TenantID), o.TenantID, o.ID, o.Attempt); err != nil {
		w.log.WarnContext(ctx, "an operation could not be handed back", "operation", o.ID, "error", err)
	}
}

// watch gives signs of life and ends the work when somebody asked for that, or
// when it is no longer this worker's. The work need not look itself.
func (w *Worker) watch(ctx context.Context, stop context.CancelCauseFunc, o Operation) {
	heartbeat, lease := w.service.lease/signs, w.service.lease
	t := time.NewTicker(heartbeat)
	defer t.Stop()
	for mute := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		cancelled, err := w.sign(ctx, o)
		switch {
		case pg.IsNoRows(err):
			stop(errLost)
		case err != nil:
			if mute += heartbeat; mute >= lease {
				stop(errMute)
			}
		case cancelled:
			stop(ErrCancelled)
		default:
			mute = 0
		}
	}
}

func (w *Worker) sign(ctx context.Context, o Operation) (cancelled bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.service.lease/signs)
	defer cancel()
	return w.service.q.KeepOperationAlive(ctx, w.service.db.Tenant(o.TenantID), o.TenantID, o.ID, o.Attempt)
}
