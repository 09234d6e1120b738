package ticketing

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// reminders are the instants at which it is told that a membership ends soon,
// each with how many days that is before its end, as days are counted where it is
// valid. One that is shorter than that is told nothing on the day it begins.
func reminders(r ticketingdb.FindMembershipStatesRow) iter.Seq2[time.Time, int32] {
	return func(yield func(time.Time, int32) bool) {
		if r.ValidUntil == nil {
			return
		}
		for _, days := range r.ReminderDays {
			at := daysFrom(*r.ValidUntil, -int(days), r.TimeZone)
			if (r.ValidFrom == nil || at.After(*r.ValidFrom)) && !yield(at, days) {
				return
			}
		}
	}
}

// daysFrom is an instant so many days later or earlier by the calendar of a time
// zone, where a day on which the clocks change has 23 or 25 hours.
func daysFrom(at time.Time, days int, timeZone string) time.Time {
	zone, err := time.LoadLocation(timeZone)
	if err != nil {
		zone = time.UTC
	}
	return at.In(zone).AddDate(0, 0, days)
}

// reminder is how many days before its end a membership is to be told of now, as
// far as it itself says; zero when not. Of several whose time has come, after an
// interruption or because it was received late, the last one stands for all. One
// that renews itself is told of too: its holder must hear of that in good time
// (Code de la consommation, art. L215-1).
func reminder(r ticketingdb.FindMembershipStatesRow, now time.Time) int32 {
	if r.Deleted || r.Stub || r.Test || r.ValidUntil == nil || !now.Before(*r.ValidUntil) || r.Status != "active" && r.Status != "used_up" {
		return 0
	}
	var out int32
	for at, days := range reminders(r) {
		if !now.Before(at) && (out == 0 || days < out) {
			out = days
		}
	}
	if sameTime(r.RemindedUntil, r.ValidUntil) && or(r.RemindedDays, 0) <= out {
		return 0
	}
	return out
}

// continued are those, of memberships of which it would be told that they end
// soon, that somebody has renewed already.
func (s *Service) continued(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, rows []ticketingdb.FindMembershipStatesRow, now time.Time) (map[uuid.UUID]bool, error) {
	var ending []uuid.UUID
	for _, r := range rows {
		if reminder(r, now) > 0 {
			ending = append(ending, r.ID)
		}
	}
	if len(ending) == 0 {
		return nil, nil
	}
	found, err := s.q.FindContinuedMemberships(ctx, tx, tenant, ending)
	out := map[uuid.UUID]bool{}
	for _, id := range found {
		out[id] = true
	}
	return out, err
}

// inOrder has days in one order, the earliest instant first, so that the same days
// are the same setting.
func inOrder(days []int32) []int32 {
	if days == nil {
		return nil
	}
	out := slices.Clone(days)
	slices.Sort(out)
	slices.Reverse(out)
	return out
}

// daysOr are days as they were given, where they were.
func daysOr(given []int32, otherwise ...int32) []int32 {
	if given != nil {
		return given
	}
	return append([]int32{}, otherwise...)
}
