package sibil

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/sibil/internal/sibildb"
)

const operationKind = "sibil_submission"

type parameters struct {
	Submission uuid.UUID `json:"submission_id"`
}

// Submission is one sending and how it went.
type Submission = sibildb.GetSubmissionRow

// Result is what became of one declaration of a submission.
type Result = sibildb.SibilSubmissionItem

// Submit starts sending the declarations of a quarter, or of some of its
// performances. What it says is fixed now.
func (s *Service) Submit(ctx context.Context, quarter string, performances []uuid.UUID) (operations.Operation, error) {
	actor, err := declarant(ctx)
	if err != nil {
		return operations.Operation{}, err
	}
	q, ok := ParseQuarter(quarter)
	if !ok {
		return operations.Operation{}, fault.Invalid().At("#/quarter", "no-match")
	}
	return pg.InTxValue(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (operations.Operation, error) {
		var none operations.Operation
		// Whoever submits holds the settings, so that of two submissions the second
		// sees the first.
		settings, err := s.q.LockSettings(ctx, tx, actor.Tenant)
		if err != nil && !pg.IsNoRows(err) {
			return none, err
		}
		if !settings.IsEnabled || settings.BaseURL == nil {
			return none, fault.New(fault.Conflict, "sibil-off")
		}
		busy, err := s.q.SubmissionUnderWay(ctx, tx, actor.Tenant)
		if err != nil {
			return none, err
		}
		if busy {
			return none, fault.New(fault.Conflict, "sibil-submission-running")
		}
		var list []Declaration
		err = pg.AsEverything(ctx, tx, func(ctx context.Context) error {
			list, err = s.declarations(ctx, tx, actor.Tenant, q, performances, nil, most)
			return err
		})
		if err != nil {
			return none, err
		}
		if err := sendable(list, performances, s.Clock.Now()); err != nil {
			return none, err
		}
		id := ids.New()
		o, err := s.Operations.StartTx(ctx, tx, operations.Start{Kind: operationKind, Unit: "declarations", Parameters: parameters{id}})
		if err != nil {
			return none, err
		}
		err = s.q.InsertSubmission(ctx, tx, sibildb.InsertSubmissionParams{TenantID: actor.Tenant, ID: id, Quarter: q.String(), OperationID: o.ID, BaseURL: *settings.BaseURL})
		if err != nil {
			return none, err
		}
		return o, s.insertItems(ctx, tx, actor.Tenant, id, list)
	})
}

// sendable refuses what may not be declared yet.
func sendable(list []Declaration, performances []uuid.UUID, now time.Time) error {
	f := fault.Invalid()
	for i, id := range performances {
		if !slices.ContainsFunc(list, func(d Declaration) bool { return d.ID == id }) {
			f.At(fmt.Sprintf("#/performance_ids/%d", i), "unknown-reference")
		}
	}
	if err := f.OrNil(); err != nil {
		return err
	}
	blocked, ahead := 0, 0
	for _, d := range list {
		if d.Blocking() > 0 {
			blocked++
		}
		if d.StartsAt.After(now) {
			ahead++
		}
	}
	switch {
	case len(list) == 0:
		return fault.New(fault.Conflict, "sibil-nothing-to-declare")
	case blocked > 0:
		return fault.New(fault.Conflict, "sibil-blocked").With("blocked", blocked).With("declarations", len(list))
	case ahead > 0:
		return fault.New(fault.Conflict, "sibil-not-begun").With("ahead", ahead)
	}
	return nil
}

func (s *Service) insertItems(ctx context.Context, tx pgx.Tx, tenant, submission uuid.UUID, list []Declaration) error {
	for i, d := range list {
		raw, err := json.Marshal(d.Statement)
		if err != nil {
			return err
		}
		status := "pending"
		if d.Status == "declared" {
			status = "unchanged"
		}
		if err := s.q.InsertItem(ctx, tx, sibildb.InsertItemParams{
			TenantID: tenant, SubmissionID: submission, PerformanceID: d.ID, Rank: int32(i), ExternalKey: d.Statement.Key, Digest: d.Digest, Statement: raw,
			Status: status, SibilID: d.SibilID, WasDeclared: d.DeclaredAt != nil,
		}); err != nil {
			return err
		}
	}
	return nil
}

// SubmissionPosition is where a walk through the submissions stands.
type SubmissionPosition struct {
	CreatedAt time.Time `json:"c"`
	ID        uuid.UUID `json:"i"`
}

// Submissions returns at most limit submissions after a position, the latest
// first.
func (s *Service) Submissions(ctx context.Context, after *SubmissionPosition, limit int) ([]Submission, error) {
	actor, err := declarant(ctx)
	if err != nil {
		return nil, err
	}
	p := sibildb.ListSubmissionsParams{TenantID: actor.Tenant, PageSize: int32(limit)}
	if after != nil {
		p.AfterCreatedAt, p.AfterID = &after.CreatedAt, &after.ID
	}
	rows, err := s.q.ListSubmissions(ctx, s.DB.Tenant(actor.Tenant), p)
	if err != nil {
		return nil, err
	}
	out := make([]Submission, 0, len(rows))
	for _, r := range rows {
		out = append(out, Submission(r))
	}
	return out, nil
}

// Submission reads one, with what became of its declarations.
func (s *Service) Submission(ctx context.Context, id uuid.UUID) (Submission, []Result, error) {
	actor, err := declarant(ctx)
	if err != nil {
		return Submission{}, nil, err
	}
	var found Submission
	var results []Result
	err = pg.Snapshot(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if found, err = s.q.GetSubmission(ctx, tx, actor.Tenant, id); err != nil {
			return err
		}
		results, err = s.q.ListItems(ctx, tx, actor.Tenant, id)
		return err
	})
	return found, results, err
}
