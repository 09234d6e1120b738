package ticketing

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// flush writes everything that changed, a table a statement, in one round trip.
func (u *unit) flush(ctx context.Context) error {
	b := &pgx.Batch{}
	for id := range u.forgotten.names {
		b.Queue("UPDATE ticketing_records SET external_id = $3 WHERE tenant_id = $1 AND id = $2", u.source.TenantID, id, u.recordOf[id].ExternalID)
		b.Queue("UPDATE ticketing_import_results SET external_id = $3 WHERE tenant_id = $1 AND subject_id = $2 AND kind = 'customer'", u.source.TenantID, id, u.recordOf[id].ExternalID)
	}
	var records []Record
	for r := range u.dirtyRecords {
		records = append(records, *r)
	}
	if err := write(b, "ticketing_records", records, "tenant_id", "source_id", "kind", "external_id"); err != nil {
		return err
	}
	if err := write(b, "ticketing_forgotten", u.forgotten.rows); err != nil {
		return err
	}
	u.flushCounts(b)
	for _, shelf := range u.kinds.early() {
		if err := shelf.write(b); err != nil {
			return err
		}
	}
	if err := write(b, "ticketing_productions", dirty(u.productions), "tenant_id", "id"); err != nil {
		return err
	}
	if err := write(b, "ticketing_performances", dirty(u.performances), "tenant_id", "id"); err != nil {
		return err
	}
	if err := write(b, "ticketing_price_types", dirty(u.priceTypes), "tenant_id", "id"); err != nil {
		return err
	}
	if err := write(b, "ticketing_customers", dirty(u.customers), "tenant_id", "id"); err != nil {
		return err
	}
	for _, shelf := range u.kinds.between() {
		if err := shelf.write(b); err != nil {
			return err
		}
	}
	if err := u.flushOrders(b); err != nil {
		return err
	}
	for _, shelf := range u.kinds.late() {
		if err := shelf.write(b); err != nil {
			return err
		}
	}
	if err := write(b, "ticketing_gift_card_entries", u.giftEntries); err != nil {
		return err
	}
	if b.Len() == 0 {
		return nil
	}
	if err := u.tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("ticketing: writing: %w", err)
	}
	return nil
}

func (u *unit) flushOrders(b *pgx.Batch) error {
	var orders []ticketingdb.TicketingOrder
	var lines []ticketingdb.TicketingLine
	var fees []ticketingdb.TicketingFee
	var payments []ticketingdb.TicketingPayment
	var awaited []awaitedRow
	var rewritten []uuid.UUID
	for _, id := range u.sequence {
		o := u.orders[id]
		if !o.changed {
			continue
		}
		orders = append(orders, o.row)
		awaited = append(awaited, u.awaited(o)...)
		if o.before != nil {
			rewritten = append(rewritten, id)
		}
		for _, l := range o.lines {
			lines = append(lines, *l)
		}
		fees, payments = append(fees, o.fees...), append(payments, o.payments...)
	}
	if err := write(b, "ticketing_orders", orders, "tenant_id", "id"); err != nil {
		return err
	}
	if len(rewritten) > 0 {
		for _, table := range []string{"ticketing_lines", "ticketing_fees", "ticketing_payments", "ticketing_awaited"} {
			b.Queue("DELETE FROM "+table+" WHERE tenant_id = $1 AND order_id = ANY($2)", u.source.TenantID, rewritten)
		}
	}
	if err := write(b, "ticketing_lines", lines); err != nil {
		return err
	}
	if err := write(b, "ticketing_fees", fees); err != nil {
		return err
	}
	if err := write(b, "ticketing_payments", payments); err != nil {
		return err
	}
	if err := write(b, "ticketing_awaited", awaited); err != nil {
		return err
	}
	return write(b, "ticketing_movements", u.movements)
}

func dirty[T any](all map[uuid.UUID]*entity[T]) []T {
	var out []T
	for _, e := range all {
		if e.dirty {
			out = append(out, e.now)
		}
	}
	return out
}

// write queues one statement that inserts the rows, or updates those whose key
// is there already. The columns are the members of the generated row type.
func write[T any](b *pgx.Batch, table string, rows []T, key ...string) error {
	if len(rows) == 0 {
		return nil
	}
	raw, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("ticketing: writing %s: %w", table, err)
	}
	b.Queue(upsert(table, reflect.TypeFor[T](), key), string(raw))
	return nil
}

func upsert(table string, row reflect.Type, key []string) string {
	var columns, updates []string
	for field := range row.Fields() {
		name := field.Tag.Get("json")
		columns = append(columns, name)
		if !slices.Contains(key, name) && name != "created_at" {
			updates = append(updates, name+" = EXCLUDED."+name)
		}
	}
	list := strings.Join(columns, ", ")
	sql := "INSERT INTO " + table + " (" + list + ") SELECT " + list + " FROM jsonb_populate_recordset(NULL::" + table + ", $1::jsonb)"
	if len(key) > 0 {
		sql += " ON CONFLICT (" + strings.Join(key, ", ") + ") DO UPDATE SET " + strings.Join(updates, ", ")
	}
	return sql
}
