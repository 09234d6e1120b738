package isolationtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// Every operation is asked by a stranger, and by a colleague of another
// department, with both walls and with either alone.
func TestNothingOfOthersIsToldOrChanged(t *testing.T) {
	t.Parallel()
	for _, w := range []walls{both, database, program} {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			everything(t, w)
		})
	}
}

func everything(t *testing.T, w walls) {
	t.Helper()
	app, rewrites := w.start(t)
	theirs := newWorld(t, app, app.Client, "zarquolin")
	theirPerson := theirs.person(t, "vexomiral")
	ours := newWorld(t, app, app.OtherTenant(), "brundelop")
	visible := ours.person(t, "ostrevane")
	seen, hiding := ours.own["department"], ours.Post("/v1/departments", m{"code": "direction", "name": "Direction"}).Is(201).ID()
	ours.holdIn(t, visible, seen)
	limited := ours.limitedTo(t, seen)
	unwilling := ours.person(t, "kelmorast")
	bound := ours.boundTo(t, ours.own["purpose_code"])
	ours.Post("/v1/contacts/"+unwilling.names["contact"]+"/consents", m{
		"purpose": ours.own["purpose_code"], "channel": "email", "action": "withdrawn", "mechanism": "unsubscribe_link", "at": "2026-11-24T10:15:00Z", "zone": "Europe/Paris",
	}).Is(201)
	ours.quiet(t) // lists of figures are of whom was counted
	before := lists(limited)
	hidden, restricted := ours.person(t, "quithasel"), ours.person(t, "dromifaux")
	ours.holdIn(t, hidden, hiding)
	ours.holdIn(t, restricted, seen)
	bound.Get("/v1/contacts/" + visible.names["contact"]).Is(200)
	as(t, app.DB, "update contacts set restricted = true where id = $1", restricted.names["contact"])
	theirs.quiet(t)
	w.open(t, app.DB)

	intruders := map[string]*intruder{
		"another institution": {
			Client: ours.Client, own: merged(ours.own, visible.names), secret: merged(theirs.own, theirPerson.names),
			words: append([]string{theirs.word, theirPerson.word}, identifiersOf(theirs.own, theirPerson.names)...),
		},
		"another department": {
			Client: limited, own: merged(ours.own, visible.names), secret: hidden.names, words: append([]string{hidden.word}, identifiersOf(hidden.names)...),
		},
		"without the right to restricted contacts": {
			Client: limited, own: merged(ours.own, visible.names), secret: restricted.names, words: append([]string{restricted.word}, identifiersOf(restricted.names)...),
		},
		"without a basis for the purpose": {
			Client: bound, own: merged(ours.own, visible.names), secret: unwilling.names, words: append([]string{unwilling.word}, identifiersOf(unwilling.names)...),
		},
	}
	walked := []string{"another department", "without the right to restricted contacts", "without a basis for the purpose", "another institution"}
	sealed := sealedRequest{}
	if w == program {
		sealed = openSealed(t, app.DB, ours)
		intruders["a sealed family"] = sealed.intruder(ours, merged(ours.own, visible.names), hidden.names)
		walked = append(walked, "a sealed family") // last: it has every right, and makes things
	}
	for _, name := range walked {
		i := intruders[name]
		i.url, i.reached = app.URL, map[string]int{}
		t.Run(name, func(t *testing.T) {
			if name == "another department" {
				require.Equal(t, before, lists(limited), "a list is another because of what is hidden from it")
			}
			kept := i.protected(t, app.DB, theirs.tenant)
			i.walk(t)
			require.Equal(t, kept, i.protected(t, app.DB, theirs.tenant), "something of theirs was changed")
			for id := range api.Operations {
				if !t.Failed() {
					require.Positive(t, i.reached[id], "%s was not asked: without the proof of isolation an operation is not finished", id)
				}
			}
		})
	}
	if w == database {
		require.Greater(t, rewrites(), 150, "the program's predicates were there")
	}
	if w == program {
		sealed.untouched(t, app.DB)
	}
	t.Run("what is asked for is there", func(t *testing.T) { owned(t, theirs, theirPerson, ours, hidden, restricted, unwilling) })
}

// identifiersOf are the identifiers among names.
func identifiersOf(all ...names) []string {
	var out []string
	for _, n := range all {
		for _, v := range n {
			if _, err := uuid.Parse(v); err == nil {
				out = append(out, v)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// owned asks for the same records with every right, so that a proof about
// records that never were is none.
func owned(t *testing.T, theirs *world, theirPerson person, ours *world, hidden, restricted, unwilling person) {
	t.Helper()
	for _, one := range []struct {
		w *world
		p person
	}{{theirs, theirPerson}, {ours, hidden}, {ours, restricted}, {ours, unwilling}} {
		for _, id := range slices.Sorted(maps.Keys(api.Operations)) {
			op := api.Operations[id]
			if op.Method == http.MethodGet && !op.Public && len(op.PathParameters) > 0 && alike[id] == "" {
				a := one.w.Get(address(t, op, merged(one.w.own, one.p.names), ""), parvistest.Header("Parvis-Reason", "accueil"))
				require.Equal(t, 200, a.Status, "%s of %s: %s", id, one.p.word, a.Body)
			}
		}
	}
}

// lists is how much of each list of the institution a client sees.
func lists(c *parvistest.Client) map[string]string {
	out := map[string]string{}
	for id, op := range api.Operations {
		if op.Method != http.MethodGet || op.Public || len(op.PathParameters) > 0 || growing[id] != "" || !slices.ContainsFunc(op.Query, func(q api.QueryParameter) bool { return q.Name == "cursor" }) {
			continue
		}
		if slices.ContainsFunc(op.Query, func(q api.QueryParameter) bool { return q.Required }) {
			continue // asks about something
		}
		path := op.Path
		if slices.ContainsFunc(op.Query, func(q api.QueryParameter) bool { return q.Name == "count" }) {
			path += "?count=exact"
		}
		a := c.Get(path).Is(200)
		out[id] = fmt.Sprint(len(a.Data()), " of ", a.JSON()["total_count"])
	}
	return out
}

// growing are lists that are another at each look, with the reason.
var growing = map[string]string{
	"listReads": "a look at a list is in it", "listAuditEntries": "the same, and what was refused", "listEvents": "the log goes on; what is withheld keeps its place", "listDepartments": "the test makes one more that everybody may know",
	"listOperations": "work that everybody may know", "listTicketingProductions": "known to everybody, described by the next order", "listTicketingPerformances": "as the productions",
	"listTicketingPriceTypes": "as the productions", "listTicketingVenues": "as the productions", "listTicketingProducts": "as the productions",
}

// alike are operations whose answer is the same in every institution, with the
// reason.
var alike = map[string]string{
	"getScimResourceType": "describes the service", "getScimSchema": "describes the service",
}

// running are tables that change by themselves, with the reason.
var running = map[string]string{
	"access_log": "reads, ours among them", "access_log_index": "the same", "access_log_marks": "the same", "access_log_subjects": "the same", "refusals": "what we were refused", "audit_batches": "seals of both", "audit_unsealed": "the same", "idempotency_keys": "answers to ourselves",
	"vault_keys": "sealed anew when a key is rotated", "vault_tenant_keys": "the same",
	"ticketing_rematches": "the program's work", "indicator_notes": "the program's work",
	"event_heads": "the program's counters", "event_queue": "the program's work", "webhook_cursors": "the program's counters", "webhook_queues": "the program's work",
}

// protected is a digest of each table's rows that an intruder must not change:
// all of the other institution's, or those that name a hidden contact.
func (i *intruder) protected(t *testing.T, db *parvistest.DB, other uuid.UUID) map[string]string {
	t.Helper()
	conn := owner(t, db)
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), `select relname::text from pg_class c where relnamespace = 'crm'::regnamespace and relkind in ('r', 'p') and not relispartition
		and exists (select from pg_attribute a where a.attrelid = c.oid and attname = 'tenant_id' and not attisdropped)`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	out := map[string]string{}
	for _, table := range tables {
		if running[table] != "" {
			continue
		}
		condition, value := "tenant_id = $1::uuid", other.String()
		if i.secret["institution"] == "" {
			condition, value = "(to_jsonb(x)::text like '%' || $1::text || '%')", i.secret["contact"]
		}
		rows, err := conn.Query(t.Context(), "select (to_jsonb(x) - '{last_used_at,data,data_sealed,counted_at}'::text[])::text from "+pgx.Identifier{table}.Sanitize()+" x where "+condition+" order by 1", value)
		require.NoError(t, err)
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
		out[table] = fmt.Sprint(len(all), " rows ", hex.EncodeToString(sum[:6]))
	}
	return out
}
