package ticketing_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

const imports = base + "/imports"

func media(kind string) parvistest.RequestOption { return parvistest.Header("Content-Type", kind) }

// ndjson writes records as a file, a line each.
func ndjson(t *testing.T, records ...m) string {
	t.Helper()
	var b strings.Builder
	for _, r := range records {
		raw, err := json.Marshal(r)
		require.NoError(t, err)
		b.Write(raw)
		b.WriteByte('\n')
	}
	return b.String()
}

// imported sends a file and waits for the end of the work.
func imported(t *testing.T, app *parvistest.App, path, kind, file string) m {
	t.Helper()
	return ended(t, app, app.Do("POST", path, file, media(kind)).Is(202).ID())
}

func ended(t *testing.T, app *parvistest.App, id string) m {
	t.Helper()
	var o m
	parvistest.Eventually(t, "the end of the work", func() bool {
		o = app.Get("/v1/operations/" + id).Is(200).JSON()
		return o["status"] != "queued" && o["status"] != "running"
	})
	return o
}

func succeeded(t *testing.T, o m) m {
	t.Helper()
	require.Equal(t, "succeeded", o["status"], "%v", o["problem"])
	return o["result"].(m)
}

// summary is what of a result is not zero.
func summary(result m) m {
	out := m{}
	for status, n := range result["summary"].(m) {
		if n != 0.0 {
			out[status] = n
		}
	}
	return out
}

// waiting are the files that are kept.
func waiting(t *testing.T, app *parvistest.App) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(app.Config.DataDir, "ticketing-imports", "*", "*"))
	require.NoError(t, err)
	return files
}

func TestAFileOfRecordsIsTakenIn(t *testing.T) {
	t.Parallel()
	app := institution(t)
	good := ndjson(t, record("order", "o1", t1, orderData(nil)), record("performance", "soir", t1, m{"name": m{"fr": "X"}, "starts_at": "2026-12-01T20:00:00Z"}))
	file := good + "\n" +
		`{"kind":"order","external_id":"o2","data":{"commercial_state":"confirmed","lines":[{"external_id":"u1","amount":"1.00"},{"external_id":"u2","amount":"1.005"}]}}` + "\n" +
		`{"kind":"order","external_id":` + "\n" +
		`{"kind":"customer","external_id":"c1","data":{"family_name":"A\u0000B"}}` + "\n" +
		"{\"kind\":\"customer\",\"external_id\":\"c2\",\"data\":{\"family_name\":\"\xff\"}}\n" +
		`{"kind":"customer","external_id":"c3","data":{},"surprise":1}` + "\n" +
		`{"kind":"customer","external_id":"` + strings.Repeat("x", 1<<20) + `"}` + "\n" +
		`{"kind":"customer","op":"delete","external_id":"c4","source_version":3}` + "\n" +
		`{"kind":"customer","external_id":"c5","data":{"family_name":"A","f\u0061mily_name":"B"}}`
	o := imported(t, app, imports, "application/x-ndjson", file)
	result := succeeded(t, o)
	require.Equal(t, m{"created": 2.0, "applied": 1.0, "failed": 7.0}, summary(result))
	require.EqualValues(t, 10, result["records"])
	require.Equal(t, m{"done": 10.0, "total": 10.0, "unit": "records"}, o["progress"])
	require.Equal(t, "44.00", total(at(app.Client, "order", "o1"), "net"))
	parvistest.Eventually(t, "the file is removed", func() bool { return len(waiting(t, app)) == 0 })

	var told []any
	for _, r := range app.Walk(result["results_url"].(string) + "?limit=4") {
		wrong := []any{}
		for _, v := range r["violations"].([]any) {
			wrong = append(wrong, v.(m)["pointer"], v.(m)["code"])
		}
		told = append(told, []any{r["line"], r["external_id"], r["status"], r["code"], wrong})
	}
	require.Equal(t, []any{
		[]any{1.0, "o1", "created", nil, []any{}},
		[]any{2.0, "soir", "created", nil, []any{}},
		[]any{4.0, "o2", "failed", "invalid", []any{"#/data/lines/1/amount", "amount"}},
		[]any{5.0, "", "failed", "malformed-json", []any{}},
		[]any{6.0, "", "failed", "invalid-request", []any{"#/data/family_name", "nul-character"}},
		[]any{7.0, "", "failed", "invalid-request", []any{"#", "invalid-utf8"}},
		[]any{8.0, "c3", "failed", "invalid-request", []any{"#/surprise", "unknown-property"}},
		[]any{9.0, "", "failed", "invalid-request", []any{"#", "too-long"}},
		[]any{10.0, "c4", "applied", nil, []any{}},
		[]any{11.0, "", "failed", "malformed-json", []any{"#/data/family_name", "repeated-member"}},
	}, told)
	require.Len(t, app.Walk(result["results_url"].(string)+"?status=failed"), 7)

	// The same file once more, now compressed: nothing of it is new, and nobody is told of any record.
	before := parvistest.Ask[int](t, app, "select count(*) from crm.events where type not in ('ticketing.import.started', 'operation.finished')")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(good))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	result = succeeded(t, imported(t, app, imports+"?format=ndjson", "application/gzip", packed.String()))
	require.Equal(t, m{"unchanged": 2.0}, summary(result))
	require.Equal(t, before, parvistest.Ask[int](t, app, "select count(*) from crm.events where type not in ('ticketing.import.started', 'operation.finished')"))
	require.Equal(t, 2, eventTypes(t, app, "ticketing.*")["ticketing.import.started"])
}

func TestAFileOfLinesOfOrders(t *testing.T) {
	t.Parallel()
	app := institution(t)
	file := "\ufeffexternal_id;source_version;commercial_state;placed_at;buyer.family_name;lines.external_id;lines.amount;lines.tax_rate_bp;lines.holder.family_name;payments.external_id;payments.amount;payments.state\r\n" +
		"o1;1;confirmed;2026-03-29 02:30:00;=1+1;t1;24.00;210;\"Le\nBras\";p1;42.00;settled\r\n" +
		"o1;1;confirmed;2026-03-29 02:30:00;=1+1;t2;18.00;;;p1;42.00;settled\r\n" +
		";;;;;;;;;;;\r\n" +
		"o2;1;confirmed;2026-03-01 10:00:00;Roy;t3;5.00;;;;;\r\n" +
		"o2;1;confirmed;2026-03-01 10:00:00;Roy;t4;much;;;;;\r\n" +
		"o3;1;confirmed;;;t5;1.00;;;;;\r\n" +
		"o3;1;cancelled;;;t6;1.00;;;;;\r\n" +
		"o4;one;confirmed;;;t7;1.00;;;;;\r\n" +
		"o5;1;confirmed;;;t8;1.00;;;;;\r\n" +
		"o5;1;conf\"irmed;;;t9;1.00;;;;;\r\n" +
		"o6;1;confirmed;;;t10;1.00;;;;;\r\n" +
		"o7;1;confirmed;;\xff;t11;1.00;;;;;\r\n" +
		"o8;1;confirmed;;;t12;1.00;0;;;;\r\n"
	result := succeeded(t, imported(t, app, imports+"?kind=order", "text/csv", file))
	var told []any
	for _, r := range app.Walk(result["results_url"].(string)) {
		var wrong any
		if v := r["violations"].([]any); len(v) > 0 {
			wrong = v[0]
		}
		told = append(told, []any{r["record"], r["line"], r["external_id"], r["status"], wrong})
	}
	require.Equal(t, []any{
		[]any{1.0, 2.0, "o1", "created", nil},
		[]any{2.0, 6.0, "o2", "failed", m{"pointer": "#/data/lines/1/amount", "code": "pattern", "line": 7.0}},
		[]any{3.0, 8.0, "o3", "failed", m{"pointer": "#/data/commercial_state", "code": "lines-disagree", "line": 9.0}},
		[]any{4.0, 10.0, "o4", "failed", m{"pointer": "#/source_version", "code": "type", "line": 10.0}},
		[]any{5.0, 11.0, "o5", "failed", m{"pointer": "#", "code": "beside-unreadable", "line": 12.0}},
		[]any{6.0, 12.0, "", "failed", m{"pointer": "#", "code": "csv-quotes", "line": 12.0}},
		[]any{7.0, 13.0, "o6", "failed", m{"pointer": "#", "code": "beside-unreadable", "line": 12.0}},
		[]any{8.0, 14.0, "o7", "failed", m{"pointer": "#/data/buyer/family_name", "code": "invalid-utf8", "line": 14.0}},
		[]any{9.0, 15.0, "o8", "created", nil},
	}, told)
	o1 := at(app.Client, "order", "o1")
	require.Equal(t, "42.00", total(o1, "net"))
	require.Len(t, o1["lines"], 2)
	require.Equal(t, "=1+1", o1["buyer"].(m)["family_name"], "what a file says is kept as it says it")
	require.Equal(t, "Le\nBras", o1["lines"].([]any)[0].(m)["holder"].(m)["family_name"])
	warned := app.Get(result["results_url"].(string) + "?limit=1").Data()[0]["warnings"].([]any)
	require.Equal(t, []any{m{"code": "skipped-local-time", "pointer": "#/data/placed_at"}}, warned)

	// A name that a spreadsheet would compute is told as it is, and as a text to who asks for that.
	url := succeeded(t, imported(t, app, imports+"?kind=customer", "text/csv", "external_id,family_name\n=cmd|x,Roy\n"))["results_url"].(string)
	require.Contains(t, string(app.Get(url, parvistest.Header("Accept", "text/csv")).Is(200).Body), ",=cmd|x,")
	require.Contains(t, string(app.Get(url+"?csv_safe=true", parvistest.Header("Accept", "text/csv")).Is(200).Body), ",'=cmd|x,")
}

// The example files are what the guide says they are.
func TestExampleFiles(t *testing.T) {
	t.Parallel()
	app := institution(t)
	for _, kind := range []string{"customer", "order"} {
		file, err := os.ReadFile("../../examples/ticketing-import/" + kind + "s.csv")
		require.NoError(t, err)
		require.Equal(t, m{"created": 2.0}, summary(succeeded(t, imported(t, app, imports+"?kind="+kind, "text/csv", string(file)))))
		require.Equal(t, m{"unchanged": 2.0}, summary(succeeded(t, imported(t, app, imports+"?kind="+kind, "text/csv", string(file)))))
	}
	o := at(app.Client, "order", "2025-0001")
	require.Equal(t, []any{"42.00", "paid", "2025-10-02T09:18:00Z"}, []any{total(o, "net"), o["payment_state"], o["placed_at"]})
}

func TestADryRunWritesNothing(t *testing.T) {
	t.Parallel()
	app := institution(t)
	send(app.Client, record("order", "o1", t1, orderData(nil)))
	const everything = `select jsonb_build_array((select count(*) from crm.ticketing_records), (select count(*) from crm.ticketing_orders), (select count(*) from crm.contacts),
		(select count(*) from crm.events where type not in ('ticketing.import.started', 'operation.finished')), (select max(updated_at) from crm.ticketing_records), (select last_received_at from crm.ticketing_sources limit 1))::text`
	before := parvistest.Ask[string](t, app, everything)
	result := succeeded(t, imported(t, app, imports+"?dry_run=true", "application/x-ndjson", ndjson(t,
		record("order", "o1", t1, orderData(nil)), record("order", "o1", t2, orderData(m{"number": "N2"})),
		record("order", "o2", t1, orderData(m{"lines": []m{line("t9", "1.00", "valid")}, "buyer": buyer("Ada", "Lorme", "ada@courrier.example")})),
		record("order", "o3", t1, m{}))))
	require.Equal(t, m{"unchanged": 1.0, "updated": 1.0, "created": 1.0, "failed": 1.0}, summary(result))
	require.Equal(t, true, result["dry_run"])
	require.Equal(t, before, parvistest.Ask[string](t, app, everything))
	rows := app.Walk(result["results_url"].(string))
	require.NotNil(t, rows[0]["id"])
	require.Nil(t, rows[2]["id"], "what is not there has no identity")
}

// A dry run of more than one step says what the real one then does, record by
// record: each is judged after those before it.
func TestADryRunForeseesTheRealOne(t *testing.T) {
	t.Parallel()
	app := institution(t)
	file := ndjson(t, record("order", "o1", t1, orderData(m{"buyer": m{"customer": "K", "given_name": "Ada", "family_name": "Lorme"}}))) + venues(450) +
		ndjson(t, record("order", "o1", t1, orderData(m{"buyer": m{"customer": "K", "given_name": "Ada", "family_name": "Lorme"}})),
			record("order", "o1", "2026-01-01T09:00:00Z", orderData(nil)), record("venue", "v3", t1, m{"name": m{"fr": "Autre"}}),
			record("order", "o1", t2, orderData(m{"lines": []m{line("t1", "1.005", "valid")}})),
			m{"kind": "order", "external_id": "o1", "op": "delete", "source_modified_at": t2})
	told := func(query string) (m, []any) {
		result := succeeded(t, imported(t, app, imports+query, "application/x-ndjson", file))
		var each []any
		for _, r := range app.Walk(result["results_url"].(string) + "?limit=200") {
			if query != "" {
				require.Nil(t, r["id"], "it is of nothing that there is")
			}
			each = append(each, []any{r["record"], r["kind"], r["external_id"], r["status"], r["code"], r["warnings"]})
		}
		return summary(result), each
	}
	foreseen, each := told("?dry_run=true")
	require.Zero(t, parvistest.Ask[int](t, app, "select count(*)::int from crm.ticketing_records"))
	became, really := told("")
	require.Equal(t, became, foreseen)
	require.Equal(t, really, each)
	require.Equal(t, m{"created": 451.0, "unchanged": 1.0, "ignored_stale": 2.0, "failed": 1.0, "applied": 1.0}, became)
}

// Of a file longer than what is tried together, each stretch is judged by itself.
func TestADryRunTriesALongFileInStretches(t *testing.T) {
	t.Parallel()
	app := institution(t)
	within := record("venue", "last", t1, m{"name": m{"fr": "Salle"}})
	file := venues(2000) + venues(1) + ndjson(t, within, within)
	result := succeeded(t, imported(t, app, imports+"?dry_run=true", "application/x-ndjson", file))
	require.Equal(t, []any{m{"created": 2002.0, "unchanged": 1.0}, 2003.0}, []any{summary(result), result["records"]})
}

func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	app := institution(t)
	post := func(query, kind, file string, options ...parvistest.RequestOption) *parvistest.Answer {
		return app.Do("POST", imports+query, file, append([]parvistest.RequestOption{media(kind)}, options...)...)
	}
	post("", "text/csv", "external_id\nx\n").Points("kind")
	post("", "application/gzip", "x").Points("format")
	post("?kind=order", "application/x-ndjson", "{}").Points("kind")
	post("?format=ndjson", "application/gzip", "not compressed").Problem(422, "ticketing-import-unreadable")
	post("", "application/json", "{}").Problem(415, "unsupported-media-type")
	for _, heading := range []string{"name.fr", "external_id,external_id", "external_id,lines", "external_id,lines.price", "external_id,buyer", "external_id,lines.voucher", "external_id,=cmd", "\"external_id", ""} {
		post("?kind=order", "text/csv", heading+"\nx,1\n").Problem(422, "ticketing-import-heading")
	}
	post("", "application/x-ndjson", "{}", parvistest.Header("Content-Digest", "md5=:x:")).Problem(400, "invalid-request")
	sum := sha256.Sum256([]byte("something else"))
	post("", "application/x-ndjson", "{}", parvistest.Header("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")).Problem(422, "content-digest-mismatch")
	app.Do("POST", "/v1/ticketing/sources/nowhere/imports", "{}", media("application/x-ndjson")).Problem(404, "not-found")
	require.Empty(t, waiting(t, app))

	// What shows only further on ends the operation before anything is taken in.
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for i := range 3000 {
		_, err := fmt.Fprintf(z, `{"kind":"venue","external_id":"v%d","data":{"name":{"fr":"%x"}}}`+"\n", i, sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	for _, c := range []struct{ query, kind, file, code string }{
		{"?kind=order", "text/csv", "external_id,commercial_state,lines.external_id,lines.amount\no1,confirmed,t1,1.00\no2,confirmed,t2,1.00\no1,confirmed,t3,1.00\n", "ticketing-import-apart"},
		{"?kind=venue", "text/csv", "external_id,name.fr\nv1,X\nv2,\"never closed\nv3,Y\nv4,Z\n", "ticketing-import-unreadable"},
		{"?kind=venue", "text/csv", "external_id,name.fr\nv1,X\nv2,\"" + strings.Repeat("long, and never closed\n", 60000), "ticketing-import-unreadable"},
		{"?format=ndjson", "application/gzip", packed.String()[:packed.Len()-100], "ticketing-import-unreadable"},
	} {
		o := imported(t, app, imports+c.query, c.kind, c.file)
		require.Equal(t, []any{"failed", c.code}, []any{o["status"], o["problem"].(m)["code"]})
	}
	require.Zero(t, parvistest.Ask[int](t, app, "select count(*) from crm.ticketing_records"))

	app.Patch(base, m{"status": "paused"}, parvistest.IfMatch(app.Get(base).ETag())).Is(200)
	post("", "application/x-ndjson", "{}").Problem(409, "ticketing-source-paused")
}

func TestAKeyOfRepetitionTellsFilesApart(t *testing.T) {
	t.Parallel()
	app := institution(t)
	key := parvistest.Header("Idempotency-Key", "night-1")
	file := ndjson(t, record("venue", "v", t1, m{"name": m{"fr": "X"}}))
	first := app.Do("POST", imports, file, media("application/x-ndjson"), key).Is(202)
	again := app.Do("POST", imports, file, media("application/x-ndjson"), key).Is(202)
	require.Equal(t, []any{first.ID(), "true"}, []any{again.ID(), again.Header.Get("Idempotency-Replayed")})
	app.Do("POST", imports, file+file, media("application/x-ndjson"), key).Problem(422, "idempotency-mismatch")
	succeeded(t, ended(t, app, first.ID()))
}

// A file in another order, with lines repeated, leads to the same.
func TestAFileInAnyOrderConverges(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	arrive := func(code string, messages []m) (id, state string) {
		id = app.Post("/v1/ticketing/sources", m{"code": code, "name": code, "kind": "generic"}).Is(201).ID()
		result := succeeded(t, imported(t, app, "/v1/ticketing/sources/"+code+"/imports", "application/x-ndjson", ndjson(t, messages...)))
		require.NotContains(t, summary(result), "failed")
		return id, parvistest.Ask[string](t, app, dump, id)
	}
	histories := rapid.Custom(history)
	for seed := range 6 {
		messages := histories.Example(seed + 1)
		_, want := arrive(fmt.Sprintf("s%d", seed), messages)
		for shuffle := range 2 {
			r := rand.New(rand.NewPCG(uint64(seed), uint64(shuffle)))
			late := append(append([]m{}, messages...), messages[:len(messages)/2]...)
			r.Shuffle(len(late), func(i, j int) { late[i], late[j] = late[j], late[i] })
			_, got := arrive(fmt.Sprintf("s%d-%d", seed, shuffle), late)
			require.JSONEq(t, want, got, "%s", ndjson(t, late...))
		}
	}
}

// Results are forgotten some time after the end, and a forgotten account's name
// at once.
func TestResultsDoNotOutliveWhatTheyTellOf(t *testing.T) {
	t.Parallel()
	app := institution(t)
	url := succeeded(t, imported(t, app, imports, "application/x-ndjson", ndjson(t, record("customer", "ada.lorme", t1, m{"family_name": "Lorme"}))))["results_url"].(string)
	app.Post(base+"/records/customer/ada.lorme/anonymize", nil).Is(200)
	require.NotContains(t, string(app.Get(url).Is(200).Body), "ada.lorme")
	require.NoError(t, app.Backfill().Sweep(t.Context()))
	require.Len(t, app.Walk(url), 1)
	parvistest.Ask[int](t, app, "with u as (update crm.operations set finished_at = finished_at - interval '31 days' where kind = 'ticketing_import' returning 1) select count(*) from u")
	require.NoError(t, app.Backfill().Sweep(t.Context()))
	require.Empty(t, app.Walk(url))
}
