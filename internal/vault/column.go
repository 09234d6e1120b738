package vault

import (
	"context"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault/envelope"
)

// Column describes a column whose values are under the institution's key. The
// domain that owns the table describes it; the texts are parts of statements
// and never come from outside.
type Column struct {
	Table  string
	Column string // the sealed value, bytea
	// Key is the rest of the primary key, besides tenant_id, and KeyType its type.
	Key, KeyType string
	// Clear, where the values once lay in the clear, gives them as bytea for rows
	// for which Unsealed holds; Emptied is what the assignment of them away is.
	Clear, Unsealed, Emptied string
	// Legacy opens values that were sealed before there was a vault.
	Legacy func(row string, sealed []byte) ([]byte, error)
	// Passing values are gone within days: they are not sealed anew at start.
	Passing bool
}

// Register makes a column known, when the program is wired.
func (v *Vault) Register(columns ...Column) { v.columns = append(v.columns, columns...) }

// Columns lists what is registered.
func (v *Vault) Columns() []Column { return v.columns }

// Sealer seals and opens the values of one column.
type Sealer struct {
	vault  *Vault
	column Column
}

// Sealer gives what seals a column, which is registered apart.
func (v *Vault) Sealer(c Column) Sealer { return Sealer{v, c} }

func (c Column) place(tenant uuid.UUID, row string) Place {
	return Place{Tenant: tenant, Table: c.Table, Column: c.Column, Row: row}
}

// Seal seals a value for one row: row is the text form of its key. db is the
// transaction that will write it, or the institution's scope.
func (s Sealer) Seal(ctx context.Context, db pg.DBTX, tenant uuid.UUID, row string, plain []byte) ([]byte, error) {
	return s.vault.seal(ctx, db, s.column.place(tenant, row), plain)
}

// Open opens the value of one row.
func (s Sealer) Open(ctx context.Context, db pg.DBTX, tenant uuid.UUID, row string, sealed []byte) ([]byte, error) {
	return s.vault.openColumn(ctx, db, s.column, tenant, row, sealed)
}

func (v *Vault) openColumn(ctx context.Context, db pg.DBTX, c Column, tenant uuid.UUID, row string, sealed []byte) ([]byte, error) {
	plain, err := v.open(ctx, db, c.place(tenant, row), sealed)
	if err == nil || c.Legacy == nil {
		return plain, err
	}
	// A nonce of the former form may happen to begin like the mark.
	if old, legacyErr := c.Legacy(row, sealed); legacyErr == nil {
		return old, nil
	}
	return nil, err
}

// IsSealed tells whether a value has the form of a sealed one.
func IsSealed(value []byte) bool {
	_, _, ok := envelope.Parse(value)
	return ok
}

// OpenFor opens a value of any registered column, for exports.
func (v *Vault) OpenFor(ctx context.Context, db pg.DBTX, p Place, sealed []byte) ([]byte, error) {
	for _, c := range v.columns {
		if c.Table == p.Table && c.Column == p.Column {
			return v.openColumn(ctx, db, c, p.Tenant, p.Row, sealed)
		}
	}
	return nil, ErrOpen
}
