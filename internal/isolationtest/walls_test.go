package isolationtest

import (
	"context"
	"net/netip"
	"reflect"
	"testing"
	"unsafe"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/app"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// walls are those that stand.
type walls string

const (
	both     walls = "both walls"
	database walls = "row-level security alone"
	program  walls = "the program's predicates alone"
)

// start boots a program with these walls. The database's are taken away by
// open, after what is to be protected has been made.
func (w walls) start(t *testing.T) (_ *parvistest.App, rewrites func() int) {
	t.Helper()
	db := parvistest.Database(t)
	if w != database {
		return parvistest.NewOn(t, db), func() int { return 0 }
	}
	between := newWire(t, db)
	return parvistest.NewOn(t, db, func(c *config.Config, o *app.Options) {
		c.DatabaseURL = between.URL
		known := o.Authenticator
		o.Authenticator = func(s *access.Service) web.Authenticator { return blind{known(s)} }
		o.Purposes = func(p web.Purposes) web.Purposes { return lax{p} }
	}), between.rewrites
}

// open takes row-level security away where it is the wall that does not stand.
func (w walls) open(t *testing.T, db *parvistest.DB) {
	t.Helper()
	if w != program {
		return
	}
	as(t, db, `DO $$ DECLARE r regclass; BEGIN
		FOR r IN SELECT oid FROM pg_class WHERE relnamespace = 'crm'::regnamespace AND relkind IN ('r', 'p') AND relrowsecurity LOOP
			EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', r);
		END LOOP;
	END $$`)
}

// blind makes the program believe that a principal sees everything, while what
// travels to the database goes on saying what it really sees.
type blind struct{ web.Authenticator }

// Authenticate implements web.Authenticator.
func (b blind) Authenticate(ctx context.Context, bearer string, remote netip.Addr) (web.Actor, error) {
	actor, err := b.Authenticator.Authenticate(ctx, bearer, remote)
	if err == nil {
		actor.Sight = believingAll(actor.Sight)
	}
	return actor, err
}

// believingAll sets what no code but that of a test should be able to set, which
// is why there is no function for it in the program.
func believingAll(s pg.Sight) pg.Sight {
	field := reflect.ValueOf(&s).Elem().FieldByName("all")
	*(*bool)(unsafe.Pointer(field.UnsafeAddr())) = true
	return s
}

// lax makes the program believe that one of the purposes is a basis to which
// nobody has objected, while what travels to the database names those that are.
type lax struct{ web.Purposes }

// Registered implements web.Purposes.
func (l lax) Registered(ctx context.Context, tenant uuid.UUID, codes []string) (web.Registered, error) {
	r, err := l.Purposes.Registered(ctx, tenant, codes)
	field := reflect.ValueOf(&r.Purposes).Elem().FieldByName("otherwise")
	*(*[]uuid.UUID)(unsafe.Pointer(field.UnsafeAddr())) = []uuid.UUID{ids.New()}
	return r, err
}

// as runs a statement as the owner of the tables, whom no wall stops.
func as(t *testing.T, db *parvistest.DB, sql string, args ...any) {
	t.Helper()
	conn := owner(t, db)
	defer func() { _ = conn.Close(context.Background()) }()
	require.NoError(t, parvistest.ExecAsOwner(t.Context(), conn, sql, args...), sql)
}

func owner(t *testing.T, db *parvistest.DB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.OwnerURL)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "set search_path = crm; set app.sight = '*'; set timezone = 'UTC'")
	require.NoError(t, err)
	return conn
}
