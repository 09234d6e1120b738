package ticketing

import (
	"context"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// tellMemberships tells what memberships of this unit have become, and those of
// products whose rules changed.
func (u *unit) tellMemberships(ctx context.Context) error {
	named := dirtyKeys(u.kinds.memberships.rows)
	for _, id := range named {
		// What it continued until now, and no longer does.
		if e := u.kinds.memberships.rows[id]; e.before != nil && e.before.RenewsID != nil {
			named = append(named, *e.before.RenewsID)
		}
	}
	return u.s.tellMembershipsTx(ctx, u.tx, u.source.TenantID, u.now, named, dirtyKeys(u.kinds.products.rows))
}

// tellMembershipsTx records the events of memberships whose status is another
// than others were told, and notes when it changes next by itself. What is
// received as ended already never began here, and is told nobody.
func (s *Service) tellMembershipsTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, now time.Time, named, products []uuid.UUID) error {
	if len(named)+len(products) == 0 {
		return nil
	}
	rows, err := s.q.FindMembershipStates(ctx, tx, ticketingdb.FindMembershipStatesParams{Instant: now, TenantID: tenant, Ids: some(named), Products: some(products)})
	if err != nil {
		return err
	}
	continued, err := s.continued(ctx, tx, tenant, rows, now)
	if err != nil {
		return err
	}
	var out []events.Entry
	p := ticketingdb.NoteToldParams{TenantID: tenant}
	for _, r := range rows {
		status, due := r.Status, nextChange(r, now)
		if r.Deleted || r.Stub || r.Test {
			status, due = "", time.Time{}
		}
		told, days := or(r.ToldStatus, ""), int32(0)
		if !continued[r.ID] {
			days = reminder(r, now)
		}
		if told == status && days == 0 && sameTime(r.DueAt, unless(due)) {
			continue
		}
		tell := func(kind string, more map[string]any) {
			facts := map[string]any{"status": status}
			if r.ContactID != nil {
				facts["contact_id"] = *r.ContactID
			}
			if r.RenewsID != nil {
				facts["renews_id"] = *r.RenewsID
			}
			maps.Copy(facts, more)
			out = append(out, events.Entry{Type: "membership." + kind, Subject: events.Subject{Kind: kindMembership, ID: r.ID, Version: r.Version}, Facts: facts, Source: "ticketing:" + r.SourceCode})
		}
		if kind := lifecycle(told, status, r.RenewsID != nil); kind != "" {
			tell(kind, nil)
		}
		if days > 0 {
			tell("expiring", map[string]any{"days": days, "valid_until": *r.ValidUntil, "auto_renew": r.AutoRenew})
		}
		p.Ids, p.Statuses, p.Dues, p.Days = append(p.Ids, r.ID), append(p.Statuses, status), append(p.Dues, due), append(p.Days, days)
	}
	if len(p.Ids) == 0 {
		return nil
	}
	if err := s.q.NoteTold(ctx, tx, p); err != nil {
		return err
	}
	if len(out) == 0 {
		return nil
	}
	return events.RecordTx(ctx, tx, out...)
}

// lifecycle is what a change of status is to others, empty when nothing.
func lifecycle(told, status string, renews bool) string {
	running := func(s string) bool { return s == "active" || s == "used_up" || s == "grace" || s == "suspended" }
	switch {
	case status == "active" && !running(told) && renews:
		return "renewed"
	case status == "active" && !running(told):
		return "started"
	case status == "expired" && running(told):
		return "expired"
	case status == "cancelled" && told != "" && told != "cancelled" && told != "expired":
		return "cancelled"
	}
	return ""
}

// nextChange is the first instant after now at which time alone changes the
// status; zero when it does not.
func nextChange(r ticketingdb.FindMembershipStatesRow, now time.Time) time.Time {
	var next time.Time
	consider := func(at *time.Time) {
		if at != nil && at.After(now) && (next.IsZero() || at.Before(next)) {
			next = *at
		}
	}
	consider(r.ValidFrom)
	consider(r.ValidUntil)
	consider(r.CancelledAt)
	if r.ValidUntil != nil {
		graced := daysFrom(*r.ValidUntil, int(r.GraceDays), r.TimeZone)
		consider(&graced)
		for at := range reminders(r) {
			consider(&at)
		}
	}
	return next
}

func unless(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

const dueAtOnce = 500

// TellDue tells what time alone has changed, of one institution, and returns how
// many memberships were looked at. Running it in several processes is harmless.
func (s *Service) TellDue(ctx context.Context, tenant uuid.UUID) (int, error) {
	return pg.InTxValue(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) (int, error) {
		now := s.clock.Now()
		due, err := s.q.FindDueMemberships(ctx, tx, tenant, now, dueAtOnce)
		if err != nil || len(due) == 0 {
			return 0, err
		}
		return len(due), s.tellMembershipsTx(ctx, tx, tenant, now, due, nil)
	})
}
