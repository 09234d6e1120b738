package pg

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5"
)

// Lacking says what a superuser has to give the login of conn, once, before it
// can bring the database to the schema; nothing if it can.
func Lacking(ctx context.Context, conn *pgx.Conn) (string, error) {
	var login, needed string
	var wanted []string
	err := conn.QueryRow(ctx, `
		with me as (select rolname, rolsuper, rolcreaterole from pg_roles where rolname = current_user),
		missing as (select name from unnest(array['parvis_app', 'parvis_teleservice', 'parvis_resolver']) as name where not exists (select from pg_roles where rolname = name))
		select me.rolname, array(
			select 'create role ' || name from missing where not me.rolsuper and not me.rolcreaterole
			union all
			select format('grant parvis_resolver to %I', me.rolname) where not pg_has_role(current_user, coalesce((select oid from pg_roles where rolname = 'parvis_resolver'), 0), 'MEMBER')
				and not me.rolsuper and (not me.rolcreaterole or not exists (select from missing where name = 'parvis_resolver'))
			union all
			select format('grant set on parameter app.sight to %I', me.rolname) where not has_parameter_privilege(current_user, 'app.sight', 'SET'))
		from me`).Scan(&login, &wanted)
	if err != nil {
		return "", fmt.Errorf("pg: looking at what the owner of the schema may do: %w", err)
	}
	if len(wanted) > 0 {
		needed = fmt.Sprintf("%s owns the schema and may not make all of it: as a superuser, run once: %s;", login, strings.Join(wanted, "; "))
	}
	return needed, nil
}

// withoutText is the failure of a step without the text of the step, which fills
// a screen and hides what PostgreSQL said.
func withoutText(err error) error {
	var failed database.Error
	var pointed *database.Error
	switch {
	case errors.As(err, &failed) && failed.OrigErr != nil:
		return failed.OrigErr
	case errors.As(err, &pointed) && pointed.OrigErr != nil:
		return pointed.OrigErr
	}
	return err
}
