package contacts

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Contacts that are read and not expanded, one or a page, are written as JSON
// straight from their rows; everything else goes by the generated types.

// asRead reports whether contacts may be written as they are: to a reader from
// whom nothing of them is masked because of how they are, see masks.
func asRead(ctx context.Context) bool {
	return pg.SightIn(ctx).Holds(pg.SeeContactPoints) && reads(ctx, "contact_point") && reads(ctx, "civil")
}

// contactObject is a contact of the contract, made of contactColumns.
var contactObject = pg.NewObject(contactColumnNames(), []string{"tenant_id", "merged_into", "reach_department_ids", "act_department_ids", "export_department_ids", "erased_at",
	"standing_from", "standing_until", "given_purposes", "refused_purposes"}, map[string]string{
	"object": `"contact"`, "contact_points": "null", "addresses": "null", "tags": "null", "external_ids": "null",
})

// Where columns are that are looked at besides.
var (
	idColumn, mergedColumn, versionColumn = columnOf("id"), columnOf("merged_into"), columnOf("version")
	createdColumn, updatedColumn          = columnOf("created_at"), columnOf("updated_at")
	erasedColumn                          = columnOf("erased_at")
	standingColumn                        = columnOf("standing_from") // and the three after it
	sortNameColumn, scoreColumn           = columnOf("sort_name"), len(contactColumnNames())
	restrictedColumn, viewersColumn       = columnOf("is_restricted"), columnOf("viewer_ids")
	departmentsColumn, reachColumn        = columnOf("department_ids"), columnOf("reach_department_ids")
	familyColumn, birthNameColumn         = columnOf("family_name"), columnOf("birth_name")
	// nameColumns: by any of these a contact goes by a name of its own.
	nameColumns = []int{columnOf("given_name"), familyColumn, columnOf("legal_name"), columnOf("trade_name")}
)

func contactColumnNames() []string {
	names := strings.Split(contactColumns, ",")
	for i, n := range names {
		names[i] = strings.TrimPrefix(strings.TrimSpace(n), "c.")
		if _, alias, ok := strings.Cut(names[i], " AS "); ok {
			names[i] = alias
		}
	}
	return names
}

func columnOf(name string) int {
	for i, n := range contactColumnNames() {
		if n == name {
			return i
		}
	}
	panic("contacts: no column " + name) //nolint:forbidigo // at start, of a name that is written above: the program does not begin with a column missing
}

// written is an answer that is JSON already, in a borrowed buffer.
type written struct {
	body       *[]byte
	etag, link string
}

var bodies = sync.Pool{New: func() any { return new([]byte) }}

func borrow() *[]byte {
	b, _ := bodies.Get().(*[]byte)
	*b = (*b)[:0]
	return b
}

// VisitListContactsResponse implements api.ListContactsResponseObject.
func (a written) VisitListContactsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitGetContactResponse implements api.GetContactResponseObject.
func (a written) VisitGetContactResponse(w http.ResponseWriter) error { return a.write(w) }

var (
	_ api.ListContactsResponseObject = written{}
	_ api.GetContactResponseObject   = written{}
)

func (a written) write(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if a.etag != "" {
		h.Set("ETag", a.etag)
	}
	if a.link != "" {
		h.Set("Link", a.link)
	}
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(*a.body)
	bodies.Put(a.body)
	return err
}

// errMasked: the contact is not to be written as it is, see masks, or more has to
// be asked about it first.
var errMasked = errors.New("contacts: masked")

const getSQL = "SELECT " + contactColumns + " FROM contacts c WHERE c.tenant_id = $1 AND c.id = $2"

// getWritten is Get with the contact written out.
func (s *Service) getWritten(ctx context.Context, id uuid.UUID) (written, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return written{}, err
	}
	rows, err := s.db.Tenant(actor.Tenant).Query(ctx, getSQL, actor.Tenant, id)
	if err != nil {
		return written{}, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return written{}, err
		}
		return written{}, pgx.ErrNoRows
	}
	var c Contact
	dest := make([]any, scoreColumn)
	dest[mergedColumn], dest[versionColumn] = &c.MergedInto, &c.Version
	dest[restrictedColumn], dest[viewersColumn], dest[departmentsColumn] = &c.Restricted, &c.ViewerIds, &c.DepartmentIds
	dest[reachColumn], dest[erasedColumn] = &c.ReachDepartmentIds, &c.ErasedAt
	purposes, at, bound := pg.SightIn(ctx).Bound()
	if bound {
		dest[standingColumn], dest[standingColumn+1], dest[standingColumn+2], dest[standingColumn+3] = &c.StandingFrom, &c.StandingUntil, &c.GivenPurposes, &c.RefusedPurposes
	}
	if err := rows.Scan(dest...); err != nil {
		return written{}, err
	}
	if !pg.SightIn(ctx).Sees(heldOf(c)) {
		return written{}, fault.NotFound()
	}
	if bound {
		switch stands, known := purposes.StandWith(standingOf(c), at); {
		case !known:
			return written{}, errMasked // the other way asks, and holds no connection meanwhile
		case !stands:
			return written{}, fault.NotFound()
		}
	}
	if err := present(c); err != nil {
		return written{}, err
	}
	values := rows.RawValues()
	reached := reachable(ctx, c)
	if !reached && !slices.ContainsFunc(nameColumns, func(n int) bool { return len(values[n]) > 0 }) ||
		!reads(ctx, "civil") && values[familyColumn] == nil && values[birthNameColumn] != nil {
		return written{}, errMasked
	}
	out := written{body: borrow(), etag: web.ETag(c.Version)}
	if *out.body, err = contactObject.Append(*out.body, rows.FieldDescriptions(), rows.RawValues()); err != nil {
		return written{}, err
	}
	if !reached {
		*out.body = append((*out.body)[:len(*out.body)-1], `,"masked":["/contact_points","/addresses"]}`...)
	}
	*out.body = append(*out.body, '\n')
	rows.Close()
	return out, rows.Err()
}

// listWritten is List written behind b, with a comma between contacts: those
// that are on the page, and where it ends if another follows.
func (s *Service) listWritten(ctx context.Context, q Query, after *Position, limit int, b []byte) (out []byte, on []uuid.UUID, end *Position, err error) {
	rows, err := s.query(ctx, q, after, limit+1)
	if err != nil {
		return b, nil, nil, err
	}
	defer rows.Close()
	on = make([]uuid.UUID, 0, limit)
	var last Found
	for rows.Next() {
		if len(on) == limit {
			p := q.Position(last)
			end = &p
			break
		}
		fields, values := rows.FieldDescriptions(), rows.RawValues()
		id, err := pg.UUIDValue(&fields[idColumn], values[idColumn])
		if err != nil {
			return b, nil, nil, err
		}
		if len(on) > 0 {
			b = append(b, ',')
		}
		on = append(on, id)
		if b, err = contactObject.Append(b, fields, values); err != nil {
			return b, nil, nil, err
		}
		if len(on) < limit {
			continue
		}
		dest := make([]any, len(fields))
		dest[idColumn], dest[createdColumn], dest[updatedColumn] = &last.ID, &last.CreatedAt, &last.UpdatedAt
		dest[sortNameColumn], dest[scoreColumn] = &last.SortName, &last.Score
		if err := rows.Scan(dest...); err != nil {
			return b, nil, nil, err
		}
	}
	rows.Close()
	return b, on, end, rows.Err()
}

// page answers a list that expands and counts nothing.
func (h *Handlers) page(ctx context.Context, q Query, cursor *string, limit int) (written, error) {
	var after Position
	walk := walkOf(q, Expand{})
	resumed, err := h.cursors.Decode(cursor, walk, &after)
	if err != nil {
		return written{}, err
	}
	out := written{body: borrow()}
	b, on, end, err := h.service.listWritten(ctx, q, web.If(resumed, &after), limit, append(*out.body, `{"data":[`...))
	if err != nil {
		return written{}, err
	}
	web.NoteSubjects(ctx, on...)
	page := web.Page[Found]{Next: nullable.NewNullNullable[string]()}
	b = append(b, `],"next_cursor":`...)
	if end != nil {
		next, err := h.cursors.Encode(walk, *end)
		if err != nil {
			return written{}, err
		}
		page.Next = nullable.NewNullableWithValue(next)
		b = append(append(append(b, '"'), next...), '"') // letters, digits, - and _
	} else {
		b = append(b, "null"...)
	}
	b = append(b, "}\n"...)
	*out.body = b
	if link := page.Link(ctx); link != nil {
		out.link = *link
	}
	return out, nil
}
