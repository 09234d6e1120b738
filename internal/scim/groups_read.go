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

// group is a team that a directory decides on.
type group struct {
	id               uuid.UUID
	name             string
	externalID       *string
	created, updated time.Time
	version          int64
	count            int64
	changed          *time.Time // when a member was last added
	members          json.RawMessage
}

// $1 is the institution, $2 the directory.
const (
	// ownGroup: made by this directory, or given to the directory by an
	// administrator who wrote its external identifier.
	ownGroup     = `t.archived_at IS NULL AND (g.source = $2::text OR (g.team_id IS NULL AND t.external_id IS NOT NULL))`
	groupColumns = `t.id, t.name, t.external_id, t.created_at, t.updated_at, t.version,
		(SELECT count(*) FROM team_members c WHERE c.tenant_id = t.tenant_id AND c.team_id = t.id),
		(SELECT max(c.added_at) FROM team_members c WHERE c.tenant_id = t.tenant_id AND c.team_id = t.id)`
	groupMembers = `(SELECT coalesce(jsonb_agg(jsonb_build_object('value', u.id, 'display', u.name, 'type', 'User') ORDER BY m.added_at, u.id), '[]') FROM ` + membersOfGroup + `)`
	groupFrom    = ` FROM teams t LEFT JOIN scim_groups g ON g.tenant_id = t.tenant_id AND g.team_id = t.id
		WHERE t.tenant_id = $1 AND ` + ownGroup
	membersOfGroup = `team_members m JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.user_id WHERE m.tenant_id = t.tenant_id AND m.team_id = t.id`
)

func groupColumnsOf() columns {
	return columns{
		single: map[string]string{
			"id": "t.id::text", "externalId": "t.external_id", "displayName": "t.name", "meta.resourceType": "'Group'", "meta.created": "t.created_at",
			"meta.lastModified": "greatest(t.updated_at, (SELECT max(c.added_at) FROM team_members c WHERE c.tenant_id = t.tenant_id AND c.team_id = t.id))",
		},
		many: map[string]collection{"members": {membersOfGroup, map[string]string{"value": "u.id::text", "display": "u.name", "type": "'User'"}}},
	}
}

func scanGroup(row pgx.CollectableRow) (g group, err error) {
	err = row.Scan(&g.id, &g.name, &g.externalID, &g.created, &g.updated, &g.version, &g.count, &g.changed, &g.members)
	return g, err
}

// etag changes with the members too: whoever comes, comes later than all others,
// and whoever goes leaves fewer.
func (g group) etag() string {
	var at int64
	if g.changed != nil {
		at = g.changed.UnixMicro()
	}
	return weak(g.version, g.count, at)
}

// document is what of a group can be written.
func (g group) document() (document, error) {
	doc := document{"displayName": g.name}
	if g.externalID != nil {
		doc["externalId"] = *g.externalID
	}
	var members []map[string]any
	if err := json.Unmarshal(g.members, &members); err != nil {
		return nil, err
	}
	list := make([]any, len(members))
	for i, m := range members {
		list[i] = map[string]any{"value": m["value"]}
	}
	doc.set("members", list)
	return doc, nil
}

func (g group) resource(ctx context.Context) (Resource, error) {
	doc, err := g.document()
	if err != nil {
		return Resource{}, err
	}
	var members []any
	if err := json.Unmarshal(g.members, &members); err != nil {
		return Resource{}, err
	}
	for _, m := range valuesOf(members) {
		m["$ref"] = locationOf(ctx, "/Users", m["value"].(string))
	}
	doc.set("members", members)
	id := g.id.String()
	doc["schemas"], doc["id"] = []any{groupURN}, id
	doc["meta"] = metaOf(ctx, groupKind(), id, g.created, later(g.updated, g.changed), g.etag())
	return Resource{id, doc, g.etag()}, nil
}

func (s *Service) readGroup(ctx context.Context, db pg.DBTX, tenant uuid.UUID, source, id string) (group, error) {
	wanted, err := uuid.Parse(id)
	if err != nil {
		return group{}, fault.NotFound()
	}
	rows, err := collect(ctx, db, "SELECT "+groupColumns+", "+groupMembers+groupFrom+" AND t.id = $3", []any{tenant, source, wanted}, scanGroup)
	if err != nil {
		return group{}, err
	}
	if len(rows) == 0 {
		return group{}, fault.NotFound()
	}
	return rows[0], nil
}

// GetGroup reads one group.
func (s *Service) GetGroup(ctx context.Context, id string) (Resource, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Resource{}, err
	}
	g, err := s.readGroup(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, sourceOf(actor), id)
	if err != nil {
		return Resource{}, err
	}
	return g.resource(ctx)
}

// ListGroups searches the groups. Their members are read only where they are
// wanted.
func (s *Service) ListGroups(ctx context.Context, search Search) (Page, error) {
	members := groupMembers
	if !search.Selection.wants("members") {
		members = "'[]'::jsonb"
	}
	return list(ctx, s, groupKind(), groupColumnsOf(), search, groupColumns+", "+members, groupFrom, "t.id", scanGroup, group.resource)
}
