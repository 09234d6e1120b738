package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/bench/internal/dataset"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/pgembed"
)

// load makes the database of the size, once for each schema. It goes in by COPY
// as the owner, with the columns that the program derives derived by the
// program's own code.
func (e *environment) load(ctx context.Context) error {
	owner := e.pg.URL(pgembed.Superuser, "postgres")
	admin, err := pgx.Connect(ctx, owner)
	if err != nil {
		return err
	}
	defer func() { _ = admin.Close(ctx) }()
	var there bool
	if err := admin.QueryRow(ctx, "select exists (select 1 from pg_database where datname = $1)", e.database).Scan(&there); err != nil || there {
		return err
	}
	building := e.database + "_building"
	for _, sql := range []string{"drop database if exists " + building + " with (force)", "create database " + building} {
		if _, err := admin.Exec(ctx, sql); err != nil {
			return err
		}
	}
	url := e.pg.URL(pgembed.Superuser, building)
	if err := pg.AllowLogin(ctx, url); err != nil {
		return err
	}
	if err := pg.Migrate(ctx, url); err != nil {
		return err
	}
	if err := fill(ctx, url, e.people); err != nil {
		return err
	}
	_, err = admin.Exec(ctx, "alter database "+building+" rename to "+e.database)
	return err
}

func fill(ctx context.Context, url string, people int) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	start := time.Now()
	// The search indexes are built after the rows: that is how a bulk load is done.
	if _, err := conn.Exec(ctx, "set search_path = crm; set synchronous_commit = off; set session_replication_role = replica"); err != nil {
		return err
	}
	for i := range dataset.Tenants {
		if _, err := conn.Exec(ctx, "insert into tenants (tenant_id, name) values ($1, $2)", dataset.TenantID(i), fmt.Sprintf("Institution %d", i)); err != nil {
			return err
		}
	}
	for _, t := range tables {
		n := 0
		source := pgx.CopyFromFunc(func() ([]any, error) {
			for n < people {
				p := dataset.At(n)
				n++
				if n%100_000 == 0 {
					fmt.Fprintf(os.Stderr, "\r%-24s %8d of %d, %.0f s", t.name, n, people, time.Since(start).Seconds())
				}
				if row := t.row(p); row != nil {
					return row, nil
				}
			}
			return nil, nil
		})
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{"crm", t.name}, t.columns, source); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	fmt.Fprintf(os.Stderr, "\rloaded %d contacts in %.0f s; analysing\n", people, time.Since(start).Seconds())
	_, err = conn.Exec(ctx, "vacuum analyze")
	return err
}

type table struct {
	name    string
	columns []string
	row     func(p dataset.Person) []any
}

// source is the system that every contact of the data set is known to.
const source = "ticketing:bench"

var tables = []table{
	{"contacts", []string{"tenant_id", "id", "kind", "given_name", "family_name", "particle", "birthdate", "display_name", "sort_name", "source", "created_at", "updated_at"},
		func(p dataset.Person) []any {
			d := derived(p)
			return []any{dataset.TenantID(p.Tenant), p.ID(), "person", p.Given, p.Family, orNull(p.Particle), day(p.Birthdate), d.DisplayName, d.SortName, source, p.CreatedAt, p.CreatedAt}
		}},
	{"contact_search", []string{"tenant_id", "contact_id", "words", "name_keys"},
		func(p dataset.Person) []any {
			d := derived(p)
			return []any{dataset.TenantID(p.Tenant), p.ID(), d.Words, d.NameKeys}
		}},
	{"contact_points", []string{"tenant_id", "id", "contact_id", "kind", "label", "value", "normalized", "is_primary", "created_at", "updated_at"},
		func(p dataset.Person) []any {
			if p.Email == "" {
				return nil
			}
			return []any{dataset.TenantID(p.Tenant), dataset.PointID(p.Index, 0), p.ID(), "email", "main", p.Email, p.Email, true, p.CreatedAt, p.CreatedAt}
		}},
	{"contact_points", []string{"tenant_id", "id", "contact_id", "kind", "label", "value", "normalized", "is_primary", "created_at", "updated_at"},
		func(p dataset.Person) []any {
			if p.Phone == "" {
				return nil
			}
			return []any{dataset.TenantID(p.Tenant), dataset.PointID(p.Index, 1), p.ID(), "phone", "mobile", p.Phone, p.Phone, true, p.CreatedAt, p.CreatedAt}
		}},
	{"addresses", []string{"tenant_id", "id", "contact_id", "street", "postal_code", "city", "is_primary", "created_at", "updated_at"},
		func(p dataset.Person) []any {
			if p.Street == "" {
				return nil
			}
			return []any{dataset.TenantID(p.Tenant), dataset.AddressID(p.Index), p.ID(), p.Street, p.PostalCode, p.City, true, p.CreatedAt, p.CreatedAt}
		}},
	{"contact_external_ids", []string{"tenant_id", "source", "external_id", "contact_id", "first_seen_at"},
		func(p dataset.Person) []any {
			return []any{dataset.TenantID(p.Tenant), source, fmt.Sprintf("c%d", p.Index), p.ID(), p.CreatedAt}
		}},
}

func derived(p dataset.Person) contacts.Derivation {
	return contacts.Derive(contacts.Fields{Kind: contacts.Person, GivenName: &p.Given, FamilyName: &p.Family, Particle: orNull(p.Particle)})
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func day(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
