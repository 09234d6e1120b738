package vault

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// RotationKind is the kind of operation that changes an institution's key.
const RotationKind = "encryption.rotation"

// rowPause is how long a rotation waits for rows that others are changing.
const rowPause = 250 * time.Millisecond

type rotationParameters struct {
	Version int32 `json:"key_version"`
}

// Rotated is what a rotation has done.
type Rotated struct {
	Version int32 `json:"key_version"`
	Values  int64 `json:"values"`
}

// SetOperations gives the vault what long work runs on, when the program is
// wired.
func (v *Vault) SetOperations(o *operations.Service) {
	v.operations = o
	o.Register(RotationKind, v.rotation)
}

// StartRotation gives the actor's institution a new key, under which everything
// is sealed from now on, and starts the work that brings over what is under the
// keys before it.
func (v *Vault) StartRotation(ctx context.Context) (operations.Operation, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return operations.Operation{}, err
	}
	return pg.InTxValue(ctx, v.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (operations.Operation, error) {
		if free, err := pg.TryLock(ctx, tx, "vault rotation "+actor.Tenant.String()); err != nil || !free {
			return operations.Operation{}, orBusy(err)
		}
		under, err := v.q.RotationUnderWay(ctx, tx, actor.Tenant)
		if err == nil {
			return operations.Operation{}, fault.New(fault.Conflict, "rotation-under-way").Extra("operation_id", under.String())
		}
		if !pg.IsNoRows(err) {
			return operations.Operation{}, err
		}
		if err := v.EnsureTx(ctx, tx, actor.Tenant); err != nil {
			return operations.Operation{}, err
		}
		rows, err := v.list(ctx, tx, actor.Tenant, true)
		if err != nil {
			return operations.Operation{}, err
		}
		next := rows[0].Version + 1
		if err := v.make(ctx, tx, actor.Tenant, next); err != nil {
			return operations.Operation{}, err
		}
		o, err := v.operations.StartTx(ctx, tx, operations.Start{Kind: RotationKind, Unit: "values", Parameters: rotationParameters{Version: next}})
		if err != nil {
			return o, err
		}
		return o, events.RecordTx(ctx, tx, events.Entry{
			Type: "encryption.key_made", Subject: events.Subject{Kind: "encryption", ID: actor.Tenant, Version: int64(next)},
			Facts: map[string]any{"key_version": next, "operation_id": o.ID.String()},
		})
	})
}

func orBusy(err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "rotation-under-way")
}

// rotation is the work of the operation. Begun again after a crash it goes on
// where it was: what is under the new key already is passed over.
func (v *Vault) rotation(ctx context.Context, run *operations.Run) (any, error) {
	var p rotationParameters
	if err := run.Parameters(&p); err != nil {
		return nil, err
	}
	tenant := run.Tenant()
	v.expire(tenant)
	total, err := v.left(ctx, tenant, p.Version)
	if err != nil {
		return nil, err
	}
	moved := Rotated{Version: p.Version}
	for {
		n, err := v.rotate(ctx, tenant, p.Version, func(done int64) error {
			all := max(total, moved.Values+done)
			return run.Progress(ctx, moved.Values+done, &all)
		})
		if err != nil {
			return nil, err
		}
		moved.Values += n
		// Other processes may have sealed under the version before, for a while,
		// and rows that were being changed were passed over.
		rest, err := v.left(ctx, tenant, p.Version)
		if err != nil {
			return nil, err
		}
		if rest == 0 {
			break
		}
		total = max(total, moved.Values+rest)
		if n > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(rowPause):
		}
	}
	if err := v.q.RetireTenantKeys(ctx, v.db.Tenant(tenant), tenant, p.Version); err != nil {
		return nil, err
	}
	return moved, nil
}

// expire makes this process read an institution's keys again.
func (v *Vault) expire(tenant uuid.UUID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.tenants, tenant)
}

// bury deletes versions that were retired long ago, after another look for
// values that a slow process may have sealed under them.
func (v *Vault) bury(ctx context.Context, tenant uuid.UUID, now time.Time) error {
	// Whether there is anything to do is asked beside the memory, which keeps its
	// age: what a process goes on sealing under does not hang on its housekeeping.
	rows, err := v.q.ListTenantKeys(ctx, v.db.Tenant(tenant), tenant)
	if err != nil || len(rows) == 0 {
		return err
	}
	due, before := false, now.Add(-keepRetired)
	for _, row := range rows[1:] {
		due = due || row.RetiredAt != nil && row.RetiredAt.Before(before)
	}
	if !due {
		return nil
	}
	if rows, err = v.list(ctx, v.db.Tenant(tenant), tenant, true); err != nil {
		return err
	}
	present := rows[0].Version
	if _, err := v.rotate(ctx, tenant, present, func(int64) error { return nil }); err != nil {
		return err
	}
	if rest, err := v.left(ctx, tenant, present); err != nil || rest > 0 {
		return err
	}
	_, err = v.q.DeleteRetiredTenantKeys(ctx, v.db.Tenant(tenant), tenant, present, &before)
	v.expire(tenant)
	return err
}
