package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/parvis-crm/parvis/bench/internal/dataset"
	"github.com/parvis-crm/parvis/bench/internal/load"
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
	system := fmt.Sprintf("bench-%x", time.Now().UnixMilli())
	if err := e.call(ctx, "POST", "/v1/ticketing/sources", fmt.Sprintf(`{"code":%q,"name":"Bench","kind":"generic"}`, system), "", nil); err != nil {
		return nil, err
	}
	path := "/v1/ticketing/sources/" + system + "/batches"
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
	var all series
	err = e.inRounds(func(int) error {
		spent := e.cpu()
		r, err := load.Run(ctx, e.address, batchSenders, e.seconds, next)
		if err = errors.Join(err, succeeded(r)); err != nil {
			return err
		}
		all.spent(spent(r.Requests * ordersInBatch))
		all.ours = append(all.ours, r.Rate()*ordersInBatch)
		all.latencies(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := e.settle(ctx, conn); err != nil {
		return nil, err
	}
	var kept, tickets, linked int64
	err = conn.QueryRow(ctx, `select count(*), coalesce(sum((select count(*) from ticketing_lines l where l.tenant_id = o.tenant_id and l.order_id = o.id)), 0), count(o.contact_id)
		from ticketing_orders o join ticketing_sources s on s.tenant_id = o.tenant_id and s.id = o.source_id where s.tenant_id = $1 and s.code = $2`, tenantZero, system).
		Scan(&kept, &tickets, &linked)
	if err != nil {
		return nil, err
	}
	lost := s.orders.Load() - kept + s.tickets.Load() - tickets
	f := all.figure(m)
	f.Goal, f.Met = "≥ 6,000/min, zero loss", f.Ours*60 >= 6000 && lost == 0
	f.Note = fmt.Sprintf("%.0f orders a minute; sent %d orders and %d tickets, lost %d; %d linked to a contact; times are of a batch, four at once", f.Ours*60, s.orders.Load(), s.tickets.Load(), lost, linked)
	return []figure{f}, nil
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
