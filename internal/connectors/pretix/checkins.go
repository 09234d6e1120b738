package pretix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

type checkin struct {
	ID          int64      `json:"id"`
	Successful  *bool      `json:"successful"`
	ErrorReason *string    `json:"error_reason"`
	Position    *int64     `json:"position"`
	DateTime    *time.Time `json:"datetime"`
	Created     *time.Time `json:"created"`
	List        int64      `json:"list"`
	Gate        *int64     `json:"gate"`
	Type        string     `json:"type"`
}

const (
	// checkinOverlap is how far before its mark an event is read again: a scan may be
	// annulled for a quarter of an hour, which moves no time.
	checkinOverlap = 20 * time.Minute
	// checkinEnd is how long after an event scans are still asked for: devices may
	// have been off line.
	checkinEnd = 7 * 24 * time.Hour
)

// readCheckins reads scans by a mark of each event's own: scanning does not
// touch the order, and there is no list over events.
func (s *session) readCheckins(ctx context.Context, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	marks := map[string]time.Time{}
	_ = json.Unmarshal([]byte(since.Token), &marks) // nothing, or what was written here
	now := map[string]time.Time{}
	var events []event
	generated, err := s.walk(ctx, s.path("events"), url.Values{"page_size": {"50"}}, func(results []json.RawMessage) error {
		for _, raw := range results {
			e, err := port.Decode[event](raw)
			if err != nil {
				return err
			}
			s.events[e.Slug] = e
			if s.reads(e.Slug) && (marks[e.Slug].IsZero() || s.scansGoOn(e)) {
				events = append(events, e)
			} else if at, ok := marks[e.Slug]; ok {
				now[e.Slug] = at
			}
		}
		return nil
	})
	if err != nil {
		return port.Mark{}, err
	}
	for _, e := range events {
		at, err := s.readScans(ctx, e.Slug, marks[e.Slug], yield)
		if err != nil {
			return port.Mark{}, err
		}
		now[e.Slug] = at
	}
	token, err := json.Marshal(now)
	return port.Mark{At: generated, Token: string(token)}, err
}

// scansGoOn tells whether an event may still have scans: a series always, since
// dates are added to it.
func (s *session) scansGoOn(e event) bool {
	last := first(e.DateTo, e.DateFrom)
	return e.HasSubevents || last == nil || s.c.Now().Sub(*last) < checkinEnd
}

// readScans reads the scans of an event from a mark, and returns the next one.
func (s *session) readScans(ctx context.Context, slug string, mark time.Time, yield func(port.Page) error) (time.Time, error) {
	dates, err := s.lists(ctx, slug)
	if err != nil {
		return mark, err
	}
	query := url.Values{"ordering": {"created"}, "page_size": {"50"}}
	if !mark.IsZero() {
		query.Set("created_since", mark.Add(-checkinOverlap).UTC().Format(stamp))
	}
	generated, err := s.walk(ctx, s.path("events", slug, "checkins"), query, func(results []json.RawMessage) error {
		var records []port.Record
		for _, raw := range results {
			c, err := port.Decode[checkin](raw)
			if err != nil {
				return err
			}
			if c.Created != nil && c.Created.After(mark) {
				mark = *c.Created
			}
			if r, ok := scanRecord(c, dates[c.List]); ok {
				records = append(records, r)
			}
		}
		return yield(port.Page{Records: records})
	})
	if mark.IsZero() {
		mark = generated // by the vendor's clock, as are the times of scans
	}
	return mark, err
}

// lists gives the performance that each check-in list is for, empty where it is
// for all.
func (s *session) lists(ctx context.Context, slug string) (map[int64]string, error) {
	out := map[int64]string{}
	_, err := s.walk(ctx, s.path("events", slug, "checkinlists"), url.Values{"page_size": {"50"}}, func(results []json.RawMessage) error {
		for _, raw := range results {
			l, err := port.Decode[struct {
				ID       int64  `json:"id"`
				Subevent *int64 `json:"subevent"`
			}](raw)
			if err != nil {
				return err
			}
			if l.Subevent != nil {
				out[l.ID] = fmt.Sprintf("%s/%d", slug, *l.Subevent)
			}
		}
		return nil
	})
	if errors.Is(err, port.ErrGone) {
		return out, nil
	}
	return out, err
}

// scanRecord: lists inside positions hold successful scans only; here are the
// refused, the unknown and the annulled ones too.
func scanRecord(c checkin, performance string) (port.Record, bool) {
	at := first(c.DateTime, c.Created)
	if at == nil {
		return port.Record{}, false
	}
	d := port.ScanData{Performance: performance, OccurredAt: *at, RecordedAt: c.Created, Direction: "entry", Result: "accepted"}
	if c.Position != nil {
		d.Ticket = strconv.FormatInt(*c.Position, 10)
	}
	if c.Type == "exit" {
		d.Direction = "exit"
	}
	if c.Successful != nil && !*c.Successful {
		d.Result, d.Reason = "refused", text(c.ErrorReason)
		if d.Reason == "annulled" {
			d.Result, d.Reason = "annulled", ""
		}
	}
	if c.Gate != nil {
		d.Gate = strconv.FormatInt(*c.Gate, 10)
	}
	return port.Record{Kind: port.Scan, ExternalID: strconv.FormatInt(c.ID, 10), Data: d}, true
}
