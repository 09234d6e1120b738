package vault

import (
	"context"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/vault/internal/vaultdb"
)

// rewrap wraps the keys of one institution anew. A key that another process
// rewraps in the same moment is left to it.
func (v *Vault) rewrap(ctx context.Context, tenant uuid.UUID, by string) (int, error) {
	db := v.db.Tenant(tenant)
	rows, err := v.list(ctx, db, tenant, true)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, row := range rows {
		if sameKey(row.WrappedBy, by) {
			continue
		}
		key, err := v.unwrap(ctx, tenant, row)
		if err != nil {
			return n, err
		}
		wrapped, now, err := v.wrapper.Wrap(ctx, key, aboutTenantKey(tenant, row.Version))
		clear(key)
		if err != nil {
			return n, err
		}
		changed, err := v.q.RewrapTenantKey(ctx, db, vaultdb.RewrapTenantKeyParams{
			TenantID: tenant, Version: row.Version, Wrapped: wrapped, WrappedBy: now, Formerly: row.Wrapped,
		})
		if err != nil {
			return n, err
		}
		n += int(changed)
	}
	v.expire(tenant)
	return n, nil
}
