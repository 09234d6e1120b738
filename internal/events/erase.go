package events

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// EraseChangesTx removes the values before and after of every event about a
// contact, as part of tx, and returns of how many events. The chain has only
// their digest and goes on to agree. The scope of tx has to see the contact.
func EraseChangesTx(ctx context.Context, tx pgx.Tx, tenant, contact uuid.UUID) (int64, error) {
	tag, err := tx.Exec(ctx, `
		delete from event_changes c where c.tenant_id = $1 and c.event_id in (select events_of_contact($1, $2))`, tenant, contact)
	return tag.RowsAffected(), err
}

// EraseChangesOfTx removes the values before and after of every event about these
// records, as part of tx, and returns of how many events.
func EraseChangesOfTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, subjects []uuid.UUID) (int64, error) {
	if len(subjects) == 0 {
		return 0, nil
	}
	tag, err := tx.Exec(ctx, `
		delete from event_changes c where c.tenant_id = $1 and c.event_id in (select e.id from events e where e.tenant_id = $1 and e.subject_id = any($2))`, tenant, subjects)
	return tag.RowsAffected(), err
}
