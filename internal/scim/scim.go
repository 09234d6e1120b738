package scim

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/rights"
	"github.com/parvis-crm/parvis/internal/scim/internal/scimdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Limits of a page (RFC 7644 §3.4.2.4).
const (
	mostResults  = 200
	usualResults = 100
)

// base is where the service is, below the address of the installation.
const base = "/v1/scim/v2"

// Service is the domain's rules over its tables.
type Service struct {
	db     *pg.DB
	q      *scimdb.Queries
	access *access.Service
	rights *rights.Service
}

// NewService makes the service.
func NewService(db *pg.DB, a *access.Service, r *rights.Service) *Service {
	return &Service{db: db, q: scimdb.New(), access: a, rights: r}
}

// Search is what a list is asked for.
type Search struct {
	Filter, SortBy, SortOrder string
	StartIndex, Count         int
	Selection                 Selection
}

// Page is one page of a list.
type Page struct {
	Total, StartIndex int64
	Resources         []Resource
}

// Resource is one resource as it is read.
type Resource struct {
	ID      string
	Doc     map[string]any
	Version string
}

// sourceOf names the directory that an actor speaks for: the one its credential
// is bound to, or the only one.
func sourceOf(actor web.Actor) string {
	if actor.Source != "" {
		return actor.Source
	}
	return "directory"
}

// checkVersion compares If-Match with the present version, weakly (RFC 7644
// §3.14).
func checkVersion(want *string, present string) error {
	if want == nil || *want == "" {
		return nil
	}
	for one := range strings.SplitSeq(*want, ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(present, "W/") {
			return nil
		}
	}
	return fault.New(fault.Stale, "precondition-failed").Header("ETag", present)
}

func weak(parts ...any) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = fmt.Sprint(p)
	}
	return `W/"` + strings.Join(texts, ".") + `"`
}

// locationOf is the address of a resource (RFC 7643 §3.1).
func locationOf(ctx context.Context, endpoint, id string) string {
	return web.Origin(ctx) + base + endpoint + "/" + id
}

func metaOf(ctx context.Context, k kindOf, id string, created, modified time.Time, version string) map[string]any {
	return map[string]any{
		"resourceType": k.name, "created": created.UTC().Format(time.RFC3339Nano), "lastModified": modified.UTC().Format(time.RFC3339Nano),
		"location": locationOf(ctx, k.endpoint, id), "version": version,
	}
}

func later(a time.Time, b *time.Time) time.Time {
	if b != nil && b.After(a) {
		return *b
	}
	return a
}

// arguments gather the values of a statement.
type arguments []any

func (a *arguments) add(v any) string {
	*a = append(*a, v)
	return fmt.Sprintf("$%d", len(*a))
}

// window is where a page begins and how long it is at most.
func (s Search) window() (offset, limit int) {
	offset = max(s.StartIndex, 1) - 1
	return offset, min(max(s.Count, 0), mostResults)
}

func collect[T any](ctx context.Context, db pg.DBTX, sql string, args []any, scan func(pgx.CollectableRow) (T, error)) ([]T, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}
