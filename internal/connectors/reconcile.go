package connectors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/money"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// ReconcileKind is the kind of operation that compares a source with its vendor.
const ReconcileKind = "ticketing.reconcile"

// mostDifferences bounds what a result lists.
const mostDifferences = 1000

// Figures are a vendor's own numbers of one order. What is nil was not sent and
// is not compared.
type Figures struct {
	ExternalID      string  `json:"external_id"`
	Currency        *string `json:"currency,omitempty"` // that of the order here, else of the source
	CommercialState *string `json:"commercial_state,omitempty"`
	ValidLines      *int64  `json:"valid_lines,omitempty"`
	Gross           *string `json:"gross,omitempty"`
	Due             *string `json:"due,omitempty"`
	Paid            *string `json:"paid,omitempty"`
	Refunded        *string `json:"refunded,omitempty"`
	test            bool    // a trial at the vendor, which is no sale
}

// Comparison is what is to be compared.
type Comparison struct {
	Source   uuid.UUID `json:"source"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Repair   bool      `json:"repair"`
	Declared bool      `json:"declared"` // by the vendor's figures
	Orders   []Figures `json:"orders,omitempty"`
}

// Sums are amounts of a window, as decimals.
type Sums struct {
	Gross    string `json:"gross"`
	Due      string `json:"due"`
	Paid     string `json:"paid"`
	Refunded string `json:"refunded"`
	Net      string `json:"net"`
}

// SumsOf are the sums of the orders of one currency.
type SumsOf struct {
	Currency string `json:"currency"`
	There    Sums   `json:"there"`
	Here     Sums   `json:"here"`
}

// Difference is one thing about an order that is not the same there and here.
type Difference struct {
	ExternalID string  `json:"external_id"`
	Field      string  `json:"field"`
	There      *string `json:"there"`
	Here       *string `json:"here"`
}

// Reconciliation is the result of a comparison.
type Reconciliation struct {
	Source      string       `json:"source"`
	From        time.Time    `json:"from"`
	To          time.Time    `json:"to"`
	ReadFrom    string       `json:"read_from"`
	OrdersThere int64        `json:"orders_there"`
	OrdersHere  int64        `json:"orders_here"`
	There       Sums         `json:"there"`
	Here        Sums         `json:"here"`
	Others      []SumsOf     `json:"other_currencies,omitempty"`
	Differing   int64        `json:"differing"`
	Repaired    int64        `json:"repaired"`
	Absent      int64        `json:"absent"`
	InLedger    int64        `json:"in_ledger"`
	Differences []Difference `json:"differences"`
}

// Compare starts a comparison as an operation.
func (s *Service) Compare(ctx context.Context, reference string, in Comparison) (operations.Operation, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return operations.Operation{}, err
	}
	if !in.From.Before(in.To) {
		return operations.Operation{}, fault.Invalid().At("#/to", "ends-before-start")
	}
	src, err := s.source(ctx, s.DB.Tenant(actor.Tenant), actor, reference)
	if err != nil {
		return operations.Operation{}, err
	}
	// The differences name orders of everybody, and what is not found is marked so:
	// for who sees everybody, and for the vendor whose orders they are.
	whole, err := pg.SeesWhole(ctx, s.DB.Tenant(actor.Tenant))
	if err != nil {
		return operations.Operation{}, err
	}
	if !whole && actor.Source == "" {
		return operations.Operation{}, fault.New(fault.Forbidden, "comparison-beyond-rights")
	}
	in.Source = src.ID
	if !in.Declared {
		row, err := s.q.GetConnection(ctx, s.DB.Tenant(actor.Tenant), actor.Tenant, src.ID)
		if pg.IsNoRows(err) {
			return operations.Operation{}, fault.New(fault.Conflict, "ticketing-source-not-connected").With("code", src.Code)
		}
		if err != nil {
			return operations.Operation{}, err
		}
		session, err := s.open(ctx, s.DB.Tenant(actor.Tenant), src, row)
		if err != nil {
			return operations.Operation{}, err
		}
		if _, ok := session.(port.Reconciler); !ok {
			return operations.Operation{}, missing("reconcile", row.Connector)
		}
	}
	f := fault.Invalid()
	named := map[string]bool{}
	for i, o := range in.Orders {
		// Of two that say different things neither is the vendor's figure.
		if named[o.ExternalID] {
			f.At(fmt.Sprintf("#/orders/%d/external_id", i), "not-unique")
		}
		named[o.ExternalID] = true
		for name, text := range map[string]*string{"gross": o.Gross, "due": o.Due, "paid": o.Paid, "refunded": o.Refunded} {
			if _, err := money.Parse(or(text, "0"), or(o.Currency, src.Currency)); err != nil {
				f.At(fmt.Sprintf("#/orders/%d/%s", i, name), "amount")
			}
		}
	}
	if err := f.OrNil(); err != nil {
		return operations.Operation{}, err
	}
	return pg.InTxValue(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (operations.Operation, error) {
		return s.Operations.StartTx(ctx, tx, operations.Start{Kind: ReconcileKind, Unit: "orders", Parameters: in})
	})
}

// missing is the fault of what a vendor cannot do.
func missing(capability, connector string) *fault.Error {
	return fault.New(fault.Conflict, "capability-missing").With("capability", capability).With("connector", connector).Extra("capability", capability)
}

// comparing is one comparison under way.
type comparing struct {
	s       *Service
	run     *operations.Run
	tenant  uuid.UUID
	src     source
	in      Comparison
	turn    *turn
	out     Reconciliation
	there   sides // by currency: amounts of two are no sum
	here    sides
	present map[string]bool // orders that the vendor has
	differ  map[string]bool // orders that differ
	taken   time.Time       // when the vendor was asked
	done    int64
}

// totals are amounts in minor units.
type totals struct{ gross, due, paid, refunded int64 }

// sides are the totals of one side, by currency.
type sides map[string]*totals

func (s sides) add(currency string, o totals) {
	if s[currency] == nil {
		s[currency] = &totals{}
	}
	s[currency].add(o)
}

func (s sides) sums(currency string) Sums {
	if t := s[currency]; t != nil {
		return t.sums(currency)
	}
	return (&totals{}).sums(currency)
}

func (t *totals) add(o totals) {
	t.gross, t.due, t.paid, t.refunded = t.gross+o.gross, t.due+o.due, t.paid+o.paid, t.refunded+o.refunded
}

func (t *totals) sums(currency string) Sums {
	text := func(minor int64) string { return money.Amount{Minor: minor, Currency: currency}.String() }
	return Sums{text(t.gross), text(t.due), text(t.paid), text(t.refunded), text(t.paid - t.refunded)}
}

// reconcile is the work of the operation. Started again after a crash it
// compares anew: what was repaired is then the same on both sides, and the same
// instant of asking, or the same operation, keeps an absence from being counted
// twice.
func (s *Service) reconcile(ctx context.Context, run *operations.Run) (any, error) {
	c := &comparing{s: s, run: run, tenant: run.Tenant(), there: sides{}, here: sides{}, present: map[string]bool{}, differ: map[string]bool{}, taken: or(run.Operation.StartedAt, s.Clock.Now())}
	if err := run.Parameters(&c.in); err != nil {
		return nil, err
	}
	db := s.DB.Tenant(c.tenant)
	var err error
	if c.src, err = s.q.FindSource(ctx, db, c.tenant, c.in.Source.String()); err != nil {
		return nil, err
	}
	c.out = Reconciliation{Source: c.src.Code, From: c.in.From, To: c.in.To, ReadFrom: "figures", Differences: []Difference{}}
	if c.in.Declared {
		err = c.byFigures(ctx)
	} else {
		c.out.ReadFrom = "vendor"
		err = c.byReading(ctx)
	}
	if err != nil {
		return nil, vendorFault(err)
	}
	if err := c.absences(ctx); err != nil {
		return nil, err
	}
	c.out.There, c.out.Here = c.there.sums(c.src.Currency), c.here.sums(c.src.Currency)
	others := map[string]bool{}
	for _, side := range []sides{c.there, c.here} {
		for currency := range side {
			if currency != c.src.Currency {
				others[currency] = true
			}
		}
	}
	for _, currency := range slices.Sorted(maps.Keys(others)) {
		c.out.Others = append(c.out.Others, SumsOf{currency, c.there.sums(currency), c.here.sums(currency)})
	}
	differing := int32(c.out.Differing)
	if err := s.q.NoteReconciled(ctx, db, connectorsdb.NoteReconciledParams{Present: s.Clock.Now(), Differences: &differing, TenantID: c.tenant, SourceID: c.src.ID}); err != nil {
		return nil, err
	}
	run.Announce("ticketing.source.reconciled", map[string]any{
		"code": c.src.Code, "from": c.in.From, "to": c.in.To, "orders": c.out.OrdersThere, "differing": c.out.Differing, "repaired": c.out.Repaired, "absent": c.out.Absent,
	})
	return c.out, nil
}

// vendorFault says to people why a vendor could not be read.
func vendorFault(err error) error {
	if _, ok := fault.As(err); ok || errors.Is(err, operations.ErrCancelled) {
		return err
	}
	end := ended(err)
	if end.code == "internal" {
		return err
	}
	return fault.New(fault.Unavailable, "vendor-unavailable").With("reason", end.text).Because(err)
}

// byReading reads the window from the vendor.
func (c *comparing) byReading(ctx context.Context) error {
	db := c.s.DB.Tenant(c.tenant)
	row, err := c.s.q.GetConnection(ctx, db, c.tenant, c.src.ID)
	if err != nil {
		return err
	}
	session, err := c.s.open(ctx, db, c.src, row)
	if err != nil {
		return err
	}
	reader, ok := session.(port.Reconciler)
	if !ok {
		return missing("reconcile", row.Connector)
	}
	c.turn = &turn{s: c.s, row: row, src: c.src, db: db, session: session, seen: map[port.Ref]bool{}}
	return reader.Reconcile(ctx, c.in.From, c.in.To, func(p port.Page) error {
		var figures []Figures
		var records []port.Record
		for _, r := range p.Records {
			if r.Kind != port.Order || r.Delete {
				continue
			}
			f, err := figuresOf(r, c.src.Currency)
			if err != nil {
				// It cannot be taken in either, and is or becomes a dead letter; but it is there.
				c.present[r.ExternalID] = true
				continue
			}
			figures, records = append(figures, f), append(records, r)
		}
		if err := c.compare(ctx, figures, records); err != nil {
			return err
		}
		return c.ledger(ctx, p.Ledger)
	})
}

// ledger sets what the vendor's own book says against what is due here, once it
// was taken in: an order may be read as the vendor shows it, and added up wrongly.
func (c *comparing) ledger(ctx context.Context, sums []port.LedgerSum) error {
	for part := range slices.Chunk(sums, 500) {
		names := make([]string, len(part))
		for i, l := range part {
			names[i] = l.Order
		}
		rows, err := c.s.q.ListHeld(ctx, c.s.DB.Tenant(c.tenant), c.tenant, c.src.ID, names)
		if err != nil {
			return err
		}
		held := map[string]connectorsdb.ListHeldRow{}
		for _, r := range rows {
			held[r.ExternalID] = r
		}
		for _, l := range part {
			h, here := held[l.Order]
			if !here || h.Test {
				continue // told already, or no sale
			}
			c.out.InLedger++
			amount, err := money.Parse(l.Amount, h.Currency)
			if err != nil || amount.Minor != h.DueMinor {
				text := money.Amount{Minor: h.DueMinor, Currency: h.Currency}.String()
				c.note(l.Order, "ledger", &l.Amount, &text)
			}
		}
	}
	return nil
}

// note keeps a difference, the first ones of them.
func (c *comparing) note(order, field string, there, here *string) {
	if !c.differ[order] {
		c.differ[order] = true
		c.out.Differing++
	}
	if len(c.out.Differences) < mostDifferences {
		c.out.Differences = append(c.out.Differences, Difference{order, field, there, here})
	}
}

func (c *comparing) byFigures(ctx context.Context) error {
	for len(c.in.Orders) > 0 {
		n := min(len(c.in.Orders), 500)
		if err := c.compare(ctx, c.in.Orders[:n], nil); err != nil {
			return err
		}
		c.in.Orders = c.in.Orders[n:]
	}
	return nil
}

// compare sets figures against what is here; records, in the same order, are
// what is taken in where they differ.
func (c *comparing) compare(ctx context.Context, figures []Figures, records []port.Record) error {
	if len(figures) == 0 {
		return nil
	}
	names := make([]string, len(figures))
	for i, f := range figures {
		names[i] = f.ExternalID
	}
	db := c.s.DB.Tenant(c.tenant)
	rows, err := c.s.q.ListHeld(ctx, db, c.tenant, c.src.ID, names)
	if err != nil {
		return err
	}
	held := map[string]connectorsdb.ListHeldRow{}
	for _, r := range rows {
		held[r.ExternalID] = r
	}
	var mend []port.Record
	for i, f := range figures {
		if c.present[f.ExternalID] {
			continue // it moved to a later page
		}
		c.present[f.ExternalID] = true
		h, here := held[f.ExternalID]
		c.set(f, h, here)
		if records != nil {
			mend = append(mend, records[i])
		}
	}
	if !c.in.Declared {
		if err := c.s.q.DropAbsences(ctx, db, c.tenant, c.src.ID, names); err != nil {
			return err
		}
	}
	if err := c.mend(ctx, mend); err != nil {
		return err
	}
	c.done += int64(len(figures))
	return c.run.Progress(ctx, c.done, nil)
}

// mend takes in what the vendor has, also where the figures agree: a name that
// was removed there is in no figure.
func (c *comparing) mend(ctx context.Context, records []port.Record) error {
	if !c.in.Repair || len(records) == 0 {
		return nil
	}
	outcomes, err := c.turn.receive(ctx, records)
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		switch {
		case o.Problem != nil:
			if err := c.turn.bury(ctx, records[i], o.Problem); err != nil {
				return err
			}
		case o.Status != statusStale && o.Status != statusUnchanged:
			c.out.Repaired++
		}
	}
	return nil
}

// absences looks for orders of the window that the vendor does not have.
func (c *comparing) absences(ctx context.Context) error {
	db := c.s.DB.Tenant(c.tenant)
	after := ""
	for {
		rows, err := c.s.q.ListHeldInWindow(ctx, db, connectorsdb.ListHeldInWindowParams{
			TenantID: c.tenant, SourceID: c.src.ID, FromAt: &c.in.From, ToAt: &c.in.To, After: after, Most: 500,
		})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		for _, r := range rows {
			after = r.ExternalID
			if c.present[r.ExternalID] {
				continue
			}
			c.onlyHere(r.ExternalID, r.Currency, totals{r.GrossMinor, r.DueMinor, r.PaidMinor, r.RefundedMinor})
			if err := c.absent(ctx, r.ExternalID); err != nil {
				return err
			}
		}
	}
	// Figures may be of some orders only, and whoever sends them need not see the
	// others: only what was read from the vendor itself is whole.
	if !c.in.Repair || c.in.Declared {
		return nil
	}
	return c.s.Ingest.MarkAbsent(ctx, c.src.Code, Window{c.in.From, c.in.To, c.taken}, slices.Sorted(maps.Keys(c.present)))
}

// absent remembers that the vendor was read and does not have an order. Figures
// change nothing, and what they leave out is told and not remembered.
func (c *comparing) absent(ctx context.Context, externalID string) error {
	if c.in.Declared {
		return nil
	}
	times, err := c.s.q.NoteAbsence(ctx, c.s.DB.Tenant(c.tenant), connectorsdb.NoteAbsenceParams{TenantID: c.tenant, SourceID: c.src.ID, ExternalID: externalID, Comparison: c.run.Operation.ID})
	if err != nil || times < 2 {
		return err
	}
	c.out.Absent++
	return nil
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
