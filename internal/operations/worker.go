package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/operations/internal/operationsdb"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// lease is how long a running operation may give no sign of life before
	// another worker takes it over.
	lease     = 30 * time.Second
	heartbeat = 5 * time.Second
)

// Args is the job of one operation.
type Args struct {
	Tenant    uuid.UUID `json:"tenant"`
	Operation uuid.UUID `json:"operation"`
}

// Kind implements river.JobArgs.
func (Args) Kind() string { return "operation" }

// InsertOpts implements river.JobArgsWithInsertOpts. Failing is the operation's
// business; attempts are for crashes.
func (Args) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 50} }

// Worker runs operations.
type Worker struct {
	river.WorkerDefaults[Args]
	service *Service
	log     *slog.Logger
}

// NewWorker makes the worker of all kinds.
func NewWorker(s *Service, log *slog.Logger) *Worker { return &Worker{service: s, log: log} }

// Timeout implements river.Worker: long work has none.
func (*Worker) Timeout(*river.Job[Args]) time.Duration { return -1 }

// Run is one run of an operation's work.
type Run struct {
	Operation Operation
	service   *Service
	tenant    uuid.UUID
	cancelled atomic.Bool
}

// Tenant is the institution the operation belongs to.
func (r *Run) Tenant() uuid.UUID { return r.tenant }

// Parameters decodes what the operation was started with.
func (r *Run) Parameters(into any) error { return json.Unmarshal(r.Operation.Parameters, into) }

// Progress publishes how far the work is; total may be nil while unknown. It
// returns ErrCancelled when the work should stop.
func (r *Run) Progress(ctx context.Context, done int64, total *int64) error {
	cancel, err := r.service.q.SetOperationProgress(ctx, r.service.db.Tenant(r.tenant), operationsdb.SetOperationProgressParams{
		Done: done, Total: total, TenantID: r.tenant, ID: r.Operation.ID,
	})
	if pg.IsNoRows(err) {
		return ErrCancelled
	}
	if err != nil {
		return err
	}
	if cancel || r.cancelled.Load() {
		r.cancelled.Store(true)
		return ErrCancelled
	}
	return nil
}

// Work implements river.Worker.
func (w *Worker) Work(ctx context.Context, job *river.Job[Args]) error {
	s, tenant := w.service, job.Args.Tenant
	o, err := s.q.StartOperation(ctx, s.db.Tenant(tenant), tenant, job.Args.Operation, lease.Seconds())
	if pg.IsNoRows(err) {
		o, err = s.q.GetOperation(ctx, s.db.Tenant(tenant), tenant, job.Args.Operation)
		if pg.IsNoRows(err) || (err == nil && o.FinishedAt != nil) {
			return nil // ended meanwhile
		}
		if err != nil {
			return err
		}
		return river.JobSnooze(lease) // another worker has it
	}
	if err != nil {
		return err
	}
	ctx = web.WithRequestID(web.WithActor(ctx, web.Actor{
		Kind: web.ActorKind(o.CreatedByKind), ID: o.CreatedBy, Tenant: tenant, Scopes: web.Scopes{"*"},
	}), o.RequestID)
	beat, stop := context.WithCancel(ctx)
	defer stop()
	go w.beat(beat, tenant, o.ID)
	result, err := w.do(ctx, &Run{Operation: o, service: s, tenant: tenant})
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // the process is stopping: another one goes on
	}
	if pg.Unreachable(err) {
		return err
	}
	return w.finish(ctx, tenant, o, result, err)
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
	if run.Operation.CancelRequested {
		return nil, ErrCancelled
	}
	return work(ctx, run)
}

func (w *Worker) finish(ctx context.Context, tenant uuid.UUID, o Operation, result any, err error) error {
	p := operationsdb.FinishOperationParams{TenantID: tenant, ID: o.ID, Status: "succeeded"}
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
	return pg.InTx(ctx, w.service.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		o, err := w.service.q.FinishOperation(ctx, tx, p)
		if pg.IsNoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		return recordFinished(ctx, tx, o)
	})
}

func (w *Worker) beat(ctx context.Context, tenant, id uuid.UUID) {
	t := time.NewTicker(heartbeat)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			_ = w.service.q.KeepOperationAlive(ctx, w.service.db.Tenant(tenant), tenant, id)
		}
	}
}
