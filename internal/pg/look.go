package pg

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Look is the program's own look at contacts by their ids, for what hangs on
// them: orders, consents, events.
type Look struct {
	sight Sight
	held  map[uuid.UUID]Held
}

// LookAt reads whose these contacts are. It asks nothing for a principal that
// sees everything.
func LookAt(ctx context.Context, db DBTX, tenant uuid.UUID, contacts []uuid.UUID) (Look, error) {
	l := Look{sight: SightIn(ctx), held: map[uuid.UUID]Held{}}
	if l.sight.all || len(contacts) == 0 {
		return l, nil
	}
	args := []any{tenant, contacts}
	// Purposes and times are the database's to compare: whoever is not seen is not read.
	condition := l.sight.ConditionOfOne("c", func(v any) string { args = append(args, v); return "$" + strconv.Itoa(len(args)) })
	if condition != "" {
		condition = " and " + condition
	}
	rows, err := db.Query(ctx, `select c.id, c.restricted, c.viewer_ids, c.department_ids, c.reach_department_ids, c.act_department_ids, c.export_department_ids
		from crm.contacts c where c.tenant_id = $1 and c.id = any($2)`+condition, args...)
	if err != nil {
		return l, err
	}
	var id uuid.UUID
	var h Held
	_, err = pgx.ForEachRow(rows, []any{&id, &h.Restricted, &h.Viewers, &h.Departments, &h.Reaching, &h.Acting, &h.Exporting}, func() error {
		l.held[id] = h
		h = Held{}
		return nil
	})
	return l, err
}

// Sees reports whether a contact is seen. Where nobody is named, there is nobody
// to hide.
func (l Look) Sees(contact *uuid.UUID) bool {
	if l.sight.all || contact == nil {
		return true
	}
	h, there := l.held[*contact]
	return there && l.sight.Sees(h)
}

// May reports whether something may be done with a contact.
func (l Look) May(v Verb, contact *uuid.UUID) bool {
	return l.Sees(contact) && (l.sight.all || contact == nil || l.sight.May(v, l.held[*contact]))
}

// SeesWhole reports whether the principal of the context sees everything of the
// institution's contacts and may take it along, whatever it is for: what is asked
// of whoever is told about all of them at once. The database is asked too what
// the scope of the statement holds, since behind such an answer there is no
// row-level security.
func SeesWhole(ctx context.Context, db DBTX) (bool, error) {
	sight := SightIn(ctx)
	if _, _, bound := sight.Bound(); bound || !sight.Whole() {
		return false, nil
	}
	var whole bool
	err := db.QueryRow(ctx, `select not sight_bound() and sight_everywhere('see') and sight_everywhere('see_contact_points')
		and sight_everywhere('see_restricted') and sight_everywhere('export')`).Scan(&whole)
	return whole, err
}
