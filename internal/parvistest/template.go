package parvistest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// schema is what a template database is made of.
type schema struct {
	// hash changes with everything migrate does.
	hash string
	// migrate brings an empty database up to date, connecting as its owner.
	migrate func(ctx context.Context, ownerURL string) error
}

func (s schema) templateName() string { return "parvis_template_" + s.hash }

// hashFiles digests the names and contents of all files, and whatever else the
// schema depends on.
func hashFiles(files fs.FS, more ...string) (string, error) {
	digest := sha256.New()
	for _, text := range more {
		fmt.Fprintf(digest, "%d:%s", len(text), text)
	}
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(digest, "%d:%s%d:", len(path), path, len(content))
		digest.Write(content)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("digest the migrations: %w", err)
	}
	return hex.EncodeToString(digest.Sum(nil))[:16], nil
}

// templateLock is the advisory lock under which templates are made. One for all
// of them: migrations also create roles, which belong to the whole server.
const templateLock = 0x70617276 // "parv"

// ensureTemplate makes the template database of the schema unless it is there.
// It is built under another name and renamed when it is whole, so that a build
// that was cut short is never taken for a template.
func ensureTemplate(ctx context.Context, admin *pgxpool.Pool, ownerURL func(database string) string, wanted schema, passwords bool) error {
	conn, err := admin.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to make a template database: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", templateLock); err != nil {
		return fmt.Errorf("wait for the template lock: %w", err)
	}
	defer func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", templateLock)
	}()

	name := wanted.templateName()
	building := name + "_building"
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
		return fmt.Errorf("look for the template database: %w", err)
	}
	if exists {
		return nil
	}
	for _, statement := range []string{
		"DROP DATABASE IF EXISTS " + quote(building) + " WITH (FORCE)",
		"CREATE DATABASE " + quote(building),
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("make a template database: %w", err)
		}
	}
	if err := wanted.migrate(ctx, ownerURL(building)); err != nil {
		return fmt.Errorf("migrate the template database: %w", err)
	}
	if err := letAppLogIn(ctx, conn.Conn(), passwords); err != nil {
		return err
	}
	for _, statement := range []string{
		// A template must have no visitors, and migrate may leave a closing one.
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + building + "'",
		"ALTER DATABASE " + quote(building) + " RENAME TO " + quote(name),
		"ALTER DATABASE " + quote(name) + " WITH ALLOW_CONNECTIONS false IS_TEMPLATE true",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("finish the template database: %w", err)
		}
	}
	return nil
}

// letAppLogIn allows the application's role to log in, which the migrations
// leave to whoever runs the server; with a password where the socket's file
// permissions do not stand in for one.
func letAppLogIn(ctx context.Context, conn *pgx.Conn, passwords bool) error {
	statement := "ALTER ROLE " + quote(appRole) + " LOGIN"
	if passwords {
		statement += " PASSWORD '" + appPassword + "'"
	}
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("let %s log in: %w", appRole, err)
	}
	return nil
}
