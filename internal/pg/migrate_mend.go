package pg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/parvis-crm/parvis/db"
)

// noting makes every step of the schema note, in its own transaction, that it
// was taken. The migration library marks a version as begun before it runs it;
// a program killed in between leaves that mark, and only the note tells whether
// the step was taken or undone.
type noting struct{ source.Driver }

// ReadUp implements source.Driver.
func (n noting) ReadUp(version uint) (io.ReadCloser, string, error) {
	r, name, err := n.Driver.ReadUp(version)
	return note(r, err, "insert into crm.schema_steps (version) values (%d) on conflict do nothing", version), name, err
}

// ReadDown implements source.Driver.
func (n noting) ReadDown(version uint) (io.ReadCloser, string, error) {
	r, name, err := n.Driver.ReadDown(version)
	return note(r, err, "delete from crm.schema_steps where version = %d", version), name, err
}

// note adds a statement to a step. What builds an index beside running work is
// no transaction, stands alone in its file, and is written so that it can be
// run again.
func note(r io.ReadCloser, err error, statement string, version uint) io.ReadCloser {
	if err != nil {
		return nil
	}
	noted := &noted{step: r, after: fmt.Sprintf("\n;"+statement+";\n", version)}
	if version > 1 { // the first makes the role
		noted.before, noted.after = "grant create on schema crm to parvis_resolver;\n", noted.after+"revoke create on schema crm from parvis_resolver;\n"
	}
	return noted
}

// noted reads a step between what goes before and after it. While it is taken
// the resolver may have functions in the schema, which an owner who is no
// superuser can give it only then (PostgreSQL, ALTER FUNCTION).
type noted struct {
	step          io.ReadCloser
	before, after string
	text          io.Reader
}

// Read implements io.Reader.
func (n *noted) Read(p []byte) (int, error) {
	if n.text == nil {
		body, err := io.ReadAll(n.step)
		if err != nil {
			return 0, err
		}
		if !bytes.Contains(bytes.ToLower(body), []byte("concurrently")) {
			body = slices.Concat([]byte(n.before), body, []byte(n.after))
		}
		n.text = bytes.NewReader(body)
	}
	return n.text.Read(p)
}

// Close implements io.Closer.
func (n *noted) Close() error { return n.step.Close() }

// mend clears the mark of a step that was begun and not seen to end: it is
// taken if it says so itself, and otherwise it was rolled back and is to be
// taken again.
func mend(ctx context.Context, pool *pgxpool.Pool, m *migrate.Migrate) error {
	version, dirty, err := m.Version()
	if errors.Is(err, migrate.ErrNilVersion) || (err == nil && !dirty) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pg: reading the schema's version: %w", err)
	}
	var taken bool
	if err := pool.QueryRow(ctx, "select exists (select 1 from crm.schema_steps where version = $1)", int64(version)).Scan(&taken); err != nil {
		return fmt.Errorf("pg: looking for an interrupted step of the schema: %w", err)
	}
	if !taken {
		if taken, err = mendIndex(ctx, pool, version); err != nil {
			return fmt.Errorf("pg: mending an interrupted step of the schema: %w", err)
		}
	}
	settled := int(version)
	if !taken {
		if settled, err = before(version); err != nil {
			return err
		}
	}
	if err := m.Force(settled); err != nil {
		return fmt.Errorf("pg: clearing an interrupted step of the schema: %w", err)
	}
	return nil
}

// before is the version that precedes another among our steps.
func before(version uint) (int, error) {
	steps, err := iofs.New(db.Migrations, "migrations")
	if err != nil {
		return 0, err
	}
	if first, err := steps.First(); err == nil && version == first {
		return database.NilVersion, nil
	}
	previous, err := steps.Prev(version)
	if err != nil {
		return 0, fmt.Errorf("pg: the database has step %d of a schema that this program does not know: %w", version, err)
	}
	return int(previous), nil
}
