package vault

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
)

// houseEvery is how often the vault looks for what is to be brought under a key
// and for keys that are to be deleted.
const houseEvery = time.Hour

// Run keeps house, at start and then hourly, until the context ends. Several
// processes may do it beside each other.
func (v *Vault) Run(ctx context.Context) error {
	for {
		// The database told when a key was retired; a clock of business rules that
		// stands elsewhere must not bury it early.
		if err := v.KeepHouse(ctx, clock.System{}.Now()); err != nil && ctx.Err() == nil {
			v.log.WarnContext(ctx, "what lies outside the vault will be brought in later", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(houseEvery):
		}
	}
}

// KeepHouse brings under each institution's key what is not, and deletes the
// keys that were retired long enough before now. What fails for one institution
// holds up no other.
func (v *Vault) KeepHouse(ctx context.Context, now time.Time) error {
	tenants, err := v.everyTenant(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, tenant := range tenants {
		n, err := v.Adopt(ctx, tenant)
		if n > 0 {
			v.log.InfoContext(ctx, "values were brought under the institution's key", "tenant", tenant, "values", n)
		}
		failed = append(failed, err, v.bury(ctx, tenant, now))
	}
	return errors.Join(failed...)
}

// everyTenant lists the institutions that are active or have keys.
func (v *Vault) everyTenant(ctx context.Context) ([]uuid.UUID, error) {
	rows, err := v.db.Unscoped().Query(ctx, "select active_tenants() union select tenants_with_vault_keys()")
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	slices.SortFunc(all, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return all, err
}

// Current is the id of what wraps keys now.
func (v *Vault) Current(ctx context.Context) (string, error) { return v.wrapper.Current(ctx) }

// Rewrapped is what a change of the master key has done.
type Rewrapped struct {
	By   string
	Keys int
}

// Rewrap wraps every institution's keys by the present master key, or by the
// present version of the key management service's key. Nothing that is sealed
// changes; afterwards former master keys are needed for nothing here.
func (v *Vault) Rewrap(ctx context.Context) (Rewrapped, error) {
	by, err := v.wrapper.Current(ctx)
	if err != nil {
		return Rewrapped{}, err
	}
	out := Rewrapped{By: by}
	tenants, err := v.everyTenant(ctx)
	if err != nil {
		return out, err
	}
	for _, tenant := range tenants {
		n, err := v.rewrap(ctx, tenant, by)
		out.Keys += n
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// Prove opens every version of every institution's key.
func (v *Vault) Prove(ctx context.Context) error {
	tenants, err := v.everyTenant(ctx)
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		rows, err := v.list(ctx, v.db.Tenant(tenant), tenant, true)
		if err != nil {
			return err
		}
		for _, row := range rows {
			key, err := v.unwrap(ctx, tenant, row)
			clear(key)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Foreign counts the keys that the present master key does not wrap, and how
// many of them this program cannot use.
func (v *Vault) Foreign(ctx context.Context) (former, lost int, err error) {
	by, err := v.wrapper.Current(ctx)
	if err != nil {
		return 0, 0, err
	}
	tenants, err := v.everyTenant(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, tenant := range tenants {
		rows, err := v.list(ctx, v.db.Tenant(tenant), tenant, true)
		if err != nil {
			return former, lost, err
		}
		for _, row := range rows {
			switch {
			case sameKey(row.WrappedBy, by):
			case v.wrapper.Knows(row.WrappedBy):
				former++
			default:
				lost++
			}
		}
	}
	return former, lost, nil
}

// Usable counts the keys that this program was given what unwraps them for, and
// those that it was not. It asks no key management service.
func (v *Vault) Usable(ctx context.Context) (usable, lost int, err error) {
	tenants, err := v.everyTenant(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, tenant := range tenants {
		rows, err := v.list(ctx, v.db.Tenant(tenant), tenant, true)
		if err != nil {
			return usable, lost, err
		}
		for _, row := range rows {
			if v.wrapper.Knows(row.WrappedBy) {
				usable++
			} else {
				lost++
			}
		}
	}
	return usable, lost, nil
}
