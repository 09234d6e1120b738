package app

import (
	"context"
	"io/fs"
	"regexp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/db"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/pg"
)

const oldestPostgreSQL = 15

func (f *findings) examineDatabase(ctx context.Context, cfg config.Config) {
	private := cfg.DatabaseURL == ""
	if private {
		started, stop, ok := f.privateDatabase(ctx, cfg)
		if !ok {
			return
		}
		defer stop()
		cfg = started
	}
	if cfg.MigrationURL == "" {
		cfg.MigrationURL = cfg.DatabaseURL
	}
	if cfg.ListenURL == "" {
		cfg.ListenURL = cfg.DatabaseURL
	}
	database, err := pg.Open(ctx, cfg.DatabaseURL, pg.Options{MaxConns: 2})
	if err != nil {
		f.sayf(wrong, "PARVIS_DATABASE_URL cannot be used: %v.", err)
		return
	}
	defer database.Close()
	conn, err := pgx.Connect(ctx, cfg.MigrationURL)
	if err != nil {
		f.sayf(wrong, "The database cannot be reached: %v. Check the address, the password and that PostgreSQL runs.", err)
		return
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	f.examineServer(ctx, conn)
	f.examineSchema(ctx, cfg, conn)
	if f.examineRole(ctx, database, private) {
		f.examineListening(ctx, cfg.ListenURL)
		f.examineKeys(ctx, cfg, database)
	}
}

func (f *findings) examineServer(ctx context.Context, conn *pgx.Conn) {
	var version int
	var clock time.Time
	before := time.Now()
	err := conn.QueryRow(ctx, "select current_setting('server_version_num')::int, clock_timestamp()").Scan(&version, &clock)
	after := time.Now()
	if err != nil {
		f.sayf(wrong, "The database does not answer: %v. Read PostgreSQL's log.", err)
		return
	}
	if version/10000 < oldestPostgreSQL {
		f.sayf(wrong, "The database is PostgreSQL %d: Parvis needs %d or later, so upgrade it.", version/10000, oldestPostgreSQL)
	} else {
		f.sayf(fine, "The database is PostgreSQL %d.", version/10000)
	}
	skew := clock.Sub(before.Add(after.Sub(before) / 2)).Round(time.Millisecond)
	switch apart := skew.Abs(); {
	case apart > 30*time.Second:
		f.sayf(wrong, "The clocks of this machine and of the database are %s apart, so tokens and deadlines go wrong: set both by NTP.", apart)
	case apart > 2*time.Second:
		f.sayf(warning, "The clocks of this machine and of the database are %s apart: set both by NTP.", apart)
	default:
		f.sayf(fine, "The clocks of this machine and of the database agree.")
	}
}

var extension = regexp.MustCompile(`(?i)create\s+extension\s+(?:if\s+not\s+exists\s+)?"?(\w+)`)

func (f *findings) examineSchema(ctx context.Context, cfg config.Config, conn *pgx.Conn) {
	latest, err := pg.Latest()
	if err != nil {
		f.sayf(wrong, "This program's migrations cannot be read: %v.", err)
		return
	}
	version, dirty, err := pg.VersionOn(ctx, conn)
	switch {
	case err != nil:
		f.sayf(wrong, "The version of the schema cannot be read: %v.", err)
	case dirty:
		f.sayf(wrong, "Migration %d did not end: run `parvis migrate`, which takes it again and says why if it cannot be taken.", version)
	case version < latest:
		f.sayf(wrong, "The schema is at version %d and this program needs %d: run `parvis migrate`.", version, latest)
	case version > latest:
		f.sayf(warning, "The schema is at version %d, newer than this program's %d: upgrade the program.", version, latest)
	default:
		f.sayf(fine, "The schema is at version %d, as it should be.", version)
	}
	if lacking, err := pg.Lacking(ctx, conn, version < latest || dirty, pg.SameLogin(cfg.MigrationURL, cfg.DatabaseURL)); err == nil && lacking != "" {
		f.sayf(wrong, "%s", lacking)
	}
	for _, name := range wantedExtensions() {
		var installed, available bool
		err := conn.QueryRow(ctx, `select exists (select from pg_extension where extname = $1), exists (select from pg_available_extensions where name = $1)`, name).
			Scan(&installed, &available)
		switch {
		case err != nil:
			f.sayf(wrong, "Extensions cannot be listed: %v.", err)
		case installed:
			f.sayf(fine, "The extension %s is installed.", name)
		case available:
			f.sayf(warning, "The extension %s is not installed yet: `parvis migrate` installs it.", name)
		default:
			f.sayf(wrong, "PostgreSQL lacks the extension %s: install its contrib package (apt-get install postgresql-contrib).", name)
		}
	}
}

// wantedExtensions are those that the migrations create.
func wantedExtensions() []string {
	files, _ := fs.Glob(db.Migrations, "migrations/*.up.sql")
	var names []string
	for _, file := range files {
		text, err := fs.ReadFile(db.Migrations, file)
		if err != nil {
			continue
		}
		for _, match := range extension.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(names, match[1]) {
				names = append(names, match[1])
			}
		}
	}
	return names
}

// examineRole says whether the application can connect, and whether it is held
// by the walls between institutions.
func (f *findings) examineRole(ctx context.Context, database *pg.DB, private bool) bool {
	var login string
	var pierces, owns, loginIsSuperuser, loginOwns bool
	err := database.Unscoped().QueryRow(ctx, `
		select session_user::text,
		       (select rolsuper or rolbypassrls from pg_roles where rolname = current_user),
		       exists (select from pg_class where relnamespace = to_regnamespace('crm') and relowner = current_user::regrole),
		       (select rolsuper from pg_roles where rolname = session_user),
		       coalesce((select pg_has_role(session_user, nspowner, 'MEMBER') from pg_namespace where nspname = 'crm'), false)`).Scan(&login, &pierces, &owns, &loginIsSuperuser, &loginOwns)
	switch {
	case err != nil:
		f.sayf(wrong, "The application cannot connect as %s: %v. Run `parvis migrate`, then let that role log in, or make the login a member of it.", pg.Role, err)
		return false
	case pierces:
		f.sayf(wrong, "The application's role can bypass row-level security: ALTER ROLE %s NOSUPERUSER NOBYPASSRLS.", pg.Role)
	case owns:
		f.sayf(wrong, "The application's role owns tables and could take their walls down: give them to the login that migrates.")
	case loginIsSuperuser && !private:
		f.sayf(warning, "The application logs in as the superuser %s and only then becomes %s: give PARVIS_DATABASE_URL that role's own login, and PARVIS_MIGRATION_URL the owner's.", login, pg.Role)
	case loginOwns && !private:
		f.sayf(warning, "The application logs in as %s, which owns the schema, and lowers itself to %s on every connection: to keep the two apart, give PARVIS_DATABASE_URL a login that owns nothing.", login, pg.Role)
	default:
		f.sayf(fine, "The application works as %s, which cannot bypass the walls between institutions.", pg.Role)
	}
	return true
}

// examineListening tells whether announcements arrive, which a transaction
// pooler swallows.
func (f *findings) examineListening(ctx context.Context, listenURL string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := hearOneself(ctx, listenURL)
	if err != nil {
		f.sayf(wrong, "Announcements of new events do not arrive (%v): set PARVIS_LISTEN_URL to a direct connection, not through a transaction pooler.", err)
		return
	}
	f.sayf(fine, "Announcements of new events arrive.")
}

func hearOneself(ctx context.Context, listenURL string) error {
	ear, err := pgx.Connect(ctx, listenURL)
	if err != nil {
		return err
	}
	defer func() { _ = ear.Close(context.WithoutCancel(ctx)) }()
	mouth, err := pgx.Connect(ctx, listenURL)
	if err != nil {
		return err
	}
	defer func() { _ = mouth.Close(context.WithoutCancel(ctx)) }()
	if _, err := ear.Exec(ctx, "listen parvis_doctor"); err != nil {
		return err
	}
	if _, err := mouth.Exec(ctx, "notify parvis_doctor"); err != nil {
		return err
	}
	_, err = ear.WaitForNotification(ctx)
	return err
}
