package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/operations/internal/operationsdb"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Operation is the state of one piece of long work.
type Operation = operationsdb.Operation

// ErrCancelled is what Run.Progress returns when somebody asked to stop. Work
// passes it on.
var ErrCancelled = errors.New("operations: cancelled")

// KeptDays is how long a finished operation stays readable at least, as the
// table's default says.
const KeptDays = 30

// Work does what one kind of operation is for. It may be started again after a
// crash with the same parameters, so it goes on from what it finds done. Its
// context ends when the operation is cancelled, when another worker has taken it
// over and when the process is told to end; whatever the work then returns,
// short of success, is taken for what it is. The
// result it returns is public; an error that is a fault becomes the operation's
// problem, any other is hidden behind "internal".
type Work func(ctx context.Context, run *Run) (result any, err error)

// Service starts and follows operations.
type Service struct {
	db    *pg.DB
	q     *operationsdb.Queries
	jobs  Queue
	kinds map[string]Work
	lease time.Duration
}

// Queue is what operations need of the job queue.
type Queue interface {
	// InsertTx puts a job into the queue as part of a transaction.
	InsertTx(ctx context.Context, tx pgx.Tx, args river.JobArgs, opts *river.InsertOpts) error
	// RunningSince lists jobs of a kind that were taken up before an instant and
	// have neither ended nor been cancelled.
	RunningSince(ctx context.Context, kind string, before time.Time) ([]*rivertype.JobRow, error)
	// CancelTx ends a job, and stops its worker if there still is one.
	CancelTx(ctx context.Context, tx pgx.Tx, job int64) error
}

// NewService makes the service; SetJobs gives it the queue before first use.
func NewService(db *pg.DB) *Service {
	return &Service{db: db, q: operationsdb.New(), kinds: map[string]Work{}, lease: DefaultLease}
}

// SetJobs is called once at wiring time.
func (s *Service) SetJobs(jobs Queue) { s.jobs = jobs }

// SetLease replaces DefaultLease, at wiring time. All workers of a database need
// the same one.
func (s *Service) SetLease(d time.Duration) {
	if d > 0 {
		s.lease = d
	}
}

// Register makes a kind known, at wiring time.
func (s *Service) Register(kind string, w Work) { s.kinds[kind] = w }

// Start describes an operation to be started.
type Start struct {
	Kind       string
	Unit       string // what progress counts: "records", "deliveries"
	Parameters any
}

// StartTx records the operation and its job as part of tx: either both are
// there or neither.
func (s *Service) StartTx(ctx context.Context, tx pgx.Tx, in Start) (Operation, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Operation{}, err
	}
	if _, ok := s.kinds[in.Kind]; !ok {
		return Operation{}, fmt.Errorf("operations: kind %q is not registered", in.Kind)
	}
	parameters, err := json.Marshal(in.Parameters)
	if err != nil {
		return Operation{}, err
	}
	o, err := s.q.InsertOperation(ctx, tx, operationsdb.InsertOperationParams{
		TenantID: actor.Tenant, ID: ids.New(), Kind: in.Kind, Parameters: parameters, ProgressUnit: in.Unit,
		CreatedByKind: string(actor.Kind), CreatedBy: actor.ID, RequestID: web.RequestID(ctx),
	})
	if err != nil {
		return Operation{}, err
	}
	return o, s.jobs.InsertTx(ctx, tx, Args{Tenant: actor.Tenant, Operation: o.ID}, nil)
}

// Get returns an operation of the actor's tenant.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Operation, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Operation{}, err
	}
	return s.q.GetOperation(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
}

// Position is where a walk through the list stands.
type Position struct {
	CreatedAt time.Time `json:"c"`
	ID        uuid.UUID `json:"i"`
}

// List returns at most limit operations after a position, newest first.
func (s *Service) List(ctx context.Context, statuses []string, kind *string, after *Position, limit int) ([]Operation, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	p := operationsdb.ListOperationsParams{TenantID: actor.Tenant, Statuses: statuses, Kind: kind, PageSize: int32(limit)}
	if statuses == nil {
		p.Statuses = []string{}
	}
	if after != nil {
		p.AfterCreatedAt, p.AfterID = &after.CreatedAt, &after.ID
	}
	return s.q.ListOperations(ctx, s.db.Tenant(actor.Tenant), p)
}

// Cancel asks an operation to stop. A queued one ends at once.
func (s *Service) Cancel(ctx context.Context, id uuid.UUID) (Operation, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Operation{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Operation, error) {
		o, err := s.q.RequestCancel(ctx, tx, actor.Tenant, id)
		if pg.IsNoRows(err) {
			if _, err := s.q.GetOperation(ctx, tx, actor.Tenant, id); err != nil {
				return Operation{}, err
			}
			return Operation{}, fault.New(fault.Conflict, "operation-finished")
		}
		if err != nil {
			return Operation{}, err
		}
		if o.Status == "cancelled" {
			return o, recordFinished(ctx, tx, o)
		}
		return o, nil
	})
}

func recordFinished(ctx context.Context, tx pgx.Tx, o Operation) error {
	return events.RecordTx(ctx, tx, events.Entry{
		Type:    "operation.finished",
		Subject: events.Subject{Kind: "operation", ID: o.ID, Version: o.Version},
		Facts:   map[string]any{"kind": o.Kind, "status": o.Status},
	})
}
