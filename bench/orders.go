package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/parvis-crm/parvis/bench/internal/dataset"
	"github.com/parvis-crm/parvis/bench/internal/load"
	"github.com/parvis-crm/parvis/bench/internal/measure"
)

const (
	ordersInBatch = 500
	// batchSenders is how many batches are under way at once.
	batchSenders = 4
)

// orders sends ticketing orders in batches, half of them of buyers that are
// known already, 2.6 tickets each, and counts at the end what has been kept.
func orders(ctx context.Context, e *environment, m measurement) ([]figure, error) {
	conn, err := e.owner(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	vendor := fmt.Sprintf("bench-%x", time.Now().UnixMilli())
	if err := e.call(ctx, "POST", "/v1/ticketing/sources", fmt.Sprintf(`{"code":%q,"name":"Bench","kind":"generic"}`, vendor), "", nil); err != nil {
		return nil, err
	}
	path := "/v1/ticketing/sources/" + vendor + "/batches"
	s := &orderSeries{known: knownBuyers(e.people)}
	var first bytes.Buffer
	s.batch(&first, random(0))
	var answer struct {
		Summary struct{ Created int }
		Results []struct{ Problem any }
	}
	if err := e.call(ctx, "POST", path, first.String(), "", &answer); err != nil {
		return nil, err
	}
	if answer.Summary.Created != ordersInBatch {
		return nil, fmt.Errorf("of the first batch %d orders were taken; the first result: %v", answer.Summary.Created, answer.Results[0])
	}
	next := each(e, func(b *bytes.Buffer, r *rand.Rand) {
		var body bytes.Buffer
		s.batch(&body, r)
		load.Request(b, "POST", e.address, path, e.key, "Content-Type: application/json\r\n", body.String())
	})
	var rates, p50, p95, servers, postgres []float64
	for range e.rounds {
		server, family := measure.Process(e.server.Process.Pid), measure.Family(e.pgPID)
		r, err := load.Run(ctx, e.address, batchSenders, e.seconds, next)
		if err != nil {
			return nil, err
		}
		if r.Failures > 0 {
			return nil, fmt.Errorf("%d of %d batches failed: %s", r.Failures, r.Requests, r.Sample)
		}
		per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(r.Requests*ordersInBatch) }
		servers, postgres = append(servers, per(measure.Process(e.server.Process.Pid)-server)), append(postgres, per(measure.Family(e.pgPID)-family))
		rates = append(rates, r.Rate()*ordersInBatch)
		p50, p95 = append(p50, ms(r.Percentile(0.5))), append(p95, ms(r.Percentile(0.95)))
	}
	if err := e.settle(ctx, conn); err != nil {
		return nil, err
	}
	var kept, tickets, linked int64
	err = conn.QueryRow(ctx, `select count(*), coalesce(sum((select count(*) from ticketing_lines l where l.tenant_id = o.tenant_id and l.order_id = o.id)), 0), count(o.contact_id)
		from ticketing_orders o join ticketing_sources s on s.tenant_id = o.tenant_id and s.id = o.source_id where s.tenant_id = $1 and s.code = $2`, tenantZero, vendor).
		Scan(&kept, &tickets, &linked)
	if err != nil {
		return nil, err
	}
	lost := s.orders.Load() - kept + s.tickets.Load() - tickets
	rate := measure.Median(rates)
	return []figure{{
		Op: m.name, What: m.what, Ours: rate, Goal: "≥ 6,000/min, zero loss", Met: rate*60 >= 6000 && lost == 0,
		P50: measure.Median(p50), P95: measure.Median(p95), ServerCPU: measure.Median(servers), PostgresCPU: measure.Median(postgres),
		Note: fmt.Sprintf("%.0f orders a minute; sent %d orders and %d tickets, lost %d; %d linked to a contact; times are of a batch", rate*60, s.orders.Load(), s.tickets.Load(), lost, linked),
	}}, nil
}

// orderSeries writes batches of orders, never the same order twice.
type orderSeries struct {
	known           []dataset.Person
	orders, tickets atomic.Int64
}

func knownBuyers(people int) []dataset.Person {
	r := random(77)
	out := make([]dataset.Person, 4096)
	for i := range out {
		for out[i].Email == "" {
			out[i] = dataset.At(pick(r, people))
		}
	}
	return out
}

func (s *orderSeries) batch(b *bytes.Buffer, r *rand.Rand) {
	b.WriteString(`{"records":[`)
	for i := range ordersInBatch {
		if i > 0 {
			b.WriteByte(',')
		}
		n := s.orders.Add(1)
		p := s.known[r.IntN(len(s.known))]
		email := p.Email
		if n%2 == 0 {
			email = fmt.Sprintf("acheteur.%x.%x@courriel.example", n, r.Uint64())
		}
		tickets := 3 - int(n%5)/3 // three of five orders have three, the others two
		s.tickets.Add(int64(tickets))
		fmt.Fprintf(b, `{"kind":"order","external_id":"o%d","source_version":1,"data":{"number":"N%d","commercial_state":"confirmed","placed_at":"2026-03-01T18:00:00Z","currency":"EUR","buyer":{"email":%q,"given_name":%q,"family_name":%q},"lines":[`,
			n, n, email, p.Given, p.Family)
		for t := range tickets {
			if t > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(b, `{"external_id":"o%d-%d","performance":"date-%d","price_type":"full","amount":"24.00"}`, n, t, n%40)
		}
		fmt.Fprintf(b, `],"payments":[{"external_id":"o%d-p","method":"card","amount":"%d.00","state":"settled","at":"2026-03-01T18:01:00Z"}]}}`, n, 24*tickets)
	}
	b.WriteString(`]}`)
}
