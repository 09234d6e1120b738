package ticketing

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// offerDoc is what a source says of a code that it has given out.
type offerDoc struct {
	Code        *string    `json:"code"`
	Kind        *string    `json:"kind"`
	Campaign    *string    `json:"campaign"`
	Performance *string    `json:"performance"`
	MaxUses     *int32     `json:"max_uses"`
	Uses        *int32     `json:"uses"`
	ValidUntil  *time.Time `json:"valid_until"`
	IssuedAt    *time.Time `json:"issued_at"`
	State       string     `json:"state"`
}

func (u *unit) projectVoucher(d *offerDoc, row *ticketingdb.TicketingVoucher) {
	if d == nil {
		return
	}
	row.Code, row.StatedKind, row.StatedCampaign, row.StatedState = d.Code, d.Kind, d.Campaign, &d.State
	row.PerformanceID, row.MaxUses, row.Uses, row.ValidUntil, row.IssuedAt = u.reference(kindPerformance, d.Performance), d.MaxUses, d.Uses, d.ValidUntil, d.IssuedAt
	if row.Campaign = row.IssueCampaign; row.Campaign == nil {
		row.Campaign = row.StatedCampaign
	}
}

// Voucher is an issued code with what became of it.
type Voucher struct {
	ticketingdb.TicketingVoucher
	Meant                 *string // the campaign
	State                 string
	Redemptions, ByOthers int32
}

func (v Voucher) kind() *string {
	if v.IssueKind != nil {
		return v.IssueKind
	}
	return v.StatedKind
}

// VoucherFilter narrows a list of issued codes.
type VoucherFilter struct {
	ContactID                           *uuid.UUID
	Source, Code, Campaign, Kind, State *string
}

// Issue is whom a code was issued to and what for; a pointer to nil empties, nil
// leaves as it is.
type Issue struct {
	ContactID      **uuid.UUID
	Campaign, Kind **string
}

// ListVouchers returns at most limit issued codes before an id.
func (s *Service) ListVouchers(ctx context.Context, f VoucherFilter, before *uuid.UUID, limit int) ([]Voucher, error) {
	actor, source, err := s.scope(ctx, f.Source)
	if err != nil {
		return nil, err
	}
	return s.vouchers(ctx, s.db.Tenant(actor.Tenant), actor, ticketingdb.ListVouchersParams{TenantID: actor.Tenant, ContactID: f.ContactID, AsOf: s.clock.Now(), SourceID: source, Code: f.Code,
		Kind: f.Kind, Campaign: f.Campaign, State: f.State, AfterID: before, PageSize: int32(limit)})
}

func (s *Service) vouchers(ctx context.Context, db pg.DBTX, actor web.Actor, p ticketingdb.ListVouchersParams) ([]Voucher, error) {
	rows, err := s.q.ListVouchers(ctx, db, p)
	if err != nil {
		return nil, err
	}
	look, err := pg.LookAt(ctx, db, actor.Tenant, issuedTo(rows))
	if err != nil {
		return nil, err
	}
	out := make([]Voucher, 0, len(rows))
	for _, r := range rows {
		if look.Sees(r.TicketingVoucher.ContactID) {
			out = append(out, Voucher{r.TicketingVoucher, r.Meant, r.State, r.Redemptions, r.ByOthers})
		}
	}
	if err := s.recount(ctx, db, actor, out); err != nil {
		return nil, err
	}
	people := make([]**uuid.UUID, 0, len(out))
	for i := range out {
		people = append(people, &out[i].ContactID)
	}
	if err := s.survivors(ctx, db, actor.Tenant, people...); err != nil {
		return nil, err
	}
	for _, v := range out {
		noted(ctx, v.ContactID)
	}
	return out, nil
}

// usesSeen are the uses of codes by whom the reader sees.
func (s *Service) usesSeen(ctx context.Context, db pg.DBTX, actor web.Actor, codes []uuid.UUID) ([]ticketingdb.FindVoucherUsesRow, error) {
	rows, err := s.q.FindVoucherUses(ctx, db, actor.Tenant, codes)
	if err != nil {
		return nil, err
	}
	var named []uuid.UUID
	for _, r := range rows {
		for _, id := range []*uuid.UUID{r.ContactID, r.HolderContactID} {
			if id != nil {
				named = append(named, *id)
			}
		}
	}
	look, err := pg.LookAt(ctx, db, actor.Tenant, named)
	return slices.DeleteFunc(rows, func(r ticketingdb.FindVoucherUsesRow) bool {
		return !look.Sees(r.ContactID) || !look.Sees(r.HolderContactID)
	}), err
}

// recount is the program's own count of uses, whatever the database let through.
func (s *Service) recount(ctx context.Context, db pg.DBTX, actor web.Actor, list []Voucher) error {
	if pg.SightIn(ctx).All() || len(list) == 0 {
		return nil
	}
	uses, err := s.usesSeen(ctx, db, actor, web.Map(list, func(v Voucher) uuid.UUID { return v.ID }))
	if err != nil {
		return err
	}
	for i := range list {
		list[i].Redemptions, list[i].ByOthers = 0, 0
		for _, u := range uses {
			if u.ID != list[i].ID {
				continue
			}
			list[i].Redemptions++
			if u.ByWhom == "other" {
				list[i].ByOthers++
			}
		}
	}
	return nil
}

func issuedTo(rows []ticketingdb.ListVouchersRow) []uuid.UUID {
	var out []uuid.UUID
	for _, r := range rows {
		if r.TicketingVoucher.ContactID != nil {
			out = append(out, *r.TicketingVoucher.ContactID)
		}
	}
	return out
}

// GetVoucher reads an issued code.
func (s *Service) GetVoucher(ctx context.Context, id uuid.UUID) (Voucher, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Voucher{}, err
	}
	return s.voucherFrom(ctx, s.db.Tenant(actor.Tenant), actor, id)
}

func (s *Service) voucherFrom(ctx context.Context, db pg.DBTX, actor web.Actor, id uuid.UUID) (Voucher, error) {
	list, err := s.vouchers(ctx, db, actor, ticketingdb.ListVouchersParams{TenantID: actor.Tenant, ID: &id, AsOf: s.clock.Now(), PageSize: 1})
	if err != nil {
		return Voucher{}, err
	}
	if len(list) == 0 {
		return Voucher{}, fault.NotFound()
	}
	return list[0], s.visible(ctx, list[0].SourceID)
}

// UpdateVoucher says whom a code was issued to and what for. It waits for whoever
// is writing of its source.
func (s *Service) UpdateVoucher(ctx context.Context, id uuid.UUID, issue Issue, want *int64) (Voucher, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Voucher{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Voucher, error) {
		before, err := s.voucherFrom(ctx, tx, actor, id)
		if err != nil {
			return before, err
		}
		if err := s.q.LockNames(ctx, tx, []int64{number(actor.Tenant.String(), "source", before.SourceID.String())}); err != nil {
			return before, err
		}
		row, err := s.q.LookVoucher(ctx, tx, actor.Tenant, id)
		if err != nil {
			return before, err
		}
		if err := web.CheckVersion(want, row.Version); err != nil {
			return before, err
		}
		if issue.ContactID != nil && *issue.ContactID != nil && !sameID(*issue.ContactID, row.ContactID) {
			if err := s.mayIssueTo(ctx, **issue.ContactID); err != nil {
				return before, err
			}
		}
		if err := s.issueTx(ctx, tx, row, issue, row.CommandID); err != nil {
			return before, err
		}
		return s.voucherFrom(ctx, tx, actor, id)
	})
}

// mayIssueTo refuses contacts that are not there, or not for whoever asks.
func (s *Service) mayIssueTo(ctx context.Context, contact uuid.UUID) error {
	_, err := s.contacts.Get(ctx, contact)
	if f, ok := fault.As(pg.Translate(err)); ok && (f.Kind == fault.Missing || f.Kind == fault.Gone) {
		return fault.Invalid().At("#/contact_id", "no-match")
	}
	return err
}

func (s *Service) issueTx(ctx context.Context, tx pgx.Tx, row ticketingdb.TicketingVoucher, issue Issue, command *uuid.UUID) error {
	p := ticketingdb.IssueVoucherParams{TenantID: row.TenantID, ID: row.ID, ContactID: or(issue.ContactID, row.ContactID), IssueCampaign: or(issue.Campaign, row.IssueCampaign),
		IssueKind: or(issue.Kind, row.IssueKind), CommandID: command, IssuedAt: s.clock.Now()}
	if sameID(p.ContactID, row.ContactID) && sameRow(p.IssueCampaign, row.IssueCampaign) && sameRow(p.IssueKind, row.IssueKind) && sameID(command, row.CommandID) {
		return nil
	}
	after, err := s.q.IssueVoucher(ctx, tx, p)
	if err != nil {
		return err
	}
	changes, err := events.Diff(row, after, unrecorded...)
	if err != nil {
		return err
	}
	facts := map[string]any{}
	for name, id := range map[string]*uuid.UUID{"contact_id": after.ContactID, "command_id": after.CommandID} {
		if id != nil {
			facts[name] = *id
		}
	}
	if row.ContactID != nil && !sameID(row.ContactID, after.ContactID) {
		facts["previous_contact_id"] = *row.ContactID
	}
	return events.RecordTx(ctx, tx, events.Entry{Type: "ticketing.voucher.updated", Subject: events.Subject{Kind: kindVoucher, ID: row.ID, Version: after.Version}, Changes: changes, Facts: facts})
}

// CommandedIssue is a code that a source made because it was asked to.
type CommandedIssue struct {
	SourceID       uuid.UUID
	ExternalID     string
	Command        uuid.UUID
	ContactID      *uuid.UUID
	Campaign, Kind *string
}

// NoteIssueTx remembers of a code that has arrived by which command it was issued,
// whom to and what for. Somebody who was erased meanwhile is left out.
func (s *Service) NoteIssueTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, c CommandedIssue) error {
	return pg.AsEverything(ctx, tx, func(ctx context.Context) error {
		if err := s.q.LockNames(ctx, tx, []int64{number(tenant.String(), "source", c.SourceID.String())}); err != nil {
			return err
		}
		record, err := s.q.GetRecord(ctx, tx, ticketingdb.GetRecordParams{TenantID: tenant, SourceID: c.SourceID, Kind: kindVoucher, ExternalID: c.ExternalID})
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		row, err := s.q.LookVoucher(ctx, tx, tenant, record.ID)
		if err != nil {
			return err
		}
		if c.ContactID != nil {
			gone, err := s.q.FindErasedContacts(ctx, tx, tenant, []uuid.UUID{*c.ContactID})
			if err != nil {
				return err
			}
			if len(gone) > 0 {
				c.ContactID = nil
			}
		}
		return s.issueTx(ctx, tx, row, Issue{&c.ContactID, &c.Campaign, &c.Kind}, &c.Command)
	})
}

// ListRedemptions returns at most limit uses of a code after a ticket.
func (s *Service) ListRedemptions(ctx context.Context, id, after uuid.UUID, limit int) ([]ticketingdb.ListVoucherRedemptionsRow, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	db := s.db.Tenant(actor.Tenant)
	if _, err := s.voucherFrom(ctx, db, actor, id); err != nil {
		return nil, err
	}
	rows, err := s.q.ListVoucherRedemptions(ctx, db, ticketingdb.ListVoucherRedemptionsParams{TenantID: actor.Tenant, VoucherID: id, AfterID: after, PageSize: int32(limit)})
	if err != nil {
		return nil, err
	}
	var named []*uuid.UUID
	for _, r := range rows {
		named = append(named, r.ContactID, r.HolderContactID)
	}
	look, err := s.lookAt(ctx, actor, named...)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r ticketingdb.ListVoucherRedemptionsRow) bool {
		return !look.Sees(r.ContactID) || !look.Sees(r.HolderContactID)
	})
	people := make([]**uuid.UUID, 0, 2*len(rows))
	for i := range rows {
		people = append(people, &rows[i].ContactID, &rows[i].HolderContactID)
	}
	if err := s.survivors(ctx, db, actor.Tenant, people...); err != nil {
		return nil, err
	}
	for _, r := range rows {
		noted(ctx, r.ContactID, r.HolderContactID)
	}
	return rows, nil
}

// VoucherCampaign counts the codes of a campaign; one without any is not there.
func (s *Service) VoucherCampaign(ctx context.Context, campaign string, wanted *string) (ticketingdb.CountVoucherCampaignRow, error) {
	actor, source, err := s.scope(ctx, wanted)
	if err != nil {
		return ticketingdb.CountVoucherCampaignRow{}, err
	}
	count := s.countSeen
	if pg.SightIn(ctx).All() {
		count = s.countAll
	}
	out, err := count(ctx, actor, campaign, source)
	if err == nil && out.Issued == 0 {
		err = fault.NotFound()
	}
	return out, err
}

func (s *Service) countAll(ctx context.Context, actor web.Actor, campaign string, source *uuid.UUID) (ticketingdb.CountVoucherCampaignRow, error) {
	return s.q.CountVoucherCampaign(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, campaign, source)
}

// countSeen counts what is of nobody, or of somebody whom the reader sees.
func (s *Service) countSeen(ctx context.Context, actor web.Actor, campaign string, source *uuid.UUID) (out ticketingdb.CountVoucherCampaignRow, err error) {
	db := s.db.Tenant(actor.Tenant)
	issued, err := s.q.FindCampaignVouchers(ctx, db, actor.Tenant, campaign, source)
	if err != nil {
		return out, err
	}
	look, err := s.lookAt(ctx, actor, web.Map(issued, func(r ticketingdb.FindCampaignVouchersRow) *uuid.UUID { return r.ContactID })...)
	if err != nil {
		return out, err
	}
	issued = slices.DeleteFunc(issued, func(r ticketingdb.FindCampaignVouchersRow) bool { return !look.Sees(r.ContactID) })
	for _, r := range issued {
		if out.Issued++; r.ContactID != nil {
			out.IssuedToContacts++
		}
	}
	uses, err := s.usesSeen(ctx, db, actor, web.Map(issued, func(r ticketingdb.FindCampaignVouchersRow) uuid.UUID { return r.ID }))
	used := map[uuid.UUID]bool{}
	for _, u := range uses {
		used[u.ID] = true
		switch u.ByWhom {
		case "issued_to":
			out.ByIssuedTo++
		case "other":
			out.ByOthers++
		default:
			out.ByUnknown++
		}
	}
	out.Redeemed, out.Redemptions = int32(len(used)), int32(len(uses))
	return out, err
}

// nameOffers completes the lines of an order by what is known of their codes.
func (s *Service) nameOffers(ctx context.Context, tx pgx.Tx, o *Order, source Source) error {
	var asked []uuid.UUID
	for _, l := range o.Lines {
		if l.VoucherID != nil {
			asked = append(asked, *l.VoucherID)
		}
	}
	known := map[uuid.UUID]ticketingdb.FindOfferCodesRow{}
	if len(asked) > 0 {
		rows, err := s.q.FindOfferCodes(ctx, tx, o.TenantID, asked)
		if err != nil {
			return err
		}
		for _, r := range rows {
			known[r.ID] = r
		}
	}
	for i := range o.Lines {
		l := &o.Lines[i]
		offer := known[or(l.VoucherID, uuid.Nil)]
		if l.VoucherCode == nil {
			l.VoucherCode = offer.Code
		}
		if l.Campaign == nil {
			l.Campaign = offer.Campaign
		}
		l.Campaign = settingsOf(source).campaign(l.Campaign, l.VoucherCode)
	}
	return nil
}
