package audit

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/audit/internal/auditdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Erased is what erasure took out of the logs.
type Erased struct{ Changes, Reasons int64 }

// EraseSubjectTx takes what is personal about a contact out of its history, as
// part of tx: the values before and after of every event about it, and the
// reasons that were given for reading it (GDPR, article 17). That there were
// events and reads, when and by whom, stays, under the contact's identifier, and
// all chains go on to agree.
func EraseSubjectTx(ctx context.Context, tx pgx.Tx, contact uuid.UUID) (Erased, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Erased{}, err
	}
	var out Erased
	err = pg.AsEverything(ctx, tx, func(ctx context.Context) error {
		var err error
		if out.Changes, err = events.EraseChangesTx(ctx, tx, actor.Tenant, contact); err != nil {
			return err
		}
		reads, err := readsAbout(ctx, tx, actor.Tenant, contact)
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, `select erase_read_reasons($1, $2)`, actor.Tenant, reads).Scan(&out.Reasons)
	})
	return out, err
}

// readsAbout are the ids of all reads about a contact.
func readsAbout(ctx context.Context, tx pgx.Tx, tenant, contact uuid.UUID) ([]uuid.UUID, error) {
	q := auditdb.New()
	out := []uuid.UUID{}
	folded, err := q.ListIndex(ctx, tx, tenant, bucketOf(contact[:]))
	if err != nil {
		return nil, err
	}
	for _, b := range folded {
		for ; len(b) >= indexSize; b = b[indexSize:] {
			if uuid.UUID(b[:16]) == contact {
				out = append(out, uuid.UUID(b[24:indexSize]))
			}
		}
	}
	var before Position
	for first := true; ; first = false {
		p := auditdb.ListUnfoldedReadsOfParams{TenantID: tenant, SubjectID: contact, PageSize: 1000}
		if !first {
			p.BeforeAt, p.BeforeID = &before.At, &before.ID
		}
		rows, err := q.ListUnfoldedReadsOf(ctx, tx, p)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			out = append(out, r.ID)
			before = Position{r.OccurredAt, r.ID}
		}
		if len(rows) < 1000 {
			return out, nil
		}
	}
}
