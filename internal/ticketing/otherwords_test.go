package ticketing_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// What a source says again in other words is unchanged: no version, no event, and
// of the same inputs for whoever decides about them.
func TestTheSameInOtherWordsIsUnchanged(t *testing.T) {
	t.Parallel()
	app := institution(t)
	payment := func(at string) m {
		return m{"payments": []m{{"external_id": "p1", "amount": "20.00", "state": "settled", "method": "card", "at": at}}}
	}
	one := m{"lines": []m{{"external_id": "t1", "amount": "20.00", "state": "valid", "performance": "soir"}}}
	said := func(changes ...m) m {
		d := orderData(m{"buyer": m{"given_name": "Nora", "family_name": "Castellan", "email": "Nora@Courrier.example", "phone": "0612345678"}})
		maps.Copy(d, one)
		for _, c := range changes {
			maps.Copy(d, c)
		}
		return d
	}
	first := send(app.Client,
		record("performance", "soir", t1, m{"starts_at": "2026-12-01T20:00:00+01:00"}),
		record("order", "o1", t1, said(payment("2026-11-01T10:00:00Z"))))[1]
	version := at(app.Client, "order", "o1")["version"]
	again := send(app.Client,
		record("performance", "soir", t2, m{"starts_at": "2026-12-01T19:00:00Z", "status": "scheduled"}),
		record("order", "o1", t2, said(payment("2026-11-01T11:00:00+01:00"))))
	require.Equal(t, []any{"unchanged", "unchanged"}, statuses(again))
	require.Equal(t, version, at(app.Client, "order", "o1")["version"])
	// What was said last stands, so that what comes late is late.
	require.Equal(t, []any{"ignored_stale"}, statuses(send(app.Client, record("order", "o1", t1, said(payment("2026-11-01T12:00:00Z"))))))

	spelt := send(app.Client, record("order", "o1", t3, said(payment("2026-11-01T10:00:00Z"), m{"buyer": m{"given_name": " NORA ", "family_name": "Castellan", "email": "nora@courrier.example", "phone": "+33 6 12 34 56 78"}})))[0]
	require.Equal(t, "updated", spelt["status"], "how the source spells a buyer is kept")
	require.Equal(t, first["match"].(m)["inputs_digest"], spelt["match"].(m)["inputs_digest"])
	parvistest.Eventually(t, "that is told, and nothing else", func() bool {
		return len(app.Get("/v1/events?types=ticketing.order.updated").Data()) == 1
	})
}
