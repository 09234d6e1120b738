package scim

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// user is a user with what a directory says of them.
type user struct {
	id                   uuid.UUID
	email, name          string
	status               string
	scopes               []string
	created, updated     time.Time
	version              int64
	source               *string // nil: no directory answers for them
	userName, externalID *string
	attributes           json.RawMessage
	told                 *time.Time
	toldVersion          int64
	groups               json.RawMessage
}

// $1 is the institution, $2 the directory.
const (
	userColumns = `u.id, u.email, u.name, u.status, u.scopes, u.created_at, u.updated_at, u.version,
		s.source, s.user_name, ` + externalIDOfUser + `, s.attributes, s.updated_at, coalesce(s.version, 0)`
	userGroups = `(SELECT coalesce(jsonb_agg(jsonb_build_object('value', t.id, 'display', t.name, 'type', 'direct') ORDER BY t.id), '[]') FROM ` + groupsOfUser + `)`
	userFrom   = ` FROM users u LEFT JOIN scim_users s ON s.tenant_id = u.tenant_id AND s.user_id = u.id
		WHERE u.tenant_id = $1 AND s.deleted_at IS NULL`
	externalIDOfUser = `CASE WHEN s.source = $2::text THEN s.external_id END`
	groupsOfUser     = `team_members m JOIN teams t ON t.tenant_id = m.tenant_id AND t.id = m.team_id
		LEFT JOIN scim_groups g ON g.tenant_id = t.tenant_id AND g.team_id = t.id
		WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id AND ` + ownGroup
	emailsOfUser = `jsonb_array_elements(CASE WHEN s.user_id IS NULL THEN jsonb_build_array(jsonb_build_object('value', u.email, 'type', 'work', 'primary', true))
		ELSE coalesce(s.attributes -> 'emails', '[]') END) e WHERE true`
)

func userColumnsOf() columns {
	return columns{
		single: map[string]string{
			"id": "u.id::text", "externalId": externalIDOfUser, "userName": "coalesce(s.user_name, u.email)",
			"name.formatted": "s.attributes -> 'name' ->> 'formatted'", "name.familyName": "s.attributes -> 'name' ->> 'familyName'", "name.givenName": "s.attributes -> 'name' ->> 'givenName'",
			"displayName": "CASE WHEN s.user_id IS NULL THEN u.name ELSE s.attributes ->> 'displayName' END",
			"title":       "s.attributes ->> 'title'", "preferredLanguage": "s.attributes ->> 'preferredLanguage'", "locale": "s.attributes ->> 'locale'",
			"active": "(u.status = 'active')", "meta.resourceType": "'User'", "meta.created": "u.created_at", "meta.lastModified": "greatest(u.updated_at, s.updated_at)",
		},
		many: map[string]collection{
			"emails": {emailsOfUser, map[string]string{"value": "e ->> 'value'", "display": "e ->> 'display'", "type": "e ->> 'type'", "primary": "(e ->> 'primary')::boolean"}},
			"groups": {groupsOfUser, map[string]string{"value": "t.id::text", "display": "t.name", "type": "'direct'"}},
		},
	}
}

func scanUser(row pgx.CollectableRow) (u user, err error) {
	err = row.Scan(&u.id, &u.email, &u.name, &u.status, &u.scopes, &u.created, &u.updated, &u.version,
		&u.source, &u.userName, &u.externalID, &u.attributes, &u.told, &u.toldVersion, &u.groups)
	return u, err
}

// document is what of a user can be written.
func (u user) document() (document, error) {
	doc := document{}
	if u.source == nil {
		doc["userName"], doc["displayName"] = u.email, u.name
		doc["emails"] = []any{map[string]any{"value": u.email, "type": "work", "primary": true}}
	} else {
		if err := json.Unmarshal(u.attributes, &doc); err != nil {
			return nil, err
		}
		doc["userName"] = *u.userName
		if u.externalID != nil {
			doc["externalId"] = *u.externalID
		}
	}
	doc["active"] = u.status == "active"
	return doc, nil
}

func (u user) etag() string { return weak(u.version, u.toldVersion) }

// resource is a user as it is read.
func (u user) resource(ctx context.Context) (Resource, error) {
	doc, err := u.document()
	if err != nil {
		return Resource{}, err
	}
	var groups []map[string]any
	if err := json.Unmarshal(u.groups, &groups); err != nil {
		return Resource{}, err
	}
	if len(groups) > 0 {
		list := make([]any, len(groups))
		for i, g := range groups {
			g["$ref"] = locationOf(ctx, "/Groups", g["value"].(string))
			list[i] = g
		}
		doc["groups"] = list
	}
	id := u.id.String()
	doc["schemas"], doc["id"] = []any{userURN}, id
	doc["meta"] = metaOf(ctx, userKind(), id, u.created, later(u.updated, u.told), u.etag())
	return Resource{id, doc, u.etag()}, nil
}

func (s *Service) readUser(ctx context.Context, db pg.DBTX, tenant uuid.UUID, source, id string) (user, error) {
	wanted, err := uuid.Parse(id)
	if err != nil {
		return user{}, fault.NotFound()
	}
	rows, err := collect(ctx, db, "SELECT "+userColumns+", "+userGroups+userFrom+" AND u.id = $3", []any{tenant, source, wanted}, scanUser)
	if err != nil {
		return user{}, err
	}
	if len(rows) == 0 {
		return user{}, fault.NotFound()
	}
	return rows[0], nil
}

// GetUser reads one user.
func (s *Service) GetUser(ctx context.Context, id string) (Resource, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Resource{}, err
	}
	u, err := s.readUser(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, sourceOf(actor), id)
	if err != nil {
		return Resource{}, err
	}
	return u.resource(ctx)
}

// ListUsers searches the users.
func (s *Service) ListUsers(ctx context.Context, search Search) (Page, error) {
	groups := userGroups
	if !search.Selection.wants("groups") {
		groups = "'[]'::jsonb"
	}
	return list(ctx, s, userKind(), userColumnsOf(), search, userColumns+", "+groups, userFrom, "u.id", scanUser, user.resource)
}

// list answers a search: how many there are, and one page of them.
func list[T any](ctx context.Context, s *Service, k kindOf, c columns, search Search, selected, from, byAge string,
	scan func(pgx.CollectableRow) (T, error), resource func(T, context.Context) (Resource, error)) (Page, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Page{}, err
	}
	args := arguments{actor.Tenant, sourceOf(actor)}
	w := conditions{k, c, args.add}
	if search.Filter != "" {
		f, err := parseFilter(search.Filter, k)
		if err != nil {
			return Page{}, err
		}
		text, err := w.of(f)
		if err != nil {
			return Page{}, err
		}
		from += " AND (" + text + ")"
	}
	order, err := w.order(search.SortBy, search.SortOrder, byAge)
	if err != nil {
		return Page{}, err
	}
	db := s.db.Tenant(actor.Tenant)
	counted, err := collect(ctx, db, "SELECT count(*) + 0 * coalesce(max(length($2::text)), 0)"+from, args, pgx.RowTo[int64])
	if err != nil {
		return Page{}, err
	}
	offset, limit := search.window()
	page := Page{Total: counted[0], StartIndex: int64(offset) + 1}
	if limit == 0 || int64(offset) >= page.Total {
		return page, nil
	}
	sql := "SELECT " + selected + from + " ORDER BY " + order + " LIMIT " + args.add(limit) + " OFFSET " + args.add(offset)
	rows, err := collect(ctx, db, sql, args, scan)
	if err != nil {
		return Page{}, err
	}
	for _, row := range rows {
		r, err := resource(row, ctx)
		if err != nil {
			return Page{}, err
		}
		page.Resources = append(page.Resources, r)
	}
	return page, nil
}
