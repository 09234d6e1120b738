package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/parvis-crm/parvis/bench/internal/dataset"
	"github.com/parvis-crm/parvis/bench/internal/load"
	"github.com/parvis-crm/parvis/internal/ids"
)

// measurement is one line, or a few, of the report.
type measurement struct {
	name, what string
	named      bool    // only measured when it is asked for by name
	goal       float64 // least ratio to the ceiling
	ceiling    func(e *environment) string
	next       func(e *environment) load.Next
	measure    func(ctx context.Context, e *environment, m measurement) ([]figure, error)
}

func measurements() []measurement {
	return []measurement{
		{name: "get", what: "get one by id", goal: 0.30, measure: inTurns, ceiling: getSQL, next: get},
		{name: "lookup", what: "lookup by e-mail", goal: 0.30, measure: inTurns, ceiling: lookupSQL, next: lookup},
		{name: "list", what: "list 50, keyset, random depth", goal: 0.45, measure: inTurns, ceiling: listSQL, next: list},
		{name: "prefix", what: "name prefix search", goal: 0.70, measure: inTurns, ceiling: prefixSQL, next: prefix},
		{name: "fuzzy", what: "fuzzy name search", measure: fuzzy},
		{name: "boxoffice", what: "somebody at the box office", measure: boxOffice},
		{name: "create", what: "create one, with its event", goal: 0.45, measure: inTurns, ceiling: createSQL, next: create},
		{name: "upsert", what: "upsert by external id, with event", goal: 0.40, measure: inTurns, ceiling: upsertSQL, next: upsert},
		{name: "rights", what: "get with one right, against all", measure: rights},
		{name: "purpose", what: "get for a purpose, against all", measure: purpose},
		{name: "feed", what: "event to feed", measure: feed},
		{name: "start", what: "start to first answer", measure: startUp},
		{name: "orders", what: "ticketing orders in, 500 a batch", measure: orders},
		// After those that put rows where the data set has none.
		{name: plansName, what: "queries that scan a growing table", measure: plans},
		{name: "export", what: "archive of the whole tenant (rows)", goal: 0.30, measure: export},
		{name: "import", what: "import of that archive (rows)", goal: 0.30, measure: imports},
		{name: "webhooks", what: "webhook deliveries", goal: 0.15, measure: webhooks},
		// Takes minutes, and stops PostgreSQL.
		{name: "ticketing", what: "an opening morning", named: true, measure: ticketingLoad},
		// Takes the smaller data sets too.
		{name: "growth", what: "growth", named: true, measure: growth},
	}
}

// inTurns runs ceiling and server one after the other, round by round.
func inTurns(ctx context.Context, e *environment, m measurement) ([]figure, error) {
	next := m.next(e)
	// One short round of each warms caches and plans.
	if _, _, err := e.pgbench(ctx, m.ceiling(e), e.conns, time.Second); err != nil {
		return nil, err
	}
	if _, err := load.Run(ctx, e.address, e.conns, time.Second, next); err != nil {
		return nil, err
	}
	var s series
	err := e.inRounds(func(int) error {
		ceiling, cpu, err := e.pgbench(ctx, m.ceiling(e), e.conns, e.seconds)
		if err != nil {
			return err
		}
		spent := e.cpu()
		r, err := load.Run(ctx, e.address, e.conns, e.seconds, next)
		if err = errors.Join(err, succeeded(r)); err != nil {
			return err
		}
		s.spent(spent(r.Requests))
		s.compare(ceiling, r.Rate())
		s.latencies(r)
		s.ceilingCPU = append(s.ceilingCPU, cpu)
		return nil
	})
	return []figure{s.figure(m)}, err
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// tenantZero is the institution that has nine tenths of the contacts.
var tenantZero = dataset.TenantID(0).String()

// pick draws somebody of the first institution: any index but each tenth.
func pick(r *rand.Rand, people int) int {
	i := r.IntN(people)
	if i%10 == 9 {
		i--
	}
	return i
}

// somebody is pick in pgbench's language.
func somebody(e *environment) string {
	return fmt.Sprintf("\\set n random(0, %d)\n\\set i :n - (case when mod(:n, 10) = 9 then 1 else 0 end)\n", e.people-1)
}

const contactID = "('01900000-0000-7000-8000-' || lpad(to_hex(:i::bigint), 12, '0'))::uuid"

func random(worker int) *rand.Rand { return rand.New(rand.NewPCG(uint64(worker)+1, 7)) }

// each gives every worker randomness of its own.
func each(e *environment, write func(b *bytes.Buffer, r *rand.Rand)) load.Next {
	sources := make([]*rand.Rand, e.conns)
	for w := range sources {
		sources[w] = random(w)
	}
	return func(b *bytes.Buffer, worker, _ int) { write(b, sources[worker]) }
}

func getSQL(e *environment) string {
	return somebody(e) + "select * from contacts where tenant_id = '" + tenantZero + "' and id = " + contactID + ";\n"
}

func get(e *environment) load.Next {
	return each(e, func(b *bytes.Buffer, r *rand.Rand) {
		load.Request(b, "GET", e.address, "/v1/contacts/"+dataset.ContactID(pick(r, e.people)).String(), e.key, "", "")
	})
}

func withEmail(r *rand.Rand, people int) string {
	for {
		if p := dataset.At(pick(r, people)); p.Email != "" && p.TwinOf < 0 {
			return p.Email
		}
	}
}

func lookupSQL(e *environment) string {
	// The address is read by its point's id, so that both sides look up one
	// address by index: the point by its address, then the contact.
	return somebody(e) + "select c.* from contact_points p join contacts c on c.tenant_id = p.tenant_id and c.id = p.contact_id where p.tenant_id = '" + tenantZero +
		"' and p.kind = 'email' and p.normalized = coalesce((select q.normalized from contact_points q where q.tenant_id = '" + tenantZero +
		"' and q.id = ('01910000-0000-7000-8000-' || lpad(to_hex(:i::bigint * 2), 12, '0'))::uuid), 'nobody');\n"
}

func lookup(e *environment) load.Next {
	addresses := make([]string, 4096)
	r := random(99)
	for i := range addresses {
		addresses[i] = url.QueryEscape(withEmail(r, e.people))
	}
	return each(e, func(b *bytes.Buffer, r *rand.Rand) {
		load.Request(b, "GET", e.address, "/v1/contacts?email="+addresses[r.IntN(len(addresses))], e.key, "", "")
	})
}

func listSQL(e *environment) string {
	return somebody(e) + "select * from contacts where tenant_id = '" + tenantZero + "' and archived_at is null and created_at < timestamptz '" + dataset.Epoch.Format(time.RFC3339) +
		"' + :i::int * interval '1 minute' order by created_at desc, id desc limit 50;\n"
}

func list(e *environment) load.Next {
	return each(e, func(b *bytes.Buffer, r *rand.Rand) {
		at := dataset.Epoch.Add(time.Duration(pick(r, e.people)) * time.Minute).Format(time.RFC3339)
		load.Request(b, "GET", e.address, "/v1/contacts?created_at_lt="+at, e.key, "", "")
	})
}

func prefixSQL(*environment) string {
	return "\\set n random(0, 15)\n" +
		"select c.* from contact_search s join contacts c on c.tenant_id = s.tenant_id and c.id = s.contact_id where s.tenant_id = '" + tenantZero +
		"' and s.words like (array['% lambe%','% rousse%','% mercie%','% chevali%','% fontai%','% girau%','% bonne%','% gauthi%','% lefeb%','% perrin%','% schmit%','% carpen%','% deschan%','% prevos%','% humber%','% delau%'])[:n::int + 1] limit 50;\n"
}

func prefix(e *environment) load.Next {
	words := []string{"lambe", "rousse", "mercie", "chevali", "fontai", "girau", "bonne", "gauthi", "lefeb", "perrin", "schmit", "carpen", "deschan", "prevos", "humber", "delau"}
	return each(e, func(b *bytes.Buffer, r *rand.Rand) {
		load.Request(b, "GET", e.address, "/v1/contacts?name_prefix="+words[r.IntN(len(words))], e.key, "", "")
	})
}

// createSQL writes the rows that a creation writes: the contact, what it is
// found by, its event with its changes; not the event's place in the queue, at
// which the program's own sequencer would set to work beside the ceiling.
// pgbench takes a colon before a letter for a variable, inside a text too: hence
// the escapes.
func createSQL(*environment) string {
	return `begin;
select gen_random_uuid() as id, gen_random_uuid() as event \gset
insert into contacts (tenant_id, id, kind, given_name, family_name, display_name, sort_name, source) values ('` + tenantZero + `', :id, 'person', 'Odile', 'Ferrandis', 'Odile Ferrandis', 'ferrandis odile', '');
insert into contact_search (tenant_id, contact_id, words, name_keys) values ('` + tenantZero + `', :id, ' odile ferrandis ', array[E's\x3aodil',E's\x3aferandi',E'd\x3aodile',E'd\x3adile',E'd\x3aoile',E'd\x3aodle',E'd\x3aodie',E'd\x3aodil',E'd\x3aferrandis',E'd\x3aerrandis',E'd\x3afrrandis',E'd\x3aferandis',E'd\x3aferrndis',E'd\x3aferradis',E'd\x3aferranis',E'd\x3aferrands',E'd\x3aferrandi']);
insert into events (tenant_id, id, type, subject_kind, subject_id, subject_version, occurred_at, actor_kind, actor_id, changed) values ('` + tenantZero + `', :event, 'contact.created', 'contact', :id, 1, now(), 'system', 'bench', array['/family_name','/given_name','/kind']);
insert into event_changes (tenant_id, event_id, changes) values ('` + tenantZero + `', :event, '[{"pointer":"/family_name","before": null,"after":"Ferrandis"},{"pointer":"/given_name","before": null,"after":"Odile"},{"pointer":"/kind","before": null,"after":"person"}]');
end;
`
}

func create(e *environment) load.Next {
	return each(e, func(b *bytes.Buffer, r *rand.Rand) {
		p := dataset.At(pick(r, e.people))
		body := fmt.Sprintf(`{"kind":"person","given_name":%q,"family_name":%q}`, p.Given, p.Family)
		load.Request(b, "POST", e.address, "/v1/contacts", e.key, "Content-Type: application/json\r\nIdempotency-Key: "+ids.New().String()+"\r\n", body)
	})
}

func upsertSQL(e *environment) string {
	return somebody(e) + "begin;\n" +
		"select c.* from contact_external_ids x join contacts c on c.tenant_id = x.tenant_id and c.id = x.contact_id where x.tenant_id = '" + tenantZero + "' and x.source = E'ticketing\\x3abench' and x.external_id = 'c' || :i::text for update of c;\n" +
		"update contacts set nickname = 'b' || :n::text, version = version + 1, updated_at = now() where tenant_id = '" + tenantZero + "' and id = " + contactID + ";\n" +
		"insert into events (tenant_id, id, type, subject_kind, subject_id, subject_version, occurred_at, actor_kind, actor_id) values ('" + tenantZero + "', gen_random_uuid(), 'contact.updated', 'contact', " + contactID + ", 1, now(), 'system', 'bench');\n" +
		"end;\n"
}

func upsert(e *environment) load.Next {
	return each(e, func(b *bytes.Buffer, r *rand.Rand) {
		i := pick(r, e.people)
		body := fmt.Sprintf(`{"nickname":"b%d"}`, r.IntN(1_000_000_000))
		load.Request(b, "PATCH", e.address, fmt.Sprintf("/v1/contacts/by-external-id/%s/c%d", url.PathEscape(source), i), e.key, "Content-Type: application/merge-patch+json\r\n", body)
	})
}
