package parvistest

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/web"
)

// Limits are what a credential may, besides its scopes.
type Limits struct {
	Scopes             []string
	Departments        []string // identifiers; none: the whole institution
	Verbs              []string // nil: all but see_restricted
	Readable, Writable []string // classes of fields; nil: all but sensitive
}

// Limited returns a client with a new key that has these rights only.
func (a *App) Limited(l Limits) *Client {
	a.tb.Helper()
	ctx := web.WithActor(context.Background(), web.SystemActor(a.Tenant, "test"))
	made, key, err := a.Access().CreateKey(ctx, access.NewKey{Name: "limited", Kind: apikey.Secret, Scopes: l.Scopes})
	require.NoError(a.tb, err)
	departments := []uuid.UUID{}
	for _, d := range l.Departments {
		departments = append(departments, uuid.MustParse(d))
	}
	a.AsOwner("UPDATE crm.api_keys SET department_ids = $3, verbs = $4, readable_classes = $5, writable_classes = $6 WHERE tenant_id = $1 AND id = $2",
		a.Tenant, made.ID, departments, l.Verbs, l.Readable, l.Writable)
	return &Client{tb: a.tb, url: a.URL, Key: key, contract: a.contract}
}

// Department makes a department and returns its identifier.
func (a *App) Department(code, parent string) string {
	a.tb.Helper()
	body := map[string]any{"code": code, "name": code}
	if parent != "" {
		body["parent_id"] = parent
	}
	return a.Post("/v1/departments", body).Is(201).ID()
}

// AsOwner runs a statement as the owner of the tables, whom no wall stops.
func (a *App) AsOwner(sql string, args ...any) {
	a.tb.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, a.DB.OwnerURL)
	require.NoError(a.tb, err)
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "set app.sight = '*'")
	require.NoError(a.tb, err)
	require.NoError(a.tb, ExecAsOwner(ctx, conn, sql, args...))
}
