package isolationtest

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/web"
)

// unheard are places of answers with a class of which these tests have no value,
// with the reason.
var unheard = map[string]string{
	"listMatchReviews /data/*/person": "null in lists", "listOutbox": "only of a sandbox, which has nobody in it",
}

// figures are operations whose money is that of performances and of the whole
// institution, added up, which is nobody's.
var figures = map[string]bool{"getSibilQuarter": true, "listSibilDeclarations": true}

// excused reports whether a place, or what it is in, is among the unheard.
func excused(place string) bool {
	for of := range unheard {
		if place == of || strings.HasPrefix(place, of+"/") || strings.HasPrefix(place, of+" ") {
			return true
		}
	}
	return false
}

// unkept are operations of which what their bodies say is not kept, with the
// reason.
var unkept = map[string]string{"startTicketingReconciliation": "figures are compared with what is there"}

// cage is an institution in which every field with a class has a canary.
type cage struct {
	*world
	*canaries
	person
	others  []names
	classes []string
	hooks   map[string]*hook // of a credential, by what it lacks
	lacking map[string]*parvistest.Client
}

// hook is a receiver of webhooks with all that it was sent.
type hook struct {
	mu   sync.Mutex
	got  strings.Builder
	seen map[string]bool
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // a receiver takes what comes
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got.Write(body)
	h.got.WriteByte('\n')
	h.seen[r.Header.Get("webhook-id")] = true
	w.WriteHeader(http.StatusNoContent)
}

func (h *hook) text() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.got.String()
}

// lacks is one of these events that has not arrived, or "".
func (h *hook) lacks(events []string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range events {
		if !h.seen[id] {
			return id
		}
	}
	return ""
}

func newCage(t *testing.T) *cage {
	t.Helper()
	known, err := web.ContractClasses()
	require.NoError(t, err)
	app := parvistest.New(t)
	c := &cage{world: newWorld(t, app, app.Client, "fardelune"), canaries: newCanaries(t), classes: known.All(), hooks: map[string]*hook{}, lacking: map[string]*parvistest.Client{}}
	for _, class := range c.classes {
		others := slices.DeleteFunc(slices.Clone(c.classes), func(o string) bool { return o == class })
		c.lacking["without "+class] = app.Limited(parvistest.Limits{Scopes: []string{"*"}, Verbs: everyVerb, Readable: others, Writable: c.classes})
		code := "canari_" + class
		id := c.Post("/v1/purposes", m{"code": code, "name": code, "legal_basis": "public_task"}).Is(201).ID()
		c.Post("/v1/processing-activities", m{"code": code, "name": code, "status": "active", "purpose_ids": []string{id}, "field_classes": others}).Is(201)
		bound := app.Limited(parvistest.Limits{Scopes: []string{"*"}, Verbs: everyVerb, Readable: c.classes, Writable: c.classes})
		as(t, app.DB, "update api_keys set purposes = array[$2] where tenant_id = $1 and id = (select id from api_keys where tenant_id = $1 order by created_at desc, id desc limit 1)", c.tenant, code)
		c.lacking["for a purpose without "+class] = bound
	}
	c.listen(t, "nothing", c.Client, "standard")
	for _, class := range c.classes {
		c.listen(t, class, c.lacking["without "+class], "standard")
		c.listen(t, class+" as CloudEvents", c.lacking["without "+class], "cloudevents")
	}
	c.person = c.world.person(t, "vexomiral")
	c.others = c.plant(t, c.canaries, c.person)
	c.quiet(t)
	return c
}

var everyVerb = []string{"see", "see_contact_points", "act", "edit", "merge", "delete", "export", "see_restricted"}

// listen has the events of the institution sent, whole, on behalf of a client.
func (c *cage) listen(t *testing.T, what string, of *parvistest.Client, format string) {
	t.Helper()
	h := &hook{seen: map[string]bool{}}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c.hooks[what] = h
	id := of.Post("/v1/webhook-endpoints", m{"url": server.URL, "event_types": []string{"*"}, "payload": "full", "format": format}).Is(201).ID()
	parvistest.Eventually(t, "the endpoint", func() bool { return of.Get("/v1/webhook-endpoints/" + id).Is(200).JSON()["status"] == "active" })
}

// inquiry is one way of asking an operation for much.
type inquiry struct {
	op     api.OperationSpec
	method string
	path   string
	body   any
	accept string
}

func (q inquiry) String() string { return q.op.ID + " " + q.path + " " + q.accept }

// inquiries are all ways of asking what changes nothing.
func (c *cage) inquiries(t *testing.T) []inquiry {
	t.Helper()
	var out []inquiry
	persons := []names{merged(c.own, c.names)}
	for _, n := range c.others {
		persons = append(persons, merged(persons[0], n))
	}
	seen := map[string]bool{}
	events := slices.DeleteFunc(c.Walk("/v1/events?limit=200"), func(e m) bool { // one of each kind that differs in what it says
		data, _ := e["data"].(m)
		facts, _ := data["facts"].(m)
		kind := fmt.Sprint(e["type"], data["changed"], slices.Sorted(maps.Keys(facts)))
		known := seen[kind]
		seen[kind] = true
		return known
	})
	for _, id := range inOrder() {
		op := api.Operations[id]
		if op.Public || !reads(op) || id == "streamEvents" {
			continue
		}
		add := func(path string) {
			if seen[op.ID+path] {
				return
			}
			seen[op.ID+path] = true
			q := inquiry{op: op, method: op.Method, path: path}
			if op.Method != http.MethodGet {
				body, _, ok := bodyFor(t, op, persons[0], "", nil)
				require.True(t, ok, id)
				q.body = body
				if id == "searchContacts" {
					q.body = m{"filter": m{"field": "kind", "op": "in", "value": []string{"person", "organisation"}}, "expand": []string{"contact_points", "addresses", "tags", "external_ids"}}
				}
			}
			out = append(out, q)
			if seen[op.ID] {
				return // the forms of an answer are made of the same answer
			}
			seen[op.ID] = true
			for _, media := range op.Produces {
				if !strings.HasSuffix(media, "/json") {
					q.accept = media
					out = append(out, q)
				}
			}
			if slices.ContainsFunc(op.Query, func(p api.QueryParameter) bool { return p.Name == "csv_safe" }) {
				for _, media := range []string{"text/csv", "application/x-ndjson"} {
					q.accept = media
					out = append(out, q)
				}
			}
		}
		for _, with := range persons {
			path := address(t, op, with, "")
			add(path)
			for _, p := range op.Query {
				var value string
				switch {
				case p.Name == "cursor": // what follows a page of one is named by the cursor to it
					add(withQuery(path, "limit", "1"))
					continue
				case p.Name == "sort":
					for _, order := range enumOf(p) {
						add(withQuery(withQuery(path, "limit", "1"), "sort", order))
					}
					continue
				case p.Name == "expand":
					value = strings.Join(enumOf(p), ",")
				case p.Name == "archived", p.Name == "include_expired":
					value = "true"
				case p.Name == "as_of":
					value = time.Now().UTC().Add(-time.Millisecond).Format(time.RFC3339Nano)
					if slices.ContainsFunc(parts(map[string]any{"$ref": p.Schema}), func(s map[string]any) bool { return s["format"] == "date" }) {
						value = time.Now().UTC().Format(time.DateOnly)
					}
				case p.Name == "subject_id" && !p.Required, p.Name == "contact_id" && !p.Required:
					value = with["contact"]
				default:
					continue
				}
				add(withQuery(path, p.Name, value))
			}
		}
		for _, e := range events {
			data, _ := e["data"].(m)
			switch id {
			case "getEvent", "getEventChanges":
				add(strings.ReplaceAll(op.Path, "{event_id}", fmt.Sprint(e["id"])))
			case "listHistory":
				add(op.Path + "?subject_kind=" + url.QueryEscape(fmt.Sprint(data["object"])) + "&subject_id=" + fmt.Sprint(data["id"]))
			}
		}
	}
	return out
}

func withQuery(path, name, value string) string {
	sign := "?"
	if strings.Contains(path, "?") {
		sign = "&"
	}
	return path + sign + name + "=" + url.QueryEscape(value)
}

// enumOf are the words that a parameter takes, alone or in a list.
func enumOf(p api.QueryParameter) []string {
	schema := schemaAt(map[string]any{"$ref": p.Schema})
	list, _ := schema["enum"].([]any)
	if items, isList := schema["items"].(map[string]any); isList {
		list, _ = schemaAt(items)["enum"].([]any)
	}
	var out []string
	for _, v := range list {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

func (q inquiry) ask(c *parvistest.Client) *parvistest.Answer {
	options := []parvistest.RequestOption{parvistest.Header("Parvis-Reason", "accueil")}
	if q.accept != "" {
		options = append(options, parvistest.Header("Accept", q.accept))
	}
	return c.Do(q.method, q.path, q.body, options...)
}

// Whoever may not read a class of fields, or reads for a purpose that does not
// need it, meets no value of it: not in an answer of any operation or form, not
// in the feed or the live stream, not in a webhook, history or archive.
func TestNoClassOfFieldsReachesWhoMayNotReadIt(t *testing.T) {
	t.Parallel()
	c := newCage(t)
	all := c.inquiries(t)
	c.sing(t, all)
	finds := c.finds(t)
	for _, what := range slices.Sorted(maps.Keys(c.lacking)) {
		t.Run(what, func(t *testing.T) {
			class := what[strings.LastIndex(what, " ")+1:]
			heard := c.detector(class)
			for _, q := range all {
				a := q.ask(c.lacking[what])
				if slices.Contains([]int{400, 401, 405, 406, 415, 500}, a.Status) {
					t.Errorf("%s does not reach its handler: %s", q, a.Body)
				}
				if value := heard(a.Header, string(a.Body), q.path+fmt.Sprint(q.body)); value != "" && !(class == "financial" && figures[q.op.ID]) {
					t.Errorf("%s tells %s of class %s: %s", q, value, class, around(string(a.Body), value))
				}
				if v, ok := asJSON(a); ok && a.Status < 300 {
					for _, l := range within(answerOf(q.op, a.Status), v, "", nil) {
						if slices.Contains(l.classes, class) && !empty(l.value) {
							t.Errorf("%s has %v at %s, which is of class %s", q, l.value, l.place, class)
						}
					}
				}
			}
			if value := heard(nil, c.stream(t, c.lacking[what]), ""); value != "" {
				t.Errorf("the live stream tells %s of class %s", value, class)
			}
			c.exported(t, c.lacking[what], heard)
			for _, found := range finds[class] {
				got, none := found.ask(c.lacking[what]), found.nothing.ask(c.lacking[what])
				if shape(got, names{"": found.value}) != shape(none, names{"": found.value}) {
					t.Errorf("%s finds somebody by %s of class %s", found.inquiry, found.value, class)
				}
			}
		})
	}
	c.sent(t)
	t.Run("changes", c.changes)
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func asJSON(a *parvistest.Answer) (v any, ok bool) {
	return v, strings.HasSuffix(strings.Split(a.Header.Get("Content-Type"), ";")[0], "/json") && json.Unmarshal(a.Body, &v) == nil
}

// around is where a value stands.
func around(text, value string) string {
	at := strings.Index(strings.ToLower(text), strings.ToLower(value))
	return "…" + text[max(0, at-160):min(len(text), max(0, at)+80)] + "…"
}

// detector finds a value of a class, in a text as a word of its own; what was
// asked for the asker knows.
func (c *cage) detector(class string) func(header http.Header, body, asked string) string {
	var list []string
	for v := range c.values[class] {
		list = append(list, regexp.QuoteMeta(strings.ToLower(v)))
	}
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	find := regexp.MustCompile(`(?:^|[^0-9a-z])(` + strings.Join(list, "|") + `)(?:[^0-9a-z]|$)`)
	return func(header http.Header, body, asked string) string {
		var head strings.Builder
		_ = header.Write(&head) // a builder takes everything
		for _, found := range find.FindAllStringSubmatch(strings.ToLower(opened(head.String()+"\n"+body)), -1) {
			if !strings.Contains(strings.ToLower(asked), found[1]) {
				return found[1]
			}
		}
		return ""
	}
}

// sing: who reads everything meets a value at every place of every answer that
// has a class, so that its absence elsewhere means something.
func (c *cage) sing(t *testing.T, all []inquiry) {
	t.Helper()
	everything := c.lacking["everything"]
	if everything == nil {
		everything = c.app.Limited(parvistest.Limits{Scopes: []string{"*"}, Verbs: everyVerb, Readable: c.classes, Writable: c.classes})
	}
	heard, answered := map[string]bool{}, map[string]bool{}
	for _, q := range all {
		a := q.ask(everything)
		answered[q.op.ID] = answered[q.op.ID] || a.Status < 300
		v, ok := asJSON(a)
		if !ok || a.Status >= 300 {
			continue
		}
		for _, l := range within(answerOf(q.op, a.Status), v, "", nil) {
			if empty(l.value) {
				continue
			}
			heard[q.op.ID+" "+l.place] = true
			switch l.value.(type) {
			case string, float64:
				if len(l.classes) == 1 && (l.own || aDecimal.MatchString(fmt.Sprint(l.value))) {
					c.known(l.value, l.classes...)
				}
			}
		}
	}
	missing := []string{}
	for _, id := range inOrder() {
		op := api.Operations[id]
		if op.Public || !reads(op) {
			continue
		}
		declared(answerOf(op, op.Success), "", nil, func(place string, classes []string) {
			if key := id + " " + place; !heard[key] && !excused(key) {
				missing = append(missing, fmt.Sprintf("%s (%s)", key, strings.Join(classes, ", ")))
			}
		})
	}
	require.Empty(t, strings.Join(missing, "\n"), "nothing in these tests is at these places: plant it in canary_plant_test.go, or say in unheard why not")
	for _, op := range api.Operations {
		for media, pointer := range op.Bodies {
			if strings.HasSuffix(media, "json") && !op.Public && unkept[op.ID] == "" {
				declared(map[string]any{"$ref": pointer}, "", nil, func(place string, classes []string) {
					name := place[strings.LastIndex(place, "/")+1:]
					for _, class := range classes {
						require.True(t, c.planted[name+" "+class], "%s takes %s, of class %s, and no test ever sent one: plant it in canary_plant_test.go", op.ID, place, class)
					}
				})
			}
		}
	}
	for _, class := range c.classes {
		require.NotEmpty(t, c.values[class], "no canary is of class %s", class)
		t.Logf("%s: %d canaries", class, len(c.values[class]))
	}
	t.Logf("%d inquiries", len(all))
}

// stream is what the live stream says within a moment.
func (c *cage) stream(t *testing.T, of *parvistest.Client) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.app.URL+"/v1/events/stream?after=0", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+of.Key)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	body, _ := io.ReadAll(response.Body) // until the context ends
	return string(body)
}

// sent: what the webhooks carried.
func (c *cage) sent(t *testing.T) {
	t.Helper()
	var due []string
	for _, e := range c.Walk("/v1/events?limit=200") {
		data, _ := e["data"].(m)
		if id := fmt.Sprint(data["id"]); id == c.names["contact"] || id == c.others[0]["contact"] || id == c.names["order"] {
			due = append(due, fmt.Sprint(e["id"]))
		}
	}
	require.Greater(t, len(due), 8)
	for _, what := range slices.Sorted(maps.Keys(c.hooks)) {
		parvistest.Eventually(t, "the deliveries without "+what, func() bool { return c.hooks[what].lacks(due) == "" })
		text := c.hooks[what].text()
		class, _, _ := strings.Cut(what, " ")
		if class == "nothing" {
			require.NotEmpty(t, c.detector("identity")(nil, text, ""), "records are sent whole")
			continue
		}
		if value := c.detector(class)(nil, text, ""); value != "" {
			t.Errorf("a webhook without %s tells %s: %s", what, value, around(text, value))
		}
	}
}

// find is a way of asking for a record by a value that somebody who reads
// everything finds by it.
type find struct {
	inquiry
	value   string
	nothing inquiry // the same for a value of nobody
}

// finds are all of them by the class of the value: by every parameter that is no
// name of a record and no word of the contract, and by every field of a filter.
func (c *cage) finds(t *testing.T) map[string][]find {
	t.Helper()
	out := map[string][]find{}
	try := func(class string, f find) {
		there, none := f.ask(c.Client), f.nothing.ask(c.Client)
		if there.Status == http.StatusOK && none.Status == http.StatusOK && shape(there, names{"": f.value}) != shape(none, names{"": f.value}) {
			out[class] = append(out[class], f)
		}
	}
	for _, id := range inOrder() {
		op := api.Operations[id]
		for _, p := range op.Query {
			if op.Method != http.MethodGet || op.Public || plain[p.Name] != "" && p.Name != "siren" && p.Name != "siret" || strings.HasSuffix(p.Name, "_id") || strings.HasPrefix(op.Path, "/v1/scim") {
				continue
			}
			path := address(t, op, merged(c.own, c.names), "")
			for class, values := range c.values {
				for v := range values {
					try(class, find{inquiry{op: op, method: op.Method, path: withQuery(path, p.Name, v)}, v, inquiry{op: op, method: op.Method, path: withQuery(path, p.Name, lacking(p.Name))}})
				}
			}
		}
	}
	search := operation("searchContacts")
	for _, field := range schemaAt(component("ContactFilter"))["properties"].(m)["field"].(m)["enum"].([]any) {
		ask := func(v any) inquiry {
			return inquiry{op: search, method: search.Method, path: search.Path, body: m{"filter": m{"field": field, "op": "in", "value": v}, "count": "exact"}}
		}
		for class, values := range c.values {
			for some := range slices.Chunk(slices.Sorted(maps.Keys(values)), 50) {
				try(class, find{ask(some), strings.Join(some, ", "), ask([]string{"Zqnobody"})})
			}
		}
	}
	require.NotEmpty(t, out["identity"])
	require.NotEmpty(t, out["contact_point"])
	require.NotEmpty(t, out["civil"])
	return out
}

// exported: an archive is refused, or has no value in it.
func (c *cage) exported(t *testing.T, of *parvistest.Client, heard func(http.Header, string, string) string) {
	t.Helper()
	a := of.Post("/v1/exports", m{})
	if a.Status == http.StatusForbidden {
		return
	}
	id := a.Is(http.StatusAccepted).ID()
	parvistest.Eventually(t, "the archive", func() bool { return of.Get("/v1/operations/" + id).Is(200).JSON()["finished_at"] != nil })
	raw := of.Get("/v1/exports/" + id + "/archive").Is(200).Body
	files, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	require.NoError(t, err)
	for _, f := range files.File {
		r, err := f.Open()
		require.NoError(t, err)
		body, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Empty(t, heard(nil, string(body), ""), "%s of the archive", f.Name)
	}
}

// changes: who may read no class at all and write every one is told nothing by
// the answers to changes either, refused or done.
func (c *cage) changes(t *testing.T) {
	blindly := c.app.Limited(parvistest.Limits{Scopes: []string{"*"}, Verbs: everyVerb, Readable: []string{}, Writable: c.classes})
	i := &intruder{Client: blindly, own: merged(c.own, c.names), url: c.app.URL}
	for _, id := range inOrder() {
		op := api.Operations[id]
		if op.Public || reads(op) || otherwise[id].ask != nil {
			continue
		}
		nobody := names{}
		for _, p := range op.PathParameters {
			nobody[kindOf(op, p.Name)] = lacking(kindOf(op, p.Name))
		}
		a, sent := i.ask(t, op, question{}, merged(nobody, i.own))
		if slices.Contains([]int{400, 401, 405, 406, 415, 500}, a.Status) {
			t.Errorf("%s does not reach its handler: %s", id, a.Body)
		}
		for _, class := range c.classes {
			if value := c.detector(class)(a.Header, string(a.Body), sent); value != "" {
				t.Errorf("%s tells %s of class %s: %s", id, value, class, around(string(a.Body), value))
			}
		}
		if v, ok := asJSON(a); ok && a.Status < 300 {
			for _, l := range within(answerOf(op, a.Status), v, "", nil) {
				if !empty(l.value) && l.own {
					t.Errorf("%s answers %v at %s, which is of class %s", id, l.value, l.place, l.classes)
				}
			}
		}
	}
}
