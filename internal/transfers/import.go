package transfers

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// Imported says what came in.
type Imported struct {
	Tenant uuid.UUID
	Rows   int64
	Tables int
}

// Read imports an archive as the institution that it was, under its own
// identifier, with every record's. The institution must not be there yet.
//
// The archive is proven first (archive.Verify). Loading is one transaction: a
// crash, a cancellation or an archive that turns out to be altered leaves
// nothing behind, and the same import can be started again.
func (e *Engine) Read(ctx context.Context, a *archive.Archive, progress func(done, total int64) error) (Imported, error) {
	tenant, err := uuid.Parse(a.Manifest.Tenant.ID)
	if err != nil {
		return Imported{}, invalid(err)
	}
	if a.Manifest.SchemaVersion > e.Schema {
		return Imported{}, fault.New(fault.Refused, "archive-too-new").With("archive", a.Manifest.SchemaVersion).With("program", e.Schema)
	}
	// Proving and loading each read every record once.
	total := 2 * a.Manifest.Rows()
	report := func(done int64) error {
		if progress == nil {
			return nil
		}
		return progress(done, total)
	}
	if err := report(0); err != nil {
		return Imported{}, err
	}
	if _, err := archive.Verify(a, func(done int64) { _ = report(done) }); err != nil {
		return Imported{}, invalid(err)
	}
	out := Imported{Tenant: tenant}
	err = pg.InTx(pg.Detached(ctx), e.DB, tenant, func(ctx context.Context, tx pgx.Tx) error {
		var there bool
		if err := tx.QueryRow(ctx, "select exists (select from tenants where tenant_id = $1)", tenant).Scan(&there); err != nil {
			return err
		}
		if there {
			return fault.New(fault.Conflict, "institution-present").With("tenant", tenant)
		}
		tables, err := readCatalogue(ctx, tx)
		if err != nil {
			return err
		}
		known := leaving()
		for _, described := range a.Dictionary.Tables {
			if _, ok := known[described.Name]; !ok || tables[described.Name] == nil {
				return invalid(fmt.Errorf("table %s does not exist in this program", described.Name))
			}
			n, err := load(ctx, tx, tenant, tables[described.Name], a, described, func(done int64) error { return report(total/2 + out.Rows + done) })
			if err != nil {
				return fmt.Errorf("transfers: loading %s: %w", described.Name, err)
			}
			out.Rows += n
			out.Tables++
		}
		return nil
	})
	if pg.Violated(err, "tenants_pkey") {
		return out, fault.New(fault.Conflict, "institution-present").With("tenant", tenant)
	}
	return out, invalid(err)
}

func load(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, t *table, a *archive.Archive, described archive.Table, progress func(int64) error) (int64, error) {
	l, err := newLoader(tx, tenant, t, described)
	if err != nil {
		return 0, invalid(err)
	}
	var n int64
	err = a.Lines(described.Name, func(line int64, record []byte) error {
		if n++; n%progressEvery == 0 {
			if err := progress(n); err != nil {
				return err
			}
		}
		return l.add(ctx, record)
	})
	if err != nil {
		return n, err
	}
	return n, l.finish(ctx)
}

// invalid turns a flaw of the archive into the fault that says so; what is
// no flaw stays as it is.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := fault.As(err); ok {
		return err
	}
	var f *archive.Flaw
	if errors.As(err, &f) {
		return fault.New(fault.Refused, "archive-invalid").With("flaw", f.Error()).Because(err)
	}
	return err
}
