package ticketing

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Warning is something that was taken in though it could have meant two things.
type Warning struct{ Code, Pointer string }

const (
	ambiguousTime = "ambiguous-local-time"
	skippedTime   = "skipped-local-time"
)

// moments are the members of records that hold an instant.
var moments = map[string]bool{
	"starts_at": true, "ends_at": true, "admission_at": true, "placed_at": true, "at": true, "occurred_at": true, "recorded_at": true,
	"valid_from": true, "valid_to": true, "expires_at": true, "cancelled_at": true,
	"valid_until": true, "issued_at": true,
}

// lasting are those of them that, where they are a day, mean its end.
var lasting = map[string]bool{"valid_to": true, "expires_at": true, "valid_until": true}

// localTime is a reader of the times in one record.
type localTime struct {
	zone     *time.Location
	warnings []Warning
	wrong    []string
}

// read copies a record with its times as instants: one without an offset is of
// the source's time zone, and one that is all zeros is none.
func (l *localTime) read(node any, pointer string) any {
	switch node := node.(type) {
	case map[string]any:
		out := make(map[string]any, len(node))
		for name, v := range node {
			at := pointer + "/" + name
			text, isText := v.(string)
			switch {
			case moments[name] && isText:
				out[name] = l.moment(text, name, at)
			case name == "name": // languages, which may be called anything
				out[name] = v
			default:
				out[name] = l.read(v, at)
			}
		}
		return out
	case []any:
		out := make([]any, len(node))
		for i, v := range node {
			out[i] = l.read(v, pointer+"/"+strconv.Itoa(i))
		}
		return out
	}
	return node
}

func (l *localTime) moment(text, name, pointer string) any {
	if strings.HasPrefix(text, "0000-00-00") {
		return nil
	}
	at, warning, ok := readMoment(text, l.zone, lasting[name])
	if !ok {
		l.wrong = append(l.wrong, pointer)
		return nil
	}
	if warning != "" {
		l.warnings = append(l.warnings, Warning{warning, pointer})
	}
	return at.Format(time.RFC3339Nano)
}

var local = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)?)?$`)

// readMoment reads an instant of RFC 3339, or a local date or time of a zone. Of
// an hour that comes twice the first is meant; one that is left out is as far
// after the last hour before the gap.
func readMoment(text string, zone *time.Location, endOfDay bool) (time.Time, string, bool) {
	if at, err := time.Parse(time.RFC3339Nano, strings.ToUpper(strings.Replace(text, " ", "T", 1))); err == nil {
		return at.UTC(), "", true
	}
	parts := local.FindStringSubmatch(text)
	if parts == nil {
		return time.Time{}, "", false
	}
	clock := "00:00"
	if parts[2] != "" {
		clock = parts[2]
	}
	seconds := ":00"
	if parts[3] != "" {
		seconds = parts[3]
	}
	wall, err := time.Parse("2006-01-02T15:04:05.999999999", parts[1]+"T"+clock+seconds)
	if err != nil {
		return time.Time{}, "", false
	}
	if parts[2] == "" && endOfDay {
		wall = wall.AddDate(0, 0, 1)
	}
	return inZone(wall, zone, parts[2] != "")
}

// inZone is the instant of a wall clock, given as if it were UTC.
func inZone(wall time.Time, zone *time.Location, warn bool) (time.Time, string, bool) {
	offset := func(at time.Time) time.Duration {
		_, seconds := at.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	before, after := offset(wall.Add(-26*time.Hour)), offset(wall.Add(26*time.Hour))
	first, second := wall.Add(-before), wall.Add(-after)
	shows := func(at time.Time) bool { return at.Add(offset(at)).Equal(wall) }
	warning := ""
	switch {
	case before == after:
		return first, "", true
	case shows(first) && shows(second):
		if warning = ambiguousTime; second.Before(first) {
			first = second
		}
	case shows(first):
		return first, "", true
	case shows(second):
		return second, "", true
	default:
		warning = skippedTime
	}
	if !warn {
		warning = ""
	}
	return first, warning, true
}
