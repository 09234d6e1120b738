package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/bench/internal/load"
)

// deliveriesASecond of a round's length are made in a round.
const deliveriesASecond = 4000

// sink receives deliveries. Whatever comes under /dead is kept waiting for ever
// once the sink is armed.
type sink struct {
	address string
	server  *http.Server
	got     atomic.Int64
	armed   atomic.Bool
}

func newSink() (*sink, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{address: listener.Addr().String()}
	s.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/dead" && s.armed.Load() {
			<-r.Context().Done()
			return
		}
		s.got.Add(1)
		w.WriteHeader(http.StatusNoContent)
	})}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

// webhooks measures deliveries from the events' commit until the last is
// received and recorded, against the same sink hit by the load client; and what
// one dead endpoint costs nine others.
func webhooks(ctx context.Context, e *environment, m measurement) ([]figure, error) {
	s, err := newSink()
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.server.Close() }()
	conn, err := e.owner(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	var figures []figure
	for _, endpoints := range []int{1, 10} {
		var all series
		repeated := int64(0)
		err := e.inRounds(func(int) error {
			r, err := load.Run(ctx, s.address, e.conns, e.seconds, func(b *bytes.Buffer, _, _ int) {
				load.Request(b, "POST", s.address, "/", "none", "Content-Type: application/json\r\n", bareDelivery)
			})
			if err != nil {
				return err
			}
			d, err := e.deliver(ctx, conn, s, endpoints, false)
			if err != nil {
				return err
			}
			all.compare(r.Rate(), d.rate)
			all.spent(d.serverCPU, d.postgresCPU)
			repeated += d.repeated
			return nil
		})
		if err != nil {
			return nil, err
		}
		f := all.figure(m)
		f.What, f.Note = fmt.Sprintf("%s, endpoints: %d", m.what, endpoints), fmt.Sprintf("none lost, %d repeated", repeated)
		figures = append(figures, f)
	}
	var all series
	err = e.inRounds(func(round int) error {
		var rates [2]float64 // alone, beside a dead one
		// The one that goes first changes from round to round: what the first
		// leaves behind weighs on the second.
		for turn := range 2 {
			which := (round + turn) % 2
			d, err := e.deliver(ctx, conn, s, 9, which == 1)
			if err != nil {
				return err
			}
			rates[which] = d.rate
		}
		all.compare(rates[0], rates[1])
		return nil
	})
	if err != nil {
		return nil, err
	}
	f := all.figure(m)
	f.What, f.Goal, f.Met, f.Note = m.what+", 9 beside a dead one", "≥ 0.95", f.Ratio >= 0.95, "against the nine alone"
	return append(figures, f), nil
}

// bareDelivery is as long as a thin event.
var bareDelivery = `{"event":"` + strings.Repeat("x", 420) + `"}`

type delivered struct {
	rate                   float64
	serverCPU, postgresCPU float64 // microseconds a delivery
	repeated               int64
}

// deliver makes endpoints, writes events, waits until all endpoints but the
// dead one have received and recorded them, and removes the endpoints.
func (e *environment) deliver(ctx context.Context, conn *pgx.Conn, s *sink, live int, dead bool) (out delivered, err error) {
	s.armed.Store(false)
	var ids []string
	defer func() {
		for _, id := range ids {
			err = errors.Join(err, e.removeEndpoint(ctx, id))
		}
		err = errors.Join(err, e.settle(ctx, conn))
	}()
	paths := slices.Repeat([]string{""}, live)
	if dead {
		paths = append(paths, "dead")
	}
	for _, path := range paths {
		var made struct{ ID string }
		body := fmt.Sprintf(`{"url":"http://%s/%s","event_types":["contact.updated"]}`, s.address, path)
		if err := e.call(ctx, "POST", "/v1/webhook-endpoints", body, "", &made); err != nil {
			return out, err
		}
		ids = append(ids, made.ID)
	}
	for _, id := range ids {
		err := until(ctx, time.Minute, "an endpoint to be verified", func() (bool, error) {
			var endpoint struct{ Status string }
			err := e.getJSON(ctx, "/v1/webhook-endpoints/"+id, &endpoint)
			return endpoint.Status == "active", err
		})
		if err != nil {
			return out, err
		}
	}
	s.got.Store(0)
	s.armed.Store(true)
	events := max(1, int(deliveriesASecond*e.seconds.Seconds())/live)
	want := int64(events * live)
	if err := e.emit(ctx, conn, events); err != nil {
		return out, err
	}
	spent := e.cpu()
	start := time.Now()
	// The events were written from outside the program; a write inside it is what
	// makes it look.
	if _, err := e.createContact(ctx); err != nil {
		return out, err
	}
	if err := until(ctx, 5*time.Minute, "the deliveries", func() (bool, error) { return s.got.Load() >= want, nil }); err != nil {
		return out, fmt.Errorf("%w: %d of %d", err, s.got.Load(), want)
	}
	err = until(ctx, time.Minute, "the deliveries to be recorded", func() (bool, error) {
		var open bool
		err := conn.QueryRow(ctx, "select exists (select from webhook_deliveries where tenant_id = $1 and endpoint_id = any($2) and status = 'pending')", tenantZero, ids[:live]).Scan(&open)
		return !open, err
	})
	took := time.Since(start)
	out.rate = float64(want) / took.Seconds()
	out.serverCPU, out.postgresCPU = spent(int(want))
	out.repeated = s.got.Load() - want
	return out, err
}

// emit writes events into the log, each of another contact as far as there are.
func (e *environment) emit(ctx context.Context, conn *pgx.Conn, n int) error {
	_, err := conn.Exec(ctx, `with e as (
			insert into events (tenant_id, id, type, subject_kind, subject_id, subject_version, occurred_at, actor_kind, actor_id)
			select $1, gen_random_uuid(), 'contact.updated', 'contact', ('01900000-0000-7000-8000-' || lpad(to_hex(g * 10 % $3), 12, '0'))::uuid, 1, now(), 'system', 'bench'
			from generate_series(1, $2::int) g returning tenant_id, id)
		insert into event_queue (tenant_id, event_id) select tenant_id, id from e`, tenantZero, n, e.people)
	return err
}

func (e *environment) removeEndpoint(ctx context.Context, id string) error {
	var endpoint struct{ Version int64 }
	if err := e.getJSON(ctx, "/v1/webhook-endpoints/"+id, &endpoint); err != nil {
		return err
	}
	return e.call(ctx, "DELETE", "/v1/webhook-endpoints/"+id, "", fmt.Sprintf(`"%d"`, endpoint.Version), nil)
}
