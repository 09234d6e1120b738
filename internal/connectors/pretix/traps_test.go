package pretix_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// connect makes an institution that reads a shop.
func connect(t *testing.T, v *pretixtest.Server) reader {
	t.Helper()
	app := reader{parvistest.New(t), t}
	app.Post("/v1/ticketing/sources", m{"code": "guichet", "name": "Billetterie", "kind": "pretix"}).Is(201)
	app.Put(base+"/connection", m{"connector": "pretix", "base_url": v.URL, "settings": m{"organizer": v.Organizer}, "secrets": m{"token": v.Token}}).Is(200)
	app.settled()
	return app
}

func (a reader) settled() {
	a.t.Helper()
	parvistest.Eventually(a.t, "a reading that went well", func() bool {
		st := a.Get(base + "/connection").JSON()["state"].(m)
		return st["last_success_at"] != nil && st["status"] == "idle"
	})
}

func (a reader) address() string {
	url := a.Post(base+"/connection/hook-address", nil).Is(201).JSON()["url"].(string)
	return a.URL + parvistest.Here(url)
}

func (a reader) pull(streams ...string) {
	a.Post(base+"/pulls", m{"streams": streams}).Is(202)
}

func hook(id int, action, code string) []byte {
	return fmt.Appendf(nil, `{"notification_id":%d,"organizer":"arcades","event":"saison","code":%q,"action":%q}`, id, code, action)
}

func deliver(t *testing.T, v *pretixtest.Server, address string, body []byte) {
	t.Helper()
	status, err := v.Deliver(address, body)
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, status)
}

// The mark is the vendor's time at the start of the first page, and reading
// begins five minutes before it.
func TestTheMarkIsThePagesOwnTime(t *testing.T) {
	t.Parallel()
	v := shop(t)
	app := connect(t, v)
	app.pull("orders")
	parvistest.Eventually(t, "another reading", func() bool { return len(listed(v)) >= 2 })
	lists := listed(v)
	require.Empty(t, lists[0].Query.Get("modified_since"), "everything, the first time")
	require.Equal(t, "last_modified", lists[0].Query.Get("ordering"))
	require.Equal(t, "true", lists[0].Query.Get("include_canceled_positions"))
	require.Equal(t, "true", lists[0].Query.Get("include_canceled_fees"))
	since, err := time.Parse(time.RFC3339Nano, lists[1].Query.Get("modified_since"))
	require.NoError(t, err)
	generated, err := time.Parse(time.RFC3339Nano, lists[0].Answer.Get("X-Page-Generated"))
	require.NoError(t, err)
	require.WithinDuration(t, generated.Add(-5*time.Minute), since, time.Millisecond)
}

// listed are the requests for the list of orders.
func listed(v *pretixtest.Server) []pretixtest.Request {
	var out []pretixtest.Request
	for _, r := range v.Requests() {
		if strings.HasSuffix(r.Path, "/arcades/orders/") {
			out = append(out, r)
		}
	}
	return out
}

// Orders come while a list is being read, so the pages shift under it.
func TestPagesThatMove(t *testing.T) {
	t.Parallel()
	v := shop(t)
	for i := range 130 {
		v.Put("orders", pretixtest.Order(fmt.Sprintf("O%03d", i), day.Add(time.Duration(i)*time.Second), m{"positions": []any{pretixtest.Position(i+1, 1, 301, "42.50", nil)}}))
	}
	moved := 0
	v.Move(func(page int) {
		if page > 1 && moved < 5 {
			moved++
			v.PutLocked("orders", pretixtest.Order(fmt.Sprintf("NEW%d", moved), day.Add(-time.Duration(moved)*time.Hour), m{"positions": []any{pretixtest.Position(9000+moved, 1, 301, "42.50", nil)}}))
		}
	})
	app := connect(t, v)
	parvistest.Eventually(t, "all that were there", func() bool { return len(app.orders()) >= 130 })
}

// An order that changes while the list is read moves to its end, and all after it
// move up by one: the one that moves onto a page that was read already is not lost.
func TestAnOrderThatMovesToTheEnd(t *testing.T) {
	t.Parallel()
	v := shop(t)
	for i := range 130 {
		v.Put("orders", pretixtest.Order(fmt.Sprintf("O%03d", i), day.Add(time.Duration(i)*time.Hour/100), m{"positions": []any{pretixtest.Position(i+1, 1, 301, "42.50", nil)}}))
	}
	moved := 0
	v.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/arcades/orders/") && moved < 3 {
			if moved++; moved > 1 {
				v.Put("orders", pretixtest.Order(fmt.Sprintf("O%03d", moved), time.Now(), m{"positions": []any{pretixtest.Position(moved+1, 1, 301, "43.50", nil)}}))
			}
		}
		return false
	})
	app := connect(t, v)
	app.settled()
	require.Len(t, app.orders(), 130)
	require.Equal(t, "45.00", amount(app.order("O002"), "due"))
}

// A list may be served by a copy of the database that is behind.
func TestAnOlderPageChangesNothing(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("orders", pretixtest.Order("QK41", day.Add(time.Hour), m{"positions": []any{pretixtest.Position(1, 1, 301, "20.00", nil)}}))
	app := connect(t, v)
	require.Equal(t, "21.50", amount(app.order("QK41"), "due"))
	v.Put("orders", pretixtest.Order("QK41", day, m{"positions": []any{pretixtest.Position(1, 1, 301, "30.00", nil)}}))
	app.Post(base+"/replay", nil).Is(202)
	parvistest.Eventually(t, "another reading", func() bool { return len(listed(v)) >= 2 })
	app.settled()
	require.Equal(t, "21.50", amount(app.order("QK41"), "due"))
}

// Whoever calls for a reading while one goes on gets another, also for what the
// one under way has passed already.
func TestAReplayDuringAReadingIsNotLost(t *testing.T) {
	t.Parallel()
	v := shop(t)
	for i := range 60 { // two pages
		v.Put("orders", pretixtest.Order(fmt.Sprintf("O%03d", i), day.Add(time.Duration(i)*time.Second), m{"fees": []any{}, "positions": []any{pretixtest.Position(i+1, 1, 301, "20.00", nil)}}))
	}
	app := connect(t, v)
	parvistest.Eventually(t, "all of them", func() bool { return len(app.orders()) == 60 })
	app.settled()
	var once sync.Once
	v.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/arcades/orders/") && r.URL.Query().Get("modified_since") != "" {
			once.Do(func() {
				v.Put("orders", pretixtest.Order("O000", day, m{"fees": []any{}, "positions": []any{pretixtest.Position(1, 1, 301, "25.00", nil)}}))
				app.Post(base+"/replay", nil).Is(202)
			})
		}
		return false
	})
	app.Post(base+"/replay", nil).Is(202)
	parvistest.Eventually(t, "what the first page no longer showed", func() bool { return amount(app.order("O000"), "due") == "25.00" })
}

// The same time of change and another content: what is read now is what is so,
// whichever of the two has the greater digest.
func TestAChangeThatMovesNoTime(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("orders", pretixtest.Order("QK41", day, nil))
	app := connect(t, v)
	for i := range 6 {
		price := fmt.Sprintf("%d.00", 20+i)
		v.Put("orders", pretixtest.Order("QK41", day, m{"fees": []any{}, "positions": []any{pretixtest.Position(1, 1, 301, price, nil)}}))
		app.Post(base+"/replay", nil).Is(202)
		parvistest.Eventually(t, "the price "+price, func() bool { return amount(app.order("QK41"), "due") == price })
	}
	app.settled()
	events := app.Get("/v1/ticketing/orders/" + app.orders()["QK41"]["id"].(string)).JSON()["version"]
	app.Post(base+"/replay", nil).Is(202)
	app.settled()
	require.Equal(t, events, app.order("QK41")["version"], "and what is the same stays")
}

func TestATestOrderThatWasDeleted(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("orders", pretixtest.Order("TEST1", day, m{"testmode": true}))
	app := connect(t, v)
	record := func() m { return app.Get(base + "/records/order/saison%2FTEST1").Is(200).JSON() }
	o := app.Get("/v1/ticketing/orders/" + record()["id"].(string)).Is(200).JSON()
	require.Equal(t, true, o["is_test"])
	require.Nil(t, o["contact_id"])
	v.Remove("orders", "saison/TEST1")
	deliver(t, v, app.address(), hook(1, "pretix.event.order.deleted", "TEST1"))
	parvistest.Eventually(t, "the deletion", func() bool { return record()["is_deleted"] == true })
}

// A deletion is looked up, not believed.
func TestADeletionThatIsNotSo(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("orders", pretixtest.Order("QK41", day, nil))
	app := connect(t, v)
	deliver(t, v, app.address(), hook(1, "pretix.event.order.deleted", "QK41"))
	parvistest.Eventually(t, "the look", func() bool { return v.Asked("/events/saison/orders/QK41/") > 0 })
	app.settled()
	require.Len(t, app.orders(), 1)
}

// The ticket keeps its id and changes its order.
func TestASplit(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("orders", pretixtest.Order("AAA", day, m{"fees": []any{}}))
	app := connect(t, v)
	at := time.Now().UTC()
	v.Put("orders", pretixtest.Order("AAA", at, m{"fees": []any{}, "positions": []any{pretixtest.Position(70001, 1, 301, "24.00", nil)}}))
	v.Put("orders", pretixtest.Order("BBB", at, m{"fees": []any{}, "positions": []any{pretixtest.Position(70002, 1, 302, "18.50", nil)}, "payments": []any{}, "status": "n"}))
	deliver(t, v, app.address(), hook(1, "pretix.event.order.changed.split", "AAA"))
	parvistest.Eventually(t, "the split", func() bool {
		return amount(app.order("AAA"), "due") == "24.00" && amount(app.order("BBB"), "due") == "18.50"
	})
	require.Equal(t, "70002", app.order("BBB")["lines"].([]any)[0].(m)["external_id"])
}

// A code is one of its event: two events may have the same.
func TestACodeIsOfItsEvent(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("events", pretixtest.Event("gala", m{"has_subevents": false}))
	v.Put("events/gala/items", pretixtest.Item(401, "Plein tarif", nil))
	v.Put("orders", pretixtest.Order("QK41", day, m{"fees": []any{}, "positions": []any{pretixtest.Position(1, 1, 301, "10.00", nil)}}))
	v.Put("orders", pretixtest.Order("QK41", day, m{"event": "gala", "fees": []any{}, "positions": []any{pretixtest.Position(2, 1, 401, "20.00", m{"subevent": nil})}}))
	app := connect(t, v)
	dues := map[any]string{}
	for _, o := range app.Walk("/v1/ticketing/orders") {
		dues[o["external_id"]] = amount(o, "due")
	}
	require.Equal(t, map[any]string{"saison/QK41": "10.00", "gala/QK41": "20.00"}, dues)
}

// Saving an order moves its time of change, also when nothing of it changed.
func TestATouchedOrderMakesNoEvent(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("orders", pretixtest.Order("QK41", day, nil))
	app := connect(t, v)
	version := app.order("QK41")["version"]
	v.Put("orders", pretixtest.Order("QK41", time.Now(), m{"comment": "rappeler", "checkin_attention": true, "expires": "2027-01-04T22:59:59Z"}))
	lists := len(listed(v))
	app.pull("orders")
	parvistest.Eventually(t, "another reading", func() bool { return len(listed(v)) > lists })
	app.settled()
	require.Equal(t, version, app.order("QK41")["version"])
	require.Empty(t, app.Walk("/v1/events?types=ticketing.order.updated&limit=200"))
}

// What a call names and pretix does not know, after it was asked several times, is
// gone: only a test can be.
func TestAnOrderThatIsNotFoundAfterACall(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("orders", pretixtest.Order("TEST1", day, m{"testmode": true}))
	app := connect(t, v)
	v.Remove("orders", "saison/TEST1")
	deliver(t, v, app.address(), hook(1, "pretix.event.order.modified", "TEST1"))
	parvistest.Eventually(t, "the deletion", func() bool {
		return app.Get(base + "/records/order/saison%2FTEST1").Is(200).JSON()["is_deleted"] == true
	})
	require.Greater(t, v.Asked("/events/saison/orders/TEST1/"), 1, "it may have been told of before it was shown")
}

// Each event has a mark of its own for scans, which begins again twenty minutes
// before; a week after an event nobody asks any more.
func TestTheMarksOfScans(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("events", pretixtest.Event("jadis", m{"has_subevents": false, "date_from": time.Now().AddDate(0, 0, -8).Format(time.RFC3339)}))
	v.Put("events", pretixtest.Event("hier", m{"has_subevents": false, "date_from": time.Now().AddDate(0, 0, -6).Format(time.RFC3339)}))
	for i, event := range []string{"saison", "hier", "jadis"} {
		v.Put("events/"+event+"/checkins", m{"id": i + 1, "successful": true, "position": nil, "datetime": "2026-10-24T18:05:00Z", "created": fmt.Sprintf("2026-10-24T18:0%d:01Z", i), "list": 5, "type": "entry"})
	}
	s := session(t, v, nil)
	records, mark := read(t, s, "checkins", port.Since{})
	require.Len(t, records, 3)
	read(t, s, "checkins", port.Since{At: mark.At, Token: mark.Token})
	since := map[string][]string{}
	for _, r := range v.Requests() {
		if event, ok := strings.CutSuffix(r.Path, "/checkins/"); ok {
			since[event[strings.LastIndexByte(event, '/')+1:]] = append(since[event[strings.LastIndexByte(event, '/')+1:]], r.Query.Get("created_since"))
		}
	}
	require.Equal(t, map[string][]string{"saison": {"", "2026-10-24T17:40:01.000000Z"}, "hier": {"", "2026-10-24T17:41:01.000000Z"}, "jadis": {""}}, since)
}

// Marks are by pretix' own clock, whatever ours says.
func TestAClockThatIsWrong(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"behind": -2 * time.Hour, "ahead": 2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := shop(t)
			v.Clock(ahead)
			v.Put("orders", pretixtest.Order("QK41", time.Now().Add(ahead-time.Hour), nil))
			s := session(t, v, nil)
			marks := map[string]port.Mark{}
			for _, stream := range []string{"orders", "checkins", "customers"} {
				_, marks[stream] = read(t, s, stream, port.Since{})
			}
			there := time.Now().Add(ahead)
			v.Put("orders", pretixtest.Order("QK42", there, nil))
			v.Put("customers", pretixtest.Customer("Q7XW", "mael.lebihan@courrier.example", "Maël", "Le Bihan", there, nil))
			v.Put("events/saison/checkins", m{"id": 1, "successful": true, "position": nil, "datetime": there.Format(time.RFC3339Nano), "created": there.Format(time.RFC3339Nano), "list": 5, "type": "entry"})
			for stream, mark := range marks {
				records, _ := read(t, s, stream, port.Since{At: mark.At.Add(-5 * time.Minute), Token: mark.Token})
				require.Len(t, records, 1, "%s: what is new, and nothing else", stream)
			}
		})
	}
}

// A refund can put a paid order back without a word: the poll finds it.
func TestBackToPendingWithoutAHook(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("orders", pretixtest.Order("QK41", day, nil))
	app := connect(t, v)
	require.Equal(t, "confirmed", app.order("QK41")["commercial_state"])
	v.Put("orders", pretixtest.Order("QK41", time.Now(), m{"status": "n", "payments": []any{pretixtest.Payment(1, "refunded", "44.00", nil)}, "refunds": []any{pretixtest.Refund(1, "done", "44.00", nil)}}))
	app.pull("orders")
	parvistest.Eventually(t, "the change", func() bool { return app.order("QK41")["commercial_state"] == "reserved" })
	require.Equal(t, "refunded", app.order("QK41")["payment_state"])
	require.Equal(t, "0.00", amount(app.order("QK41"), "net"))
}

// Nobody's name is overwritten by who shares an address, and nobody's account
// comes back once it was anonymised.
func TestPeople(t *testing.T) {
	t.Parallel()
	v := shop(t)
	family := func(id int, given string) m {
		return pretixtest.Position(id, id, 301, "10.00", m{"attendee_name_parts": m{"_scheme": "given_family", "given_name": given, "family_name": "Kermarrec"}, "attendee_email": "famille@courrier.example"})
	}
	v.Put("customers", pretixtest.Customer("Q7XW", "mael.lebihan@courrier.example", "Maël", "Le Bihan", day, nil))
	v.Put("orders", pretixtest.Order("QK41", day, m{"customer": "Q7XW", "fees": []any{}, "positions": []any{family(1, "Solène"), family(2, "Yann"), family(3, "Inès")}}))
	app := connect(t, v)
	o := app.order("QK41")
	buyer := app.Get("/v1/contacts/" + o["contact_id"].(string)).Is(200).JSON()
	require.Equal(t, "Maël", buyer["given_name"])
	for i, l := range o["lines"].([]any) {
		require.NotEqual(t, o["contact_id"], l.(m)["holder_contact_id"], "%d", i)
	}
	v.Put("customers", pretixtest.Customer("Q7XW", "", "", "", time.Now(), m{"email": nil, "name": "", "name_parts": m{}, "is_active": false}))
	deliver(t, v, app.address(), []byte(`{"notification_id":1,"organizer":"arcades","customer":"Q7XW","action":"pretix.customer.anonymized"}`))
	blank := func() bool { return app.Get(base + "/records/customer/Q7XW").JSON()["is_deleted"] == true }
	parvistest.Eventually(t, "the account is blank", blank)
	app.pull("customers")
	app.settled()
	require.True(t, blank(), "the next scan does not bring it back")
}

// Scanning touches no order: scans have a mark of their own. Refused, unknown,
// annulled and late ones are all scans.
func TestScans(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("orders", pretixtest.Order("QK41", day, m{"positions": []any{
		pretixtest.Position(70001, 1, 301, "24.00", m{"attendee_name_parts": m{"_scheme": "given_family", "given_name": "Maël", "family_name": "Le Bihan"}, "attendee_email": "mael.lebihan@courrier.example"}),
		pretixtest.Position(70002, 2, 302, "18.50", nil),
	}}))
	v.Put("events/saison/checkinlists", m{"id": 5, "name": "Entrée", "subevent": 51})
	scan := func(id int, changes m) {
		s := m{"id": id, "successful": true, "error_reason": nil, "error_explanation": nil, "position": 70001, "datetime": "2026-10-24T18:05:00Z", "created": "2026-10-24T18:05:01Z", "list": 5, "auto_checked_in": false, "gate": nil, "device": 1, "device_id": 1, "type": "entry"}
		maps.Copy(s, changes)
		v.Put("events/saison/checkins", s)
	}
	scan(1, nil)
	scan(2, m{"successful": false, "error_reason": "already_redeemed", "created": "2026-10-24T18:06:00Z"})
	scan(3, m{"position": nil, "successful": false, "error_reason": "invalid", "created": "2026-10-24T18:07:00Z"})
	scan(4, m{"type": "exit", "created": "2026-10-24T20:07:00Z"})
	scan(5, m{"position": 70002, "datetime": "2026-10-24T18:04:00Z", "created": "2026-10-25T07:00:00Z"})
	app := connect(t, v)
	parvistest.Eventually(t, "five scans", func() bool { return len(app.Walk("/v1/ticketing/scans")) == 5 })
	for _, s := range app.Walk("/v1/ticketing/scans") {
		switch s["external_id"] {
		case "1":
			require.Equal(t, "accepted", s["result"])
		case "2":
			require.Equal(t, "refused", s["result"])
			require.Equal(t, "already_redeemed", s["reason"])
		case "3":
			require.Nil(t, s["ticket_id"])
		case "4":
			require.Equal(t, "exit", s["direction"])
		}
	}
	visits := func() []m {
		return app.Walk("/v1/contacts/" + app.order("QK41")["contact_id"].(string) + "/attendances")
	}
	parvistest.Eventually(t, "the visit", func() bool { return len(visits()) == 1 })
	require.Equal(t, "2026-10-24T18:05:00Z", visits()[0]["attended_at"], "once, by the first good entry; going out is no visit")
	// Annulled a moment later, which moves no time.
	scan(5, m{"position": 70002, "datetime": "2026-10-24T18:04:00Z", "created": "2026-10-25T07:00:00Z", "successful": false, "error_reason": "annulled"})
	deliver(t, v, app.address(), []byte(`{"notification_id":9,"organizer":"arcades","event":"saison","code":"QK41","orderposition_id":70002,"checkin_list":5,"type":"entry","first_checkin":null,"action":"pretix.event.checkin.reverted"}`))
	parvistest.Eventually(t, "the annulment", func() bool {
		for _, s := range app.Walk("/v1/ticketing/scans") {
			if s["external_id"] == "5" && s["result"] == "annulled" {
				return true
			}
		}
		return false
	})
}

func TestMembershipsAndGiftCards(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("customers", pretixtest.Customer("Q7XW", "mael.lebihan@courrier.example", "Maël", "Le Bihan", day, nil))
	v.Put("membershiptypes", m{"id": 3, "name": m{"fr": "Carte Arcades"}, "transferable": false, "allow_parallel_usage": false, "max_usages": nil})
	v.Put("memberships", m{"id": 11, "testmode": false, "customer": "Q7XW", "membership_type": 3, "date_start": "2026-09-01T00:00:00+02:00", "date_end": "2027-08-31T23:59:59+02:00", "attendee_name_parts": m{"_scheme": "given_family", "given_name": "Maël", "family_name": "Le Bihan"}})
	v.Put("giftcards", m{"id": 9, "secret": "QZ7GABIANS", "issuance": "2026-11-01T09:00:00Z", "value": "35.00", "currency": "EUR", "testmode": false, "expires": nil, "conditions": nil, "owner_ticket": nil, "issuer": "arcades"})
	v.Put("giftcards/9/transactions", m{"id": 91, "datetime": "2026-11-01T09:00:00Z", "value": "50.00", "event": nil, "order": nil, "text": nil, "acceptor": "arcades"})
	v.Put("giftcards/9/transactions", m{"id": 92, "datetime": "2026-11-02T09:00:00Z", "value": "-15.00", "event": "saison", "order": "QK41", "text": nil, "acceptor": "arcades"})
	app := connect(t, v)
	parvistest.Eventually(t, "the membership", func() bool { return len(app.Walk("/v1/ticketing/memberships")) == 1 })
	parvistest.Eventually(t, "the card", func() bool { return len(app.Walk("/v1/ticketing/gift-cards")) == 1 })
	card := app.Walk("/v1/ticketing/gift-cards")[0]
	require.Contains(t, fmt.Sprint(card), "35.00")
	require.Contains(t, fmt.Sprint(card), "IANS")
	require.NotContains(t, fmt.Sprint(card), "QZ7GABIANS")
	notInDatabase(t, app, "QZ7GABIANS")

	// The scan reads a card's ledger only when the card has changed; a webhook names it.
	ledgers := v.Asked("/giftcards/9/transactions/")
	app.pull("gift_cards")
	app.settled()
	require.Equal(t, ledgers, v.Asked("/giftcards/9/transactions/"))
	v.Put("giftcards", m{"id": 9, "secret": "QZ7GABIANS", "value": "20.00", "currency": "EUR", "testmode": false, "expires": nil, "owner_ticket": nil, "issuer": "arcades"})
	v.Put("giftcards/9/transactions", m{"id": 93, "datetime": "2026-11-03T09:00:00Z", "value": "-15.00", "event": nil, "order": nil})
	deliver(t, v, app.address(), []byte(`{"notification_id":3,"issuer_id":1,"giftcard":9,"acceptor_id":1,"action":"pretix.giftcards.transaction.payment"}`))
	parvistest.Eventually(t, "the balance", func() bool { return strings.Contains(fmt.Sprint(app.Walk("/v1/ticketing/gift-cards")), "20.00") })
}

func notInDatabase(t *testing.T, app reader, secret string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	_, err = conn.Exec(t.Context(), "set app.sight = '*'")
	require.NoError(t, err)
	rows, err := conn.Query(t.Context(), "select table_name from information_schema.tables where table_schema = 'crm' and table_type = 'BASE TABLE'")
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, table := range tables {
		var n int
		require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from crm."+table+" t where strpos(t::text, $1) > 0", secret).Scan(&n))
		require.Zero(t, n, table)
	}
}

// A vendor that allows 360 requests a minute is enough for far more orders, as
// calls are gathered and lists are read.
func TestManyOrdersWithinAFewRequests(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Limit(360)
	app := connect(t, v)
	address := app.address()
	before := len(v.Requests())
	const n = 300
	for i := range n {
		code := fmt.Sprintf("R%03d", i)
		v.Put("orders", pretixtest.Order(code, time.Now(), m{"positions": []any{pretixtest.Position(i+1, 1, 301, "42.50", nil)}}))
		deliver(t, v, address, hook(i+1, "pretix.event.order.placed", code))
	}
	parvistest.Eventually(t, "all orders", func() bool { return len(app.orders()) == n })
	require.Less(t, len(v.Requests())-before, n, "fewer requests than orders")
	for _, r := range v.Requests() {
		require.NotEqual(t, http.StatusTooManyRequests, r.Status)
	}
}

// While the database is held up a vendor is not: it is told to come again, in
// good time, and never sent elsewhere or away.
func TestTheAnswerToAHookDoesNotWaitForTheDatabase(t *testing.T) {
	t.Parallel()
	v := shop(t)
	app := connect(t, v)
	address := app.address()
	deliver(t, v, address, hook(1, "pretix.event.order.paid", "QK41"))
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "lock table crm.connector_messages in access exclusive mode")
	require.NoError(t, err)
	began := time.Now()
	status, err := v.Deliver(address, hook(2, "pretix.event.order.paid", "QK41"))
	require.NoError(t, err)
	require.Less(t, time.Since(began), 2*time.Second)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.NoError(t, tx.Rollback(t.Context()))
	deliver(t, v, address, hook(2, "pretix.event.order.paid", "QK41"))
}

// An order of another form than documented keeps none of the others back: it is a
// dead letter, and is read when pretix shows it as it should be.
func TestAStrangeOrderHoldsNothingUp(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("orders", pretixtest.Order("AA11", day, nil))
	v.Put("orders", pretixtest.Order("QK41", day.Add(time.Minute), m{"positions": "none", "fees": 5}))
	v.Put("orders", pretixtest.Order("ZZ99", day.Add(2*time.Minute), nil))
	app := connect(t, v)
	app.settled()
	require.Len(t, app.orders(), 2)
	letters := app.Get(base + "/dead-letters").Data()
	require.Len(t, letters, 1)
	require.Equal(t, []any{"order", "saison/QK41", "open"}, []any{letters[0]["kind"], letters[0]["external_id"], letters[0]["status"]})
	address := app.address()
	deliver(t, v, address, hook(1, "pretix.event.order.changed.address", "QK41"))
	app.settled()
	require.Len(t, app.Get(base+"/dead-letters").Data(), 1)
	v.Put("orders", pretixtest.Order("QK41", day.Add(time.Hour), nil))
	app.Post(base+"/dead-letters/"+letters[0]["id"].(string)+"/retry", nil).Is(202)
	parvistest.Eventually(t, "the order", func() bool { return len(app.orders()) == 3 })
}

func TestUnknownActionsMakeUsLook(t *testing.T) {
	t.Parallel()
	v := shop(t)
	app := connect(t, v)
	v.Put("orders", pretixtest.Order("QK41", time.Now(), nil))
	deliver(t, v, app.address(), []byte(`{"notification_id":1,"organizer":"arcades","event":"saison","action":"pretix.plugin.of.tomorrow","anything":{"a":[1]}}`))
	parvistest.Eventually(t, "the order", func() bool { return len(app.orders()) == 1 })
}
