package ticketing

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// waitsFor is the description of which somebody has to say who it is, empty where
// nobody is asked.
func waitsFor(rule, inputs *string) string {
	if or(rule, "") != "review" {
		return ""
	}
	return or(inputs, "")
}

// left are the descriptions whose answer orders and accounts of this unit waited
// for and no longer do: they were described anew, deleted, forgotten or decided
// about.
func (u *unit) left() []string {
	out := map[string]bool{}
	add := func(before, now string) {
		if before != now {
			note(out, before)
		}
	}
	for _, o := range u.orders {
		if o.before != nil {
			add(waitsFor(o.before.MatchRule, o.before.MatchInputs), waitsFor(o.row.MatchRule, o.row.MatchInputs))
		}
	}
	for _, e := range u.customers {
		if e.before != nil {
			add(waitsFor(e.before.MatchRule, e.before.MatchInputs), waitsFor(e.now.MatchRule, e.now.MatchInputs))
		}
	}
	return slices.Sorted(maps.Keys(out))
}

// closeLeft closes the reviews whose answer nothing waits for any more. One that
// others wait for is about one of those from here on: what raised it tells of
// somebody else by now, or of nobody.
func (u *unit) closeLeft(ctx context.Context, out *[]events.Entry) error {
	inputs := u.left()
	if len(inputs) == 0 {
		return nil
	}
	tenant := u.source.TenantID
	open, err := u.s.q.LockReviewsLeft(ctx, u.tx, tenant, inputs)
	if err != nil || len(open) == 0 {
		return err
	}
	var asked []string
	var subjects []uuid.UUID
	for _, r := range open {
		asked, subjects = append(asked, r.Inputs), append(subjects, r.SubjectID)
	}
	rows, err := u.s.q.FindWaitingFor(ctx, u.tx, asked, subjects, tenant)
	if err != nil {
		return err
	}
	waiting := map[string]ticketingdb.FindWaitingForRow{}
	for _, w := range rows {
		waiting[w.Inputs] = w
	}
	var done []string
	for _, r := range open {
		w, waits := waiting[r.Inputs]
		switch {
		case !waits:
			done = append(done, r.Inputs)
		case w.ID != r.SubjectID:
			if err := u.s.q.MoveReview(ctx, u.tx, ticketingdb.MoveReviewParams{TenantID: tenant, ID: r.ID, SourceID: w.SourceID, SubjectKind: w.SubjectKind, SubjectID: w.ID, At: u.now}); err != nil {
				return err
			}
		}
	}
	if len(done) == 0 {
		return nil
	}
	settled, err := u.s.q.SettleReviewsOf(ctx, u.tx, u.now, tenant, done)
	for _, r := range settled {
		*out = append(*out, reviewEvent(r, u.sourceName()))
	}
	return err
}
