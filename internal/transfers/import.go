package transfers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"filippo.io/age"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// Import says for whom an archive is imported.
type Import struct {
	// Operation is the one that asks; nil: the command.
	Operation uuid.UUID
	// Identity is the private key for the sensitive facts; without it they stay
	// out.
	Identity *age.X25519Identity
	// Progress gets the number of records proven and loaded, of both; its error
	// ends the import.
	Progress func(done, total int64) error
}

func (in Import) report(done, total int64) error {
	if in.Progress == nil {
		return nil
	}
	return in.Progress(done, total)
}

// Imported says what came in.
type Imported struct {
	Tenant uuid.UUID
	Rows   int64
	Tables int
	// Sensitive facts came in, or were left because no private key was given.
	Sensitive, SensitiveLeft int64
	// Earlier is set when this very archive had been loaded already by an attempt
	// that was interrupted before it could say so.
	Earlier bool
}

// Read imports an archive as the institution that it was, under its own
// identifier, with every record's. The institution must not be there yet.
//
// The archive is proven (archive.Verify) while it is loaded. Loading is one
// transaction, which ends only after the proof, and with it goes a note of the
// archive: a crash, a cancellation or an archive that turns out to be altered
// leaves nothing behind, and the same import started again loads it, or finds
// that it is loaded.
func (e *Engine) Read(ctx context.Context, a *archive.Archive, in Import) (Imported, error) {
	tenant, err := uuid.Parse(a.Manifest.Tenant.ID)
	if err != nil {
		return Imported{}, invalid(err)
	}
	if a.Manifest.SchemaVersion > e.Schema {
		return Imported{}, fault.New(fault.Refused, "archive-too-new").With("archive", a.Manifest.SchemaVersion).With("program", e.Schema)
	}
	if done, err := e.earlier(ctx, a, tenant, in); err != nil || done.Earlier {
		return done, err
	}
	// Proving and loading each read every record once.
	steps := &steps{in: in, total: 2 * a.Manifest.Rows()}
	if err := steps.loaded(0); err != nil {
		return Imported{}, err
	}
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	result := make(chan error, 1)
	go func() {
		err := prove(working, a, steps.proven)
		if err != nil {
			stop(err)
		}
		result <- err
	}()
	proof := sync.OnceValue(func() error { return <-result })
	out, err := e.Load(working, a, tenant, in, steps.loaded, proof)
	var flaw *archive.Flaw
	if err != nil && !errors.As(err, &flaw) {
		stop(err) // the proof could not help
	}
	flawed := proof()
	switch {
	case errors.As(flawed, &flaw):
		return Imported{}, invalid(flawed) // it says better what is wrong than what it led to
	case errors.Is(err, errPresent), pg.Violated(err, "tenants_pkey"):
		// Another attempt may have come to its end while this one was under way.
		if done, err := e.earlier(ctx, a, tenant, in); err != nil || done.Earlier {
			return done, err
		}
		return Imported{}, fault.New(fault.Conflict, "institution-present").With("tenant", tenant)
	case flawed != nil:
		return Imported{}, flawed
	}
	return out, invalid(err)
}

// Load loads an archive and notes it; before it makes that last, it waits for
// the proof.
func (e *Engine) Load(ctx context.Context, a *archive.Archive, tenant uuid.UUID, in Import, progress func(done int64) error, proof func() error) (Imported, error) {
	out := Imported{Tenant: tenant}
	err := pg.InTx(pg.Detached(ctx), e.DB, tenant, func(ctx context.Context, tx pgx.Tx) error {
		if there, err := present(ctx, tx, tenant); err != nil || there {
			return errors.Join(err, errPresent)
		}
		if err := e.load(ctx, tx, a, &out, progress); err != nil {
			return err
		}
		if _, err := e.Vault.AdoptTx(ctx, tx, tenant); err != nil {
			return err
		}
		if err := e.arriveSensitive(ctx, tx, in, &out); err != nil {
			return err
		}
		if err := note(ctx, tx, a, in, out); err != nil {
			return err
		}
		return proof()
	})
	return out, err
}

// steps sums up what proving and loading have done.
type steps struct {
	in          Import
	mu          sync.Mutex
	proof, load int64
	total       int64
}

func (s *steps) proven(done int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proof = done
	return s.in.report(s.proof+s.load, s.total)
}

func (s *steps) loaded(done int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load = done
	return s.in.report(s.proof+s.load, s.total)
}

var errPresent = errors.New("transfers: the institution is there")

func present(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (there bool, err error) {
	err = tx.QueryRow(ctx, "select exists (select from tenants where tenant_id = $1)", tenant).Scan(&there)
	return there, err
}

// prove verifies an archive and stops when progress has an error.
func prove(ctx context.Context, a *archive.Archive, progress func(done int64) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	_, err := archive.Verify(ctx, a, func(done int64) {
		if err := progress(done); err != nil {
			stop(err)
		}
	})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return storage(err) // sorting many keys takes room on the disk
	}
	return err
}

// note writes down what was loaded from where, with the load itself.
func note(ctx context.Context, tx pgx.Tx, a *archive.Archive, in Import, out Imported) error {
	_, err := tx.Exec(ctx, "insert into tenant_imports (tenant_id, manifest_sha256, operation_id, records, tables) values ($1, $2, nullif($3, '00000000-0000-0000-0000-000000000000'::uuid), $4, $5)",
		out.Tenant, a.Digest[:], in.Operation, out.Rows, out.Tables)
	return err
}

// earlier finds the note of an attempt of the same operation; the command
// recognises any import of the same archive.
func (e *Engine) earlier(ctx context.Context, a *archive.Archive, tenant uuid.UUID, in Import) (Imported, error) {
	out := Imported{Tenant: tenant}
	err := e.DB.Tenant(tenant).QueryRow(ctx, "select records, tables from tenant_imports where tenant_id = $1 and manifest_sha256 = $2 and ($3 = '00000000-0000-0000-0000-000000000000'::uuid or operation_id = $3)",
		tenant, a.Digest[:], in.Operation).Scan(&out.Rows, &out.Tables)
	if pg.IsNoRows(err) {
		return Imported{}, nil
	}
	out.Earlier = err == nil
	return out, err
}

func (e *Engine) load(ctx context.Context, tx pgx.Tx, a *archive.Archive, out *Imported, progress func(done int64) error) error {
	tables, err := readCatalogue(ctx, tx)
	if err != nil {
		return err
	}
	known := leaving()
	for _, described := range a.Dictionary.Tables {
		if _, ok := known[described.Name]; !ok || tables[described.Name] == nil {
			return invalid(&archive.Flaw{File: archive.DictionaryPath, What: "table " + described.Name + " does not exist in this program"})
		}
		n, err := load(ctx, tx, out.Tenant, tables[described.Name], a, described, func(done int64) error { return progress(out.Rows + done) })
		if err != nil {
			return refused(described.Name, err)
		}
		out.Rows += n
		out.Tables++
	}
	return nil
}

// refused says of what the database does not take that it is the archive's
// flaw: whoever can sign an archive can put anything into it.
func refused(table string, err error) error {
	var p *pgconn.PgError
	if errors.As(err, &p) && (strings.HasPrefix(p.Code, "22") || strings.HasPrefix(p.Code, "23")) && !pg.Violated(err, "tenants_pkey") {
		return &archive.Flaw{File: archive.DataPath(table), What: "holds what the database refuses: " + p.Message}
	}
	return fmt.Errorf("transfers: loading %s: %w", table, err)
}

func load(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, t *table, a *archive.Archive, described archive.Table, progress func(int64) error) (int64, error) {
	l, err := newLoader(tx, tenant, t, described)
	if err != nil {
		return 0, invalid(err)
	}
	go l.run(ctx)
	var n int64
	err = a.Lines(ctx, described.Name, func(_ int64, record []byte) error {
		if n++; n%progressEvery == 0 {
			if err := progress(n); err != nil {
				return err
			}
		}
		return l.add(record)
	})
	if err == nil {
		err = l.finish()
	}
	// What the database refused stands before what that led to.
	if failed := l.close(); failed != nil {
		err = failed
	}
	return n, err
}

// Invalid is invalid for the commands.
func Invalid(err error) error { return invalid(err) }

// invalid turns a flaw of the archive into the fault that says so; what is
// no flaw stays as it is.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := fault.As(err); ok {
		return err
	}
	if f, ok := errors.AsType[*archive.Flaw](err); ok {
		return fault.New(fault.Refused, "archive-invalid").With("flaw", f.Error()).Because(err)
	}
	return err
}
