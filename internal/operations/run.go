package operations

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/operations/internal/operationsdb"
	"github.com/parvis-crm/parvis/internal/pg"
)

// Run is one run of an operation's work.
type Run struct {
	Operation     Operation
	service       *Service
	tenant        uuid.UUID
	announcements []events.Entry
	afterwards    func()
}

// Tenant is the institution the operation belongs to.
func (r *Run) Tenant() uuid.UUID { return r.tenant }

// Parameters decodes what the operation was started with.
func (r *Run) Parameters(into any) error { return json.Unmarshal(r.Operation.Parameters, into) }

// Progress publishes how far the work is; total may be nil while unknown. It
// returns ErrCancelled when the work should stop; the context of the work ends
// then too, at the latest a moment later.
func (r *Run) Progress(ctx context.Context, done int64, total *int64) error {
	// Much work reports from inside the transaction that it does.
	return r.progress(pg.Beside(ctx), r.service.db.Tenant(r.tenant), done, total)
}

// ProgressTx is Progress as part of tx: what is counted there and what was done
// there come true together, however often the work is taken up.
func (r *Run) ProgressTx(ctx context.Context, tx pgx.Tx, done int64, total *int64) error {
	return r.progress(ctx, tx, done, total)
}

func (r *Run) progress(ctx context.Context, db operationsdb.DBTX, done int64, total *int64) error {
	cancel, err := r.service.q.SetOperationProgress(ctx, db, operationsdb.SetOperationProgressParams{
		Done: done, Total: total, TenantID: r.tenant, ID: r.Operation.ID, Attempt: r.Operation.Attempt,
	})
	switch {
	case pg.IsNoRows(err):
		return errLost
	case err != nil:
		return err
	case cancel:
		return ErrCancelled
	}
	return nil
}

// Announce adds an event about the operation, recorded in the transaction in
// which it succeeds: once, however often the work was taken up.
func (r *Run) Announce(kind string, facts map[string]any) {
	r.announcements = append(r.announcements, events.Entry{Type: kind, Facts: facts})
}

// Afterwards sets what is done when the end of the operation, whichever it is,
// is committed: the work will not be taken up again, and needs nothing any more.
func (r *Run) Afterwards(f func()) { r.afterwards = f }
