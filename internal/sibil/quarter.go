package sibil

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Quarter is a quarter of a calendar year, such as 2026-Q4.
type Quarter struct{ Year, Number int }

var quarterForm = regexp.MustCompile(`^([0-9]{4})-Q([1-4])$`)

// ParseQuarter reads a quarter.
func ParseQuarter(text string) (Quarter, bool) {
	found := quarterForm.FindStringSubmatch(text)
	if found == nil || found[1] == "0000" {
		return Quarter{}, false
	}
	year, _ := strconv.Atoi(found[1]) // digits, as the form says
	return Quarter{year, int(found[2][0] - '0')}, true
}

// QuarterOf is the quarter of a day.
func QuarterOf(day time.Time) Quarter { return Quarter{day.Year(), (int(day.Month())-1)/3 + 1} }

func (q Quarter) String() string { return fmt.Sprintf("%04d-Q%d", q.Year, q.Number) }

// First is the first day.
func (q Quarter) First() time.Time {
	return time.Date(q.Year, time.Month(3*q.Number-2), 1, 0, 0, 0, 0, time.UTC)
}

// After is the first day of the next quarter.
func (q Quarter) After() time.Time { return q.First().AddDate(0, 3, 0) }

// Previous is the quarter before.
func (q Quarter) Previous() Quarter { return QuarterOf(q.First().AddDate(0, 0, -1)) }

// DueBefore is the day before which the return is due: the tenth of the first
// month of the next quarter (decree 2017-926 of 9 May 2017).
func (q Quarter) DueBefore() time.Time { return q.After().AddDate(0, 0, 9) }

// ClosedAt reports whether the quarter is over at an instant in a zone.
func (q Quarter) ClosedAt(now time.Time, zone *time.Location) bool {
	return !dayOf(now, zone).Before(q.After())
}

// dayOf is the calendar day of an instant in a zone.
func dayOf(at time.Time, zone *time.Location) time.Time {
	y, m, d := at.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// location reads a zone; what was stored was checked when it came in.
func location(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}
