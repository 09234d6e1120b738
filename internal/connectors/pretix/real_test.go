package pretix_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// realPretix is a pretix of the version that tools/pretix names, running here on a
// database of its own.
type realPretix struct {
	t    *testing.T
	dir  string // where it was installed
	url  string
	cfg  string
	seed struct {
		Token          string `json:"token"`
		Organizer      string `json:"organizer"`
		Event          string `json:"event"`
		Full           int    `json:"full"`
		Reduced        int    `json:"reduced"`
		Programme      int    `json:"programme"`
		Dates          []int  `json:"dates"`
		CheckinLists   []int  `json:"checkin_lists"`
		Question       int    `json:"question"`
		MembershipType int    `json:"membership_type"`
	}
}

func startPretix(t *testing.T) *realPretix {
	t.Helper()
	dir := os.Getenv("PARVIS_TEST_PRETIX")
	if dir == "" {
		t.Skip("no pretix: make test-pretix installs one")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	r := &realPretix{t: t, dir: dir, url: "http://" + address, cfg: filepath.Join(t.TempDir(), "pretix.cfg")}
	data := t.TempDir()
	empty, err := os.ReadFile(filepath.Join(dir, "empty.sqlite3"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(data, "db.sqlite3"), empty, 0o600))
	require.NoError(t, os.WriteFile(r.cfg, fmt.Appendf(nil, `[pretix]
url=%s
datadir=%s
allow_http_to_private_networks=true
ecb_rates=false
[database]
backend=sqlite3
[mail]
host=127.0.0.1
port=9
[django]
debug=true
`, r.url, data), 0o600))
	require.NoError(t, json.Unmarshal(r.python("seed.py"), &r.seed))
	server := r.command("-m", "pretix", "runserver", "--noreload", "--insecure", address)
	log := &bytes.Buffer{}
	server.Stdout, server.Stderr = log, log
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	deadline := time.Now().Add(2 * time.Minute)
	for {
		response, err := http.Get(r.url + "/api/v1/version")
		if err == nil {
			_ = response.Body.Close()
			return r
		}
		if time.Now().After(deadline) {
			require.Fail(t, "pretix does not answer", log.String())
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (r *realPretix) command(args ...string) *exec.Cmd {
	c := exec.CommandContext(r.t.Context(), filepath.Join(r.dir, "venv", "bin", "python"), args...)
	c.Env = append(os.Environ(), "PRETIX_CONFIG_FILE="+r.cfg, "DJANGO_SETTINGS_MODULE=pretix.settings", "PYTHONWARNINGS=ignore")
	return c
}

// python runs a script of tools/pretix in pretix' interpreter and returns the
// last line of what it prints.
func (r *realPretix) python(script string, args ...string) []byte {
	r.t.Helper()
	root, err := filepath.Abs("../../..")
	require.NoError(r.t, err)
	c := r.command(append([]string{filepath.Join(root, "tools", "pretix", script)}, args...)...)
	var failure bytes.Buffer
	c.Stderr = &failure
	out, err := c.Output()
	require.NoError(r.t, err, failure.String())
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return lines[len(lines)-1]
}

// call uses pretix' own interface, as its back office does.
func (r *realPretix) call(method, path string, body any) m {
	r.t.Helper()
	return r.send(method, path, body, 300)
}

// call400 is call where pretix may say no.
func (r *realPretix) call400(method, path string, body any) m {
	r.t.Helper()
	return r.send(method, path, body, 500)
}

func (r *realPretix) send(method, path string, body any, below int) m {
	r.t.Helper()
	var payload io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		require.NoError(r.t, err)
		payload = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.url+"/api/v1/organizers/"+r.seed.Organizer+path, payload)
	require.NoError(r.t, err)
	request.Header.Set("Authorization", "Token "+r.seed.Token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(r.t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(r.t, err)
	require.Less(r.t, response.StatusCode, below, "%s %s: %s", method, path, raw)
	out := m{}
	if len(raw) > 0 {
		require.NoError(r.t, json.Unmarshal(raw, &out), string(raw))
	}
	return out
}

func (r *realPretix) position(item int, changes m) m {
	p := m{"item": item, "subevent": r.seed.Dates[0], "attendee_name_parts": m{"given_name": "Maël", "family_name": "Le Bihan"}, "attendee_email": nil, "answers": []any{}}
	maps.Copy(p, changes)
	return p
}

func (r *realPretix) order(changes m, positions ...m) m {
	body := m{
		"email": "mael.lebihan@courrier.example", "phone": nil, "locale": "fr", "sales_channel": "web", "status": "p", "payment_provider": "manual", "simulate": false, "send_email": false,
		"invoice_address": m{"is_business": false, "company": "", "name_parts": m{"_scheme": "given_family", "given_name": "Maël", "family_name": "Le Bihan"}, "street": "8 rue du Port", "zipcode": "29200", "city": "Brest", "country": "FR"},
		"fees":            []any{}, "positions": positions,
	}
	maps.Copy(body, changes)
	if body["email"] == nil {
		delete(body, "invoice_address")
	}
	return r.call("POST", "/events/"+r.seed.Event+"/orders/", body)
}

func (r *realPretix) at(order m) string {
	return "/events/" + r.seed.Event + "/orders/" + order["code"].(string) + "/"
}

const base = "/v1/ticketing/sources/guichet"

// reader is an institution that reads a real pretix.
type reader struct {
	*parvistest.App
	t *testing.T
}

func (a reader) orders() map[string]m {
	out := map[string]m{}
	for _, o := range a.Walk("/v1/ticketing/orders") {
		if number, ok := o["number"].(string); ok {
			out[number] = o
		}
	}
	return out
}

func (a reader) order(code string) m {
	o, ok := a.orders()[code]
	if !ok {
		return m{}
	}
	return a.Get("/v1/ticketing/orders/" + o["id"].(string)).Is(200).JSON()
}

func amount(o m, name string) string {
	totals, ok := o["totals"].(m)
	if !ok {
		return ""
	}
	return totals[name].(m)["amount"].(string)
}

func (a reader) soon(what string, condition func() bool) {
	a.t.Helper()
	deadline := time.Now().Add(40 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			c := a.Get(base + "/connection").JSON()
			letters := a.Get(base + "/dead-letters").JSON()
			require.Fail(a.t, "waited in vain for "+what, "%v\n%v", c["state"], letters)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// compare runs a comparison and returns its result.
func (a reader) compare() m {
	a.t.Helper()
	o := a.Post(base+"/reconciliations", m{"from": "2020-01-01T00:00:00Z", "to": "2040-01-01T00:00:00Z"}).Is(202)
	var out m
	a.soon("the comparison", func() bool {
		out = a.Get("/v1/operations/" + o.ID()).Is(200).JSON()
		return out["status"] != "queued" && out["status"] != "running"
	})
	require.Equal(a.t, "succeeded", out["status"], "%v", out["problem"])
	return out["result"].(m)
}

func (a reader) command(kind string, data m) m {
	a.t.Helper()
	id := a.Post(base+"/commands", m{"kind": kind, "data": data}).Is(202).ID()
	var out m
	a.soon(kind, func() bool {
		out = a.Get(base + "/commands/" + id).Is(200).JSON()
		return out["status"] == "confirmed" || out["status"] == "rejected"
	})
	require.Equal(a.t, "confirmed", out["status"], "%v", out["error"])
	return out
}

func TestARealPretix(t *testing.T) {
	r := startPretix(t)
	hands := &ahead{}
	app := reader{parvistest.New(t, parvistest.WithClock(hands)), t}
	app.Post("/v1/ticketing/sources", m{"code": "guichet", "name": "Billetterie", "kind": "pretix"}).Is(201)
	app.Put(base+"/connection", m{"connector": "pretix", "base_url": r.url, "settings": m{"organizer": r.seed.Organizer}, "secrets": m{"token": r.seed.Token}}).Is(200)
	require.Equal(t, true, app.Post(base+"/connection/hook-registration", nil).Is(200).JSON()["hooks_registered"])
	app.soon("the first reading", func() bool { return app.Get(base + "/connection").JSON()["state"].(m)["last_success_at"] != nil })
	app.soon("the catalogue", func() bool { return len(app.Walk("/v1/ticketing/performances")) == 2 })
	r.products(app)

	// An account, and an order of its owner: told by webhooks, since the next poll
	// is minutes away.
	account := r.call("POST", "/customers/", m{"email": "mael.lebihan@courrier.example", "name_parts": m{"_scheme": "given_family", "given_name": "Maël", "family_name": "Le Bihan"}, "locale": "fr", "is_active": true, "is_verified": true})
	paid := r.order(m{"customer": account["identifier"]}, r.position(r.seed.Full, m{"answers": []any{m{"question": r.seed.Question, "answer": "true", "options": []any{}}}}), r.position(r.seed.Reduced, nil))
	code := paid["code"].(string)
	app.soon("the paid order", func() bool { return amount(app.order(code), "net") == "46.00" })
	o := app.order(code)
	require.Equal(t, "confirmed", o["commercial_state"])
	require.Equal(t, "paid", o["payment_state"])
	require.NotNil(t, o["customer_id"])
	require.Len(t, o["lines"], 2)
	require.NotContains(t, fmt.Sprint(o), paid["secret"], "the order's secret is not kept")

	// Changed: another price.
	first := paid["positions"].([]any)[0].(m)
	r.call("POST", r.at(paid)+"change/", m{"patch_positions": []any{m{"position": first["id"], "body": m{"price": "20.00"}}}, "send_email": false, "recalculate_taxes": "keep_net"})
	app.soon("the change", func() bool { return amount(app.order(code), "due") == "38.00" })
	require.Equal(t, "overpaid", app.order(code)["payment_state"])

	// Split: the ticket keeps its name and moves.
	second := paid["positions"].([]any)[1].(m)
	ticket := fmt.Sprint(int(second["id"].(float64)))
	r.call("POST", r.at(paid)+"change/", m{"split_positions": []any{m{"position": second["id"]}}, "send_email": false, "recalculate_taxes": "keep_net"})
	app.soon("the split", func() bool { return len(app.orders()) == 2 && len(app.order(code)["lines"].([]any)) == 1 })
	moved := 0
	for number := range app.orders() {
		for _, l := range app.order(number)["lines"].([]any) {
			if l.(m)["external_id"] == ticket {
				require.NotEqual(t, code, number)
				moved++
			}
		}
	}
	require.Equal(t, 1, moved)

	// Partially refunded, with the tickets as they are.
	refunded := r.order(nil, r.position(r.seed.Full, nil), r.position(r.seed.Full, nil))
	r.call("POST", r.at(refunded)+"refunds/", m{"state": "done", "source": "admin", "amount": "10.00", "payment": 1, "provider": "manual", "mark_canceled": false, "mark_pending": false})
	app.soon("the partial refund", func() bool { return amount(app.order(refunded["code"].(string)), "net") == "46.00" })
	require.Equal(t, "56.00", amount(app.order(refunded["code"].(string)), "gross"))

	// Cancelled with a fee kept: pretix calls it paid, with no position left.
	cancelled := r.order(nil, r.position(r.seed.Full, nil))
	r.call("POST", r.at(cancelled)+"mark_canceled/", m{"send_email": false, "cancellation_fee": "5.00"})
	r.call("POST", r.at(cancelled)+"refunds/", m{"state": "done", "source": "admin", "amount": "23.00", "payment": 1, "provider": "manual", "mark_canceled": false, "mark_pending": false})
	require.Equal(t, "p", r.call("GET", r.at(cancelled), nil)["status"])
	app.soon("the cancelled order", func() bool {
		o := app.order(cancelled["code"].(string))
		return o["commercial_state"] == "cancelled" && amount(o, "net") == "5.00"
	})

	// Fully cancelled and given back.
	gone := r.order(nil, r.position(r.seed.Reduced, nil))
	r.call("POST", r.at(gone)+"refunds/", m{"state": "done", "source": "admin", "amount": "18.00", "payment": 1, "provider": "manual", "mark_canceled": true})
	app.soon("the refunded order", func() bool {
		o := app.order(gone["code"].(string))
		return o["commercial_state"] == "cancelled" && amount(o, "net") == "0.00"
	})

	// Anonymous sale at a box office, and one that waits for payment.
	r.order(m{"email": nil}, r.position(r.seed.Full, m{"attendee_name_parts": m{}}))
	r.order(m{"status": "n", "payment_provider": "manual"}, r.position(r.seed.Reduced, nil))
	app.soon("two more orders", func() bool { return len(app.orders()) == 7 })

	// What we ask of pretix, and its echo.
	made := app.command("customer.upsert", m{"customer": nil, "profile": m{"email": "ines.castellan@courrier.example", "given_name": "Inès", "family_name": "Castellan"}})
	require.Equal(t, "Inès Castellan", r.call("GET", "/customers/"+made["result_id"].(string)+"/", nil)["name"])
	granted := app.command("membership.grant", m{"customer": made["result_id"], "product": fmt.Sprint(r.seed.MembershipType), "valid_from": "2026-09-01T00:00:00+02:00", "valid_to": "2027-08-31T23:59:59+02:00"})
	require.Equal(t, made["result_id"], r.call("GET", "/memberships/"+granted["result_id"].(string)+"/", nil)["customer"])
	card := r.call("POST", "/giftcards/", m{"secret": "QZ7-GABIANS-26", "value": "50.00", "currency": "EUR", "testmode": false})
	app.command("giftcard.transact", m{"gift_card": fmt.Sprint(int(card["id"].(float64))), "amount": "-15.00", "text": "Parvis"})
	require.Equal(t, "35.00", r.call("GET", fmt.Sprintf("/giftcards/%d/", int(card["id"].(float64))), nil)["value"])
	r.vouchers(app)

	// Scanned at the door, which touches no order.
	secret := r.call("GET", r.at(refunded), nil)["positions"].([]any)[0].(m)["secret"]
	require.Equal(t, "ok", r.call("POST", "/checkinrpc/redeem/", m{"secret": secret, "lists": []any{r.seed.CheckinLists[0]}, "source_type": "barcode", "type": "entry", "force": false, "ignore_unpaid": false, "nonce": "n1", "questions_supported": false})["status"])
	app.soon("the scan", func() bool {
		scans := app.Walk("/v1/ticketing/scans")
		return len(scans) == 1 && scans[0]["result"] == "accepted" && scans[0]["ticket_id"] != nil
	})
	app.Post(base+"/pulls", m{"streams": []string{"memberships", "gift_cards"}}).Is(202)
	app.soon("the membership", func() bool { return len(app.Walk("/v1/ticketing/memberships")) == 1 })
	app.soon("the gift card", func() bool { return strings.Contains(fmt.Sprint(app.Walk("/v1/ticketing/gift-cards")), "35.00") })

	// The whole of it is the same to the cent.
	result := app.compare()
	require.Empty(t, result["differences"], "%v", result)
	require.Equal(t, result["there"], result["here"])
	require.EqualValues(t, 7, result["orders_there"])
	require.EqualValues(t, 7, result["in_ledger"], "its own book of sales says the same")

	r.lives(app)
	r.cards(app)
	r.doors(app, refunded)
	r.anonymised(app, made["result_id"].(string))
	r.redeemed(app)
	r.unheard(app, refunded)
	result = app.compare()
	require.Empty(t, result["differences"], "%v", result)
	require.Equal(t, result["there"], result["here"])
	require.Equal(t, result["orders_there"].(float64)-1, result["in_ledger"], "the one that was denied never came into the book")

	// What pretix alters in bulk moves no time of change and sends nothing: only a
	// comparison finds it, which is made every night.
	names := func() string { return fmt.Sprint(app.order(refunded["code"].(string))["lines"]) }
	require.Contains(t, names(), "Maël")
	r.python("shred.py", r.seed.Event)
	compared := app.reconciled()
	hands.night(t)
	require.NoError(t, app.Connectors().CompareNightly(t.Context(), app.Tenant))
	app.soon("the night's comparison", func() bool { return app.reconciled() > compared })
	require.NotContains(t, names(), "Maël")
	require.EqualValues(t, 0, app.Get(base + "/connection").JSON()["state"].(m)["reconciled_with"])

	// Anonymised there: blank here, and the next scan does not bring it back.
	app.command("customer.anonymize", m{"customer": account["identifier"]})
	app.Post(base+"/pulls", m{"streams": []string{"customers"}}).Is(202)
	app.soon("the account is blank", func() bool {
		record := app.Get(base + "/records/customer/" + account["identifier"].(string)).JSON()
		return record["is_deleted"] == true
	})

	// Everything that pretix told us of was kept, and understood.
	messages := app.Walk(base + "/inbound-messages")
	require.NotEmpty(t, messages)
	t.Logf("%d webhooks of pretix, orders: %v", len(messages), result["there"])
	for _, message := range messages {
		require.NotEqual(t, "ignored", message["status"], "%v", message)
		require.True(t, strings.HasPrefix(fmt.Sprint(message["note"]), "pretix.") || message["status"] == "pending", "%v", message)
	}
	require.Empty(t, app.Get(base+"/dead-letters").Data())
}

// vouchers has pretix give out a code for somebody, uses it, and lets pretix make,
// and remove, one of its own.
func (r *realPretix) vouchers(app reader) {
	nora := app.Post("/v1/contacts", m{"kind": "person", "given_name": "Nora", "family_name": "Castellan"}).Is(201).ID()
	c := app.command("voucher.create", m{"performance": fmt.Sprintf("%s/%d", r.seed.Event, r.seed.Dates[0]), "code": "GABIANS26", "campaign": "gabians", "contact_id": nora, "kind": "invitation", "max_usages": 3})
	code := func(name string) m {
		list := app.Get("/v1/ticketing/vouchers?voucher_code=" + name).Is(200).Data()
		if len(list) == 0 {
			return m{}
		}
		return list[0]
	}
	v := code("GABIANS26")
	require.Equal(r.t, []any{nora, c["id"], "gabians", "invitation", 3.0, 0.0, c["result_id"]}, []any{v["contact_id"], v["command_id"], v["campaign"], v["kind"], v["max_uses"], v["uses"], v["external_id"]})
	_, id, _ := strings.Cut(c["result_id"].(string), "/")
	there := r.call("GET", "/events/"+r.seed.Event+"/vouchers/"+id+"/", nil)
	require.Equal(r.t, []any{"GABIANS26", "gabians", "set", "0.00"}, []any{there["code"], there["tag"], there["price_mode"], there["value"]})

	// Told by webhooks: one of pretix' own, which is removed again.
	own := r.call("POST", "/events/"+r.seed.Event+"/vouchers/", m{"code": "PRESSE26", "tag": "presse", "price_mode": "percent", "value": "50.00", "max_usages": 1})
	app.soon("a code of pretix' own", func() bool { return code("PRESSE26")["campaign"] == "presse" })
	require.Equal(r.t, "discount", code("PRESSE26")["kind"])
	r.call("DELETE", fmt.Sprintf("/events/%s/vouchers/%d/", r.seed.Event, int(own["id"].(float64))), nil)
	app.soon("the code that was removed", func() bool { return code("PRESSE26")["state"] == "withdrawn" })
}

// redeemed buys with the code that was given out for somebody.
func (r *realPretix) redeemed(app reader) {
	used := r.order(nil, r.position(r.seed.Reduced, m{"voucher": "GABIANS26", "price": "0.00"}))
	v := app.Get("/v1/ticketing/vouchers?voucher_code=GABIANS26").Is(200).Data()[0]
	var uses []m
	app.soon("the use of the code", func() bool {
		uses = app.Get("/v1/ticketing/vouchers/" + v["id"].(string) + "/redemptions").Is(200).Data()
		return len(uses) == 1
	})
	require.Equal(r.t, []any{used["code"], "other", true}, []any{uses[0]["order_number"], uses[0]["by"], uses[0]["is_counted"]})
	app.Post(base+"/pulls", m{"streams": []string{"vouchers"}}).Is(202)
	app.soon("pretix' own count", func() bool {
		return app.Get("/v1/ticketing/vouchers/" + v["id"].(string)).Is(200).JSON()["uses"] == 1.0
	})
	counts := app.Get("/v1/ticketing/voucher-campaigns/gabians").Is(200).JSON()
	require.Equal(r.t, []any{1.0, 1.0, 1.0, 1.0}, []any{counts["issued"], counts["redeemed"], counts["redemptions"], counts["by_others"]})
}
