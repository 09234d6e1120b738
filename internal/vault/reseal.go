package vault

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault/envelope"
)

// batchRows is how many values one transaction seals anew: few enough that
// nobody waits for their rows.
const batchRows = 200

// sealed tells in SQL what a value is under: %[1]s is the column.
const (
	markOf   = "substring(%[1]s from 1 for 3)"
	headerOf = "substring(%[1]s from 1 for 8)"
)

func quoted(identifier string) string { return pgx.Identifier{identifier}.Sanitize() }

// clearText is what a row has in the clear, null where there is nothing.
func (c Column) clearText() string {
	if c.Clear == "" {
		return "null::bytea"
	}
	return "case when " + c.Unsealed + " then " + c.Clear + " end"
}

// unadopted holds for rows that came from before there was a vault.
func (c Column) unadopted() string {
	condition := fmt.Sprintf("("+quoted(c.Column)+" is not null and "+markOf+" <> '\\x505631'::bytea)", quoted(c.Column))
	if c.Clear != "" {
		condition = "(" + c.Unsealed + ")"
	}
	return condition
}

// beneath holds for rows that are not under the version of the key whose header
// is $2.
func (c Column) beneath() string {
	condition := fmt.Sprintf("("+quoted(c.Column)+" is not null and "+headerOf+" <> $2::bytea)", quoted(c.Column))
	if c.Clear != "" {
		condition += " or (" + c.Unsealed + ")"
	}
	return "(" + condition + ")"
}

type resealed struct {
	last string
	rows int
}

// reseal seals at most batchRows values of a column under the present key, after
// a key of the table, in one transaction. Values that somebody else is changing
// are passed over: their next turn comes.
func (v *Vault) reseal(ctx context.Context, tenant uuid.UUID, c Column, condition, after string, args ...any) (resealed, error) {
	return pg.InTxValue(pg.Quiet(ctx), v.db, tenant, func(ctx context.Context, tx pgx.Tx) (resealed, error) {
		return v.resealTx(ctx, tx, tenant, c, condition, after, args...)
	})
}

func (v *Vault) resealTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, c Column, condition, after string, args ...any) (resealed, error) {
	key := quoted(c.Key)
	sql := "select " + key + "::text, " + quoted(c.Column) + ", " + c.clearText() + " from " + quoted(c.Table) +
		" where tenant_id = $1 and " + condition
	args = append([]any{tenant}, args...)
	if after != "" {
		args = append(args, after)
		sql += fmt.Sprintf(" and %s > $%d::text::%s", key, len(args), c.KeyType)
	}
	rows, err := tx.Query(ctx, sql+" order by "+key+fmt.Sprintf(" limit %d for update skip locked", batchRows), args...)
	if err != nil {
		return resealed{}, err
	}
	type value struct {
		Row           string
		Sealed, Clear []byte
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[value])
	if err != nil || len(found) == 0 {
		return resealed{}, err
	}
	names, values := make([]string, 0, len(found)), make([][]byte, 0, len(found))
	for _, f := range found {
		plain := f.Clear
		if plain == nil {
			if plain, err = v.openColumn(ctx, tx, c, tenant, f.Row, f.Sealed); err != nil {
				return resealed{}, fmt.Errorf("vault: %s.%s of %s: %w", c.Table, c.Column, f.Row, err)
			}
		}
		sealed, err := v.seal(ctx, tx, c.place(tenant, f.Row), plain)
		clear(plain)
		if err != nil {
			return resealed{}, err
		}
		names, values = append(names, f.Row), append(values, sealed)
	}
	assign := quoted(c.Column) + " = r.value"
	if c.Emptied != "" {
		assign += ", " + c.Emptied
	}
	_, err = tx.Exec(ctx, "update "+quoted(c.Table)+" t set "+assign+" from unnest($2::text[], $3::bytea[]) as r (row, value) where t.tenant_id = $1 and t."+
		key+" = r.row::"+c.KeyType, tenant, names, values)
	return resealed{names[len(names)-1], len(found)}, err
}

// Adopt brings what lies in the clear, or was sealed before there was a vault,
// under an institution's key. It is done batch by batch, and doing it again does
// nothing more.
func (v *Vault) Adopt(ctx context.Context, tenant uuid.UUID) (int64, error) {
	return v.adopt(func(c Column, after string) (resealed, error) {
		return v.reseal(ctx, tenant, c, c.unadopted(), after)
	})
}

// AdoptTx is Adopt as part of a transaction, for what has just arrived in it.
func (v *Vault) AdoptTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (int64, error) {
	return v.adopt(func(c Column, after string) (resealed, error) {
		return v.resealTx(ctx, tx, tenant, c, c.unadopted(), after)
	})
}

func (v *Vault) adopt(batch func(c Column, after string) (resealed, error)) (int64, error) {
	var total int64
	for _, c := range v.columns {
		if c.Passing || c.Clear == "" && c.Legacy == nil {
			continue
		}
		for after := ""; ; {
			done, err := batch(c, after)
			if err != nil {
				return total, err
			}
			if done.rows == 0 {
				break
			}
			total += int64(done.rows)
			after = done.last
		}
	}
	return total, nil
}

// rotate brings everything that is under older versions of an institution's key
// under the present one. progress hears of every batch.
func (v *Vault) rotate(ctx context.Context, tenant uuid.UUID, version int32, progress func(done int64) error) (int64, error) {
	var total int64
	head := envelope.Header(envelope.TenantClass, uint32(version))
	for _, c := range v.columns {
		for after := ""; ; {
			if err := progress(total); err != nil {
				return total, err
			}
			done, err := v.reseal(ctx, tenant, c, c.beneath(), after, head)
			if err != nil {
				return total, err
			}
			if done.rows == 0 {
				break
			}
			total += int64(done.rows)
			after = done.last
		}
	}
	return total, nil
}

// left counts the values that are not under a version of the key.
func (v *Vault) left(ctx context.Context, tenant uuid.UUID, version int32) (int64, error) {
	var total int64
	head := envelope.Header(envelope.TenantClass, uint32(version))
	for _, c := range v.columns {
		var n int64
		if err := v.db.Tenant(tenant).QueryRow(ctx, "select count(*) from "+quoted(c.Table)+" where tenant_id = $1 and "+c.beneath(), tenant, head).Scan(&n); err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}
