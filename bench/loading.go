package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"

	"github.com/parvis-crm/parvis/bench/internal/dataset"
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

// fill puts the data set into an empty database: rows first, then the indexes
// that are no keys, then the planner's statistics, which is how a bulk load is
// done.
func fill(ctx context.Context, url string, people int) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	pgxuuid.Register(conn.TypeMap())
	start := time.Now()
	if _, err := conn.Exec(ctx, "set search_path = crm; set synchronous_commit = off; set session_replication_role = replica"); err != nil {
		return err
	}
	indexes, err := dropIndexes(ctx, conn)
	if err != nil {
		return err
	}
	for i := range dataset.Tenants {
		if _, err := conn.Exec(ctx, "insert into tenants (tenant_id, name) values ($1, $2)", dataset.TenantID(i), fmt.Sprintf("Institution %d", i)); err != nil {
			return err
		}
	}
	for _, t := range tables() {
		count := people
		if t.size != nil {
			count = t.size(people)
		}
		next, waiting := 0, [][]any(nil)
		source := pgx.CopyFromFunc(func() ([]any, error) {
			for len(waiting) == 0 && next < count {
				rows, err := t.rows(next, people)
				if err != nil {
					return nil, err
				}
				waiting = rows
				if next++; next%100_000 == 0 {
					fmt.Fprintf(os.Stderr, "\r%-24s %8d of %d, %.0f s", t.name, next, count, time.Since(start).Seconds())
				}
			}
			if len(waiting) == 0 {
				return nil, nil
			}
			row := waiting[0]
			waiting = waiting[1:]
			return row, nil
		})
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{"crm", t.name}, t.columns, source); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	fmt.Fprintf(os.Stderr, "\rloaded %d contacts in %.0f s; indexing\n", people, time.Since(start).Seconds())
	if _, err := conn.Exec(ctx, `insert into ticketing_counts (tenant_id, source_id, kind, described)
		select tenant_id, source_id, kind, count(*) from ticketing_records where kind <> 'ticket' group by tenant_id, source_id, kind`); err != nil {
		return err
	}
	for _, definition := range indexes {
		if _, err := conn.Exec(ctx, definition); err != nil {
			return fmt.Errorf("%s: %w", definition, err)
		}
	}
	_, err = conn.Exec(ctx, "vacuum analyze")
	fmt.Fprintf(os.Stderr, "ready after %.0f s\n", time.Since(start).Seconds())
	return err
}

// dropIndexes drops the indexes that no constraint needs and returns their
// definitions.
func dropIndexes(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, `select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) from pg_index i join pg_class c on c.oid = i.indrelid
		where c.relnamespace = 'crm'::regnamespace and not exists (select from pg_constraint k where k.conindid = i.indexrelid) order by c.relname, i.indexrelid`)
	if err != nil {
		return nil, err
	}
	var definitions []string
	drop := ""
	var name, definition string
	if _, err := pgx.ForEachRow(rows, []any{&name, &definition}, func() error {
		definitions = append(definitions, definition)
		drop += "drop index " + name + ";"
		return nil
	}); err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, drop)
	return definitions, err
}
