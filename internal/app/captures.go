package app

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/consents"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing"
)

// captures hands the answers that buyers gave while buying to the consent
// ledger. An answer for a purpose that the institution has not registered stays
// with its order: there is no processing without a purpose (GDPR art. 5 (1) b).
type captures struct{ consents *consents.Service }

// RecordCaptureTx implements ticketing.ConsentRecorder.
func (c captures) RecordCaptureTx(ctx context.Context, tx pgx.Tx, in ticketing.ConsentCapture) error {
	var tenant uuid.UUID
	err := tx.QueryRow(ctx, "select tenant_id from purposes where tenant_id = current_tenant() and code = $1", in.Purpose).Scan(&tenant)
	if pg.IsNoRows(err) {
		return nil
	}
	if err != nil {
		return err
	}
	entry := consents.Entry{
		Contact: in.ContactID, Purpose: in.Purpose, Channel: in.Channel, Action: consents.Given, When: in.At,
		Source: in.Source, Reference: in.Reference, Mechanism: "ticketing", Evidence: consents.Evidence{Note: in.Evidence},
	}
	if in.Value != "granted" {
		entry.Action = consents.Refused
	}
	point, address, err := reach(ctx, tx, tenant, in)
	if err != nil {
		return err
	}
	if point == nil && address == nil && entry.Action == consents.Given {
		return nil // nothing that it could be bound to
	}
	entry.ContactPoint, entry.PostalAddress = point, address
	_, err = c.consents.RecordTx(ctx, tx, entry)
	return err
}

// reach finds the address or number that the answer is for: the contact's first
// one of the channel.
func reach(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, in ticketing.ConsentCapture) (point, address *uuid.UUID, err error) {
	var id uuid.UUID
	if in.Channel == consents.Post {
		err = tx.QueryRow(ctx, "select id from addresses where tenant_id = $1 and contact_id = $2 order by is_primary desc, created_at, id limit 1", tenant, in.ContactID).Scan(&id)
		if pg.IsNoRows(err) {
			return nil, nil, nil
		}
		return nil, &id, err
	}
	kind := "phone"
	if in.Channel == consents.Email {
		kind = "email"
	}
	err = tx.QueryRow(ctx, "select id from contact_points where tenant_id = $1 and contact_id = $2 and kind = $3 order by is_primary desc, created_at, id limit 1", tenant, in.ContactID, kind).Scan(&id)
	if pg.IsNoRows(err) {
		return nil, nil, nil
	}
	return &id, nil, err
}
