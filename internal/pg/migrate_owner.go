package pg

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5"
)

// owner is who owns the schema, or may make it where there is none yet.
type owner struct {
	is     bool // the login that was asked
	login  string
	role   string // the role that owns the schema, or the database without one
	exists bool
}

func ownership(ctx context.Context, conn DBTX) (owner, error) {
	var o owner
	err := conn.QueryRow(ctx, `
		select current_user::text, n.oid is not null, coalesce(n.nspowner, d.datdba)::regrole::text,
			case when n.oid is null then has_database_privilege(d.oid, 'CREATE') else pg_has_role(n.nspowner, 'USAGE') end
		from pg_database d left join pg_namespace n on n.nspname = 'crm' where d.datname = current_database()`).Scan(&o.login, &o.exists, &o.role, &o.is)
	if err != nil {
		return o, fmt.Errorf("pg: looking at who owns the schema: %w", err)
	}
	return o, nil
}

// Lacking says what keeps the login of conn from what it is to do: from bringing
// the database to the schema, where it migrates; and from working as Role, where
// it serves as well. It says nothing if it can.
func Lacking(ctx context.Context, conn DBTX, migrates, serves bool) (string, error) {
	o, err := ownership(ctx, conn)
	if err != nil {
		return "", err
	}
	if migrates && !o.is {
		// Whatever it were given to make the schema with would take its walls down.
		if o.exists {
			return fmt.Sprintf("%s does not own the schema, which is not as this program needs it: set PARVIS_MIGRATION_URL to the login of %s, which does", o.login, o.role), nil
		}
		return fmt.Sprintf("%s owns no schema here and may not make one: set PARVIS_MIGRATION_URL to a login that may, such as that of %s, which owns the database", o.login, o.role), nil
	}
	var wanted []string
	err = conn.QueryRow(ctx, `
		with me as (select rolname, rolsuper, rolcreaterole from pg_roles where rolname = current_user),
		missing as (select name from unnest(array['parvis_app', 'parvis_teleservice', 'parvis_resolver']) as name where not exists (select from pg_roles where rolname = name))
		select array(
			select 'create role ' || name from missing where $1 and not me.rolsuper and (not me.rolcreaterole or $2 and name = 'parvis_app')
			union all
			select format('grant parvis_resolver to %I', me.rolname) where $1 and not pg_has_role(current_user, coalesce((select oid from pg_roles where rolname = 'parvis_resolver'), 0), 'MEMBER')
				and not me.rolsuper and (not me.rolcreaterole or not exists (select from missing where name = 'parvis_resolver'))
			union all
			select format('grant parvis_app to %I', me.rolname) where $2 and not me.rolsuper and not pg_has_role(current_user, coalesce((select oid from pg_roles where rolname = 'parvis_app'), 0),
				case when current_setting('server_version_num')::int < 160000 then 'MEMBER' else 'SET' end)
			union all
			select format('grant set on parameter app.sight to %I', me.rolname) where $1 and not has_parameter_privilege(current_user, 'app.sight', 'SET'))
		from me`, migrates, serves).Scan(&wanted)
	switch {
	case err != nil:
		return "", fmt.Errorf("pg: looking at what the owner of the schema may do: %w", err)
	case len(wanted) == 0:
		return "", nil
	case !migrates:
		return fmt.Sprintf("%s serves and may not lower itself to %s: as a superuser, run once: %s;", o.login, Role, strings.Join(wanted, "; ")), nil
	}
	return fmt.Sprintf("%s owns the schema and may not make all of it: as a superuser, run once: %s;", o.login, strings.Join(wanted, "; ")), nil
}

// SameLogin tells whether two URLs are of one login that is not Role itself: a
// single login that migrates and serves.
func SameLogin(ownerURL, servingURL string) bool {
	owning, err := pgx.ParseConfig(ownerURL)
	if err != nil {
		return false
	}
	serving, err := pgx.ParseConfig(servingURL)
	return err == nil && owning.User == serving.User && serving.User != Role
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
