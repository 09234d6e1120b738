package contacts

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Query asks for contacts. All that is set must hold; merged and erased contacts
// are never listed.
type Query struct {
	Q                         *string // words, an e-mail address, a number, an identifier
	Kind, SIREN, SIRET        *string
	Email, Phone              *string // however spelt
	ExternalSource            *string
	ExternalID                *string
	NamePrefix                *string
	TagIDs                    []uuid.UUID // any of them
	DepartmentIDs, OwnerIDs   []uuid.UUID // any of them
	Restricted                *bool
	Archived                  string // "false" (also ""), "true": archived too, "only"
	CreatedAtGte, CreatedAtLt *time.Time
	UpdatedAtGte, UpdatedAtLt *time.Time
	Filter                    *Filter
	Sort                      string // [-]created_at, [-]updated_at, [-]name; empty: best match, by name after a prefix, else newest
}

// Position is where a walk through contacts stands.
type Position struct {
	Score float64   `json:"s,omitempty"`
	Time  time.Time `json:"t,omitzero"`
	Name  string    `json:"n,omitempty"`
	ID    uuid.UUID `json:"i"`
}

// Found is a contact of a list, with how well it matches when it was searched.
type Found struct {
	Contact
	Score float64
}

// Position of a contact in the order of the query.
func (q Query) Position(f Found) Position {
	p := Position{ID: f.ID}
	switch strings.TrimPrefix(q.order(), "-") {
	case "created_at":
		p.Time = f.CreatedAt
	case "updated_at":
		p.Time = f.UpdatedAt
	case "name":
		p.Name = f.SortName
	default:
		p.Score = f.Score
	}
	return p
}

func (q Query) order() string {
	switch {
	case q.Sort != "":
		return q.Sort
	case q.Q == nil && q.NamePrefix != nil:
		return "name" // the order of the index that finds them: a page costs a page, however many there are
	case q.Q == nil:
		return "-created_at"
	case shortWord(*q.Q):
		return "name"
	}
	return "score"
}

// contactColumns are the columns of Contact in the order of its fields.
const contactColumns = `c.tenant_id, c.id, c.kind, c.civility, c.title, c.given_name, c.given_names, c.family_name, c.birth_name, c.particle,
	c.name_suffix, c.nickname, c.birthdate, c.legal_name, c.trade_name, c.organisation_type, c.siren, c.siret, c.rna, c.website,
	c.locale, c.zoneinfo, c.display_name, c.sort_name, c.source, c.archived_at, c.purge_after, c.merged_into, c.version,
	c.created_at, c.updated_at, c.restricted AS is_restricted, c.viewer_ids, c.department_ids, c.owner_id,
	c.reach_department_ids, c.act_department_ids, c.export_department_ids, c.erased_at,
	c.standing_from, c.standing_until, c.given_purposes, c.refused_purposes`

// statement is a query being written: only what is asked for is in it, so that
// the planner sees the indexes that serve it.
type statement struct {
	args  []any
	with  string
	from  string
	where []string
	score string
	actor web.Actor
}

func (st *statement) arg(v any) string {
	st.args = append(st.args, v)
	return fmt.Sprintf("$%d", len(st.args))
}

func (st *statement) and(condition string, values ...any) {
	names := make([]any, len(values))
	for i, v := range values {
		names[i] = st.arg(v)
	}
	st.where = append(st.where, fmt.Sprintf(condition, names...))
}

// List returns at most limit contacts after a position.
func (s *Service) List(ctx context.Context, q Query, after *Position, limit int) ([]Found, error) {
	rows, err := s.query(ctx, q, after, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Found])
}

// query gives the rows of a list: contactColumns and the score.
func (s *Service) query(ctx context.Context, q Query, after *Position, limit int) (pgx.Rows, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	st, err := q.statement(actor)
	if err != nil {
		return nil, err
	}
	order := q.order()
	direction, comparison := "ASC", ">"
	if strings.HasPrefix(order, "-") || order == "score" {
		direction, comparison = "DESC", "<"
	}
	column := map[string]string{"created_at": "c.created_at", "updated_at": "c.updated_at", "name": "c.sort_name", "score": "m.score"}[strings.TrimPrefix(order, "-")]
	if after != nil {
		var value any
		switch strings.TrimPrefix(order, "-") {
		case "name":
			value = after.Name
		case "score":
			value = after.Score
		default:
			value = after.Time
		}
		st.and("("+column+", c.id) "+comparison+" (%s, %s)", value, after.ID)
	}
	// The limit is part of the text: with a parameter in its place PostgreSQL
	// takes a plan kept for all values to be dear and plans anew every time,
	// which costs more than reading the page.
	sql := st.with + "SELECT " + contactColumns + ", " + st.score + " FROM " + st.from + " WHERE " + strings.Join(st.where, " AND ") +
		" ORDER BY " + column + " " + direction + ", c.id " + direction + " LIMIT " + strconv.Itoa(limit)
	db := s.db.Tenant(actor.Tenant)
	if _, _, bound := actor.Sight.Bound(); !bound && q.plain() {
		db = db.KeepPlan()
	}
	return db.Query(ctx, sql, st.args...)
}

// plain reports whether the index of a list's order serves every page of it, since
// hardly anything in that order is left out.
func (q Query) plain() bool {
	order := strings.TrimPrefix(q.order(), "-")
	if q.Archived == "only" {
		return false
	}
	// What the order begins with bounds the walk through its index.
	switch order {
	case "name":
		q.NamePrefix = nil
	case "created_at":
		q.CreatedAtGte, q.CreatedAtLt = nil, nil
	case "updated_at":
		q.UpdatedAtGte, q.UpdatedAtLt = nil, nil
	}
	q.Sort, q.Archived = "", ""
	return reflect.ValueOf(q).IsZero()
}

// Kinds of a count.
const (
	exactly = "exact"
	atLeast = "at_least"
)

// countedTo is how far is counted where an estimate will do.
const countedTo = 10_000

// Count counts what a query matches and the reader sees: all of it, or if an
// estimate will do no further than countedTo, and says which it was. The planner's
// own estimate is no answer: it is made from statistics of everybody's rows, so it
// tells names and numbers of contacts out of sight and of other institutions.
func (s *Service) Count(ctx context.Context, q Query, all bool) (int64, string, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return 0, "", err
	}
	st, err := q.statement(actor)
	if err != nil {
		return 0, "", err
	}
	body := " FROM " + st.from + " WHERE " + strings.Join(st.where, " AND ")
	sql := "SELECT count(*)" + body
	if !all {
		sql = "SELECT count(*) FROM (SELECT 1" + body + " LIMIT " + strconv.Itoa(countedTo+1) + ") n"
	}
	var n int64
	if err := s.db.Tenant(actor.Tenant).QueryRow(ctx, st.with+sql, st.args...).Scan(&n); err != nil {
		return 0, "", err
	}
	if !all && n > countedTo {
		return countedTo, atLeast, nil
	}
	return n, exactly, nil
}

func (q Query) statement(actor web.Actor) (*statement, error) {
	st := &statement{from: "contacts c", score: "0::float8", actor: actor}
	st.and("c.tenant_id = %s AND c.merged_into IS NULL AND c.erased_at IS NULL", actor.Tenant) // $1 is the tenant, here and below
	if seen := actor.Sight.Condition("c", st.arg); seen != "" {
		st.where = append(st.where, seen)
	}
	switch q.Archived {
	case "", "false":
		st.where = append(st.where, "c.archived_at IS NULL")
	case "only":
		st.where = append(st.where, "c.archived_at IS NOT NULL")
	}
	if q.Kind != nil {
		st.and("c.kind = %s", *q.Kind)
	}
	if (q.SIREN != nil || q.SIRET != nil) && !actor.Reads("identity") {
		st.where = append(st.where, "false")
	}
	if q.SIREN != nil {
		st.and("c.siren = %s", *q.SIREN)
	}
	if q.SIRET != nil {
		st.and("c.siret = %s", *q.SIRET)
	}
	if q.NamePrefix != nil {
		st.namePrefix(Fold(*q.NamePrefix))
	}
	q.times(st)
	if err := q.points(st); err != nil {
		return nil, err
	}
	const external = "c.id IN (SELECT e.contact_id FROM contact_external_ids e WHERE e.tenant_id = $1 AND "
	switch {
	case q.ExternalSource != nil && q.ExternalID != nil:
		st.and(external+"e.source = %s AND e.external_id = %s)", *q.ExternalSource, *q.ExternalID)
	case q.ExternalSource != nil:
		st.and("EXISTS (SELECT 1 FROM contact_external_ids e WHERE e.tenant_id = $1 AND e.contact_id = c.id AND e.source = %s)", *q.ExternalSource)
	case q.ExternalID != nil:
		st.and(external+"e.external_id = %s)", *q.ExternalID)
	}
	if len(q.TagIDs) > 0 {
		st.and("EXISTS (SELECT 1 FROM contact_tags t WHERE t.tenant_id = $1 AND t.contact_id = c.id AND t.tag_id = ANY(%s))", q.TagIDs)
	}
	if len(q.DepartmentIDs) > 0 {
		st.and("c.id IN (SELECT d.contact_id FROM contact_departments d WHERE d.tenant_id = $1 AND d.department_id = ANY(%s))", q.DepartmentIDs)
	}
	if len(q.OwnerIDs) > 0 {
		st.and("c.owner_id = ANY(%s)", q.OwnerIDs)
	}
	if q.Restricted != nil {
		st.and("c.restricted = %s", *q.Restricted)
	}
	if q.Filter != nil {
		condition, err := q.Filter.sql(st)
		if err != nil {
			return nil, err
		}
		st.where = append(st.where, condition)
	}
	if q.Q != nil {
		st.search(*q.Q)
	}
	return st, nil
}

// lastRune comes after every character that a folded name can have.
const lastRune = "\U0010FFFF"

func (st *statement) namePrefix(prefix string) {
	if prefix == "" { // no letter and no digit was asked for: nobody is called so
		st.where = append(st.where, "false")
		return
	}
	st.and("c.sort_name >= %s AND c.sort_name < %s", prefix, prefix+lastRune)
	if shown := st.nameShown(); shown != "" {
		st.where = append(st.where, shown)
	}
}

func (q Query) times(st *statement) {
	for _, t := range []struct {
		condition string
		value     *time.Time
	}{
		{"c.created_at >= %s", q.CreatedAtGte}, {"c.created_at < %s", q.CreatedAtLt},
		{"c.updated_at >= %s", q.UpdatedAtGte}, {"c.updated_at < %s", q.UpdatedAtLt},
	} {
		if t.value != nil {
			st.and(t.condition, *t.value)
		}
	}
}

func (q Query) points(st *statement) error {
	refused := fault.New(fault.Malformed, "invalid-request")
	const at = "c.id IN (SELECT p.contact_id FROM contact_points p WHERE p.tenant_id = $1 AND p.kind = "
	if q.Email != nil {
		normalized, err := NormalizeEmail(*q.Email)
		if err != nil {
			refused.AtParameter("email", Email)
		}
		st.and(at+"'email' AND p.normalized = %s"+st.reached("p.contact_id")+")", normalized)
	}
	if q.Phone != nil {
		normalized, err := NormalizePhone(*q.Phone, "")
		if err != nil {
			refused.AtParameter("phone", Phone)
		}
		st.and(at+"'phone' AND p.normalized = %s"+st.reached("p.contact_id")+")", normalized)
	}
	return refused.OrNil()
}
