package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// What archives are measured against: COPY of the same rows.

// archivedTables are the tables that an archive holds.
func archivedTables(path string) ([]string, error) {
	a, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = a.Close() }()
	var tables []string
	for _, t := range a.Dictionary.Tables {
		tables = append(tables, t.Name)
	}
	return tables, nil
}

// copyOut writes the first institution's rows of a table.
func copyOut(ctx context.Context, conn *pgx.Conn, w io.Writer, table, columns, format string) (int64, error) {
	tag, err := conn.PgConn().CopyTo(ctx, w, "copy (select "+columns+" from "+table+" where tenant_id = '"+tenantZero+"') to stdout (format "+format+")")
	return tag.RowsAffected(), err
}

// tableCopy is a table's rows in a file, as binary COPY has them.
type tableCopy struct{ table, columns, path string }

// copyAll writes the rows of every table of an archive into files.
func copyAll(ctx context.Context, conn *pgx.Conn, archived, folder string) ([]tableCopy, error) {
	tables, err := archivedTables(archived)
	if err != nil {
		return nil, err
	}
	var out []tableCopy
	for _, t := range tables {
		c := tableCopy{table: t, path: filepath.Join(folder, t)}
		err := conn.QueryRow(ctx, `select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
			where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attgenerated = ''`, "crm."+t).Scan(&c.columns)
		if err != nil {
			return nil, err
		}
		file, err := os.Create(c.path)
		if err != nil {
			return nil, err
		}
		_, err = copyOut(ctx, conn, file, t, c.columns, "binary")
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// copyIn reads them into another database, in one transaction.
func copyIn(ctx context.Context, url string, copies []tableCopy) (rows int64, took time.Duration, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = conn.Close(ctx) }()
	start := time.Now()
	if _, err := conn.Exec(ctx, "set session_replication_role = replica; begin"); err != nil {
		return 0, 0, err
	}
	for _, c := range copies {
		file, err := os.Open(c.path)
		if err != nil {
			return 0, 0, err
		}
		tag, err := conn.PgConn().CopyFrom(ctx, file, "copy crm."+c.table+" ("+c.columns+") from stdin (format binary)")
		if err := errors.Join(err, file.Close()); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", c.table, err)
		}
		rows += tag.RowsAffected()
	}
	_, err = conn.Exec(ctx, "commit")
	return rows, time.Since(start), err
}

// fresh makes a database anew from a template.
func fresh(ctx context.Context, conn *pgx.Conn, name, template string) error {
	if err := drop(ctx, conn, name); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "create database "+name+" template "+template)
	return err
}

func drop(ctx context.Context, conn *pgx.Conn, name string) error {
	_, err := conn.Exec(ctx, "drop database if exists "+name+" with (force)")
	return err
}
