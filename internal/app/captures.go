package app

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/consents"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/fault"
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
	if in.Value != granted {
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
	return c.consents.RestateTx(ctx, tx, entry)
}

// HeardTx implements ticketing.ConsentRecorder.
func (c captures) HeardTx(ctx context.Context, tx pgx.Tx, source string, references []string) (map[ticketing.Heard]bool, error) {
	rows, err := c.consents.HeardTx(ctx, tx, source, references)
	out := make(map[ticketing.Heard]bool, len(rows))
	for _, r := range rows {
		h := ticketing.Heard{ContactID: r.ContactID, Reference: r.Reference, Purpose: r.Purpose, Channel: r.Channel, Value: r.Action, At: r.OccurredAt.UnixMicro()}
		if r.Action == consents.Given {
			h.Value = granted
		}
		out[h] = true
	}
	return out, err
}

// TakeBackTx implements ticketing.ConsentRecorder. An attribution is taken back
// also of somebody who is not there any more.
func (c captures) TakeBackTx(ctx context.Context, tx pgx.Tx, contact uuid.UUID, source, reference string) error {
	err := c.consents.TakeBackTx(ctx, tx, contact, source, reference, "taken back: "+reference+" is of somebody else")
	if f, ok := fault.As(pg.Translate(err)); ok && (f.Kind == fault.Gone || f.Kind == fault.Missing) {
		return nil
	}
	return err
}

// granted is how a source says yes.
const granted = "granted"

// reach finds the address or number that the answer is for: the one with which it
// was given (a new one does not inherit it), or the only one of its kind where
// the source does not say.
func reach(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, in ticketing.ConsentCapture) (point, address *uuid.UUID, err error) {
	if in.Channel == consents.Post {
		address, err = posted(ctx, tx, tenant, in)
		return nil, address, err
	}
	kind, value := "phone", in.Phone
	if in.Channel == consents.Email {
		kind, value = "email", in.Email
	}
	rows, err := tx.Query(ctx, "select id from contact_points where tenant_id = $1 and contact_id = $2 and kind = $3 and ($4 = '' or normalized = $4) limit 2", tenant, in.ContactID, kind, value)
	if err != nil {
		return nil, nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil || len(found) != 1 {
		return nil, nil, err
	}
	return &found[0], nil, nil
}

// posted finds the postal address that an answer is for.
func posted(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, in ticketing.ConsentCapture) (*uuid.UUID, error) {
	type address struct {
		ID                 uuid.UUID
		Street, PostalCode string
	}
	rows, err := tx.Query(ctx, "select id, coalesce(street, ''), coalesce(postal_code, '') from addresses where tenant_id = $1 and contact_id = $2", tenant, in.ContactID)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[address])
	if err != nil {
		return nil, err
	}
	if in.Street != "" || in.PostalCode != "" {
		found = slices.DeleteFunc(found, func(a address) bool {
			return contacts.Fold(a.Street) != contacts.Fold(in.Street) || contacts.Fold(a.PostalCode) != contacts.Fold(in.PostalCode)
		})
	}
	if len(found) != 1 {
		return nil, nil
	}
	return &found[0].ID, nil
}
