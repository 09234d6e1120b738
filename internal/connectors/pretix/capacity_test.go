package pretix_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
)

// How many may be let in follows from quotas where they say it, and is left out
// where they do not.
func TestCapacities(t *testing.T) {
	t.Parallel()
	quota := func(size any, items, variations []any, date any) m {
		return m{"name": "Salle", "size": size, "items": items, "variations": variations, "subevent": date, "closed": false}
	}
	full, student, both := []any{301}, []any{7}, []any{301, 302, 304}
	hall := int32(200)
	for name, c := range map[string]struct {
		quotas []m
		want   *int32
	}{
		"none":                            {nil, nil},
		"one for all":                     {[]m{quota(200, both, student, 51)}, &hall},
		"without limit":                   {[]m{quota(nil, both, student, 51)}, nil},
		"shared out":                      {[]m{quota(150, full, []any{}, 51), quota(50, []any{302}, student, 51)}, &hall},
		"a limit within the hall":         {[]m{quota(200, both, student, 51), quota(20, []any{302}, student, 51)}, &hall},
		"what is shared out is less":      {[]m{quota(900, both, student, 51), quota(150, full, []any{}, 51), quota(50, []any{302}, student, 51)}, &hall},
		"part of it without limit":        {[]m{quota(150, full, []any{}, 51), quota(nil, []any{302}, student, 51)}, nil},
		"of goods only":                   {[]m{quota(40, []any{304}, []any{}, 51)}, nil},
		"of another date":                 {[]m{quota(40, both, student, 52)}, nil},
		"what nobody can buy counts not":  {[]m{quota(200, full, []any{}, 51)}, &hall},
		"a variation that nobody can buy": {[]m{quota(200, []any{301, 302}, []any{}, 51)}, &hall},
		"they overlap":                    {[]m{quota(100, full, []any{}, 51), quota(30, []any{301}, []any{}, 51), quota(50, []any{302}, student, 51)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := shop(t)
			for i, q := range c.quotas {
				q["id"] = 900 + i
				v.Put("events/saison/quotas", q)
			}
			capacityOf := func(records []port.Record) *int32 {
				for _, r := range records {
					if d, ok := r.Data.(port.PerformanceData); ok && r.ExternalID == "saison/51" {
						return d.Capacity
					}
				}
				require.Fail(t, "no such date")
				return nil
			}
			records, _ := read(t, session(t, v, nil), "catalogue", port.Since{})
			require.Equal(t, c.want, capacityOf(records))
			alone, err := session(t, v, nil).Fetch(t.Context(), port.Performance, "saison/51")
			require.NoError(t, err)
			require.Equal(t, c.want, capacityOf(alone), "one by one it is the same, or it would change each time")
		})
	}
}

// An event without dates is its own, and what was over long ago is read once.
func TestEventsWithoutDates(t *testing.T) {
	t.Parallel()
	v := pretixtest.New(t)
	v.Put("events", pretixtest.Event("gala", m{"has_subevents": false}))
	v.Put("events/gala/items", pretixtest.Item(301, "Plein tarif", nil))
	v.Put("events/gala/quotas", m{"id": 1, "size": 80, "items": []any{301}, "variations": []any{}, "subevent": nil})
	v.Put("events", pretixtest.Event("jadis", m{"has_subevents": false, "date_from": "2024-05-02T19:00:00Z"}))
	v.Put("events/jadis/items", pretixtest.Item(311, "Plein tarif", nil))
	s := session(t, v, nil)
	records, mark := read(t, s, "catalogue", port.Since{})
	dates := map[string]*int32{}
	for _, r := range records {
		if d, ok := r.Data.(port.PerformanceData); ok {
			dates[r.ExternalID] = d.Capacity
		}
	}
	seats := int32(80)
	require.Equal(t, map[string]*int32{"gala": &seats, "jadis": nil}, dates)
	alone, err := s.Fetch(t.Context(), port.Performance, "gala")
	require.NoError(t, err)
	for _, r := range alone {
		require.Contains(t, records, r, "one by one it is the same")
	}
	asked := v.Asked("/events/jadis/items/")
	_, _ = read(t, s, "catalogue", port.Since{At: mark.At})
	require.Equal(t, asked, v.Asked("/events/jadis/items/"))
}
