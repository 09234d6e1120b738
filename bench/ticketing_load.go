package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/parvis-crm/parvis/internal/pgembed"
)

// The load of an opening morning: orders and the hooks that announce them.
const (
	sustainedOrders = 600 // a minute
	burstOrders     = 1800
	hooksAnOrder    = 3
)

// ticketingLoad lets a vendor sell at a steady rate, then in a burst with three
// hooks an order, and during the burst kills the program once and stops
// PostgreSQL once. Hooks that are not acknowledged are sent again, as vendors
// do. It counts what was lost, and says how long hooks waited for their
// acknowledgement and orders until they were readable with their buyer.
func ticketingLoad(ctx context.Context, e *environment, m measurement) ([]figure, error) {
	v, err := openSeller(360)
	if err != nil {
		return nil, err
	}
	defer v.close()
	system := fmt.Sprintf("load-%x", time.Now().UnixMilli())
	var source struct{ ID uuid.UUID }
	if err := e.call(ctx, "POST", "/v1/ticketing/sources", fmt.Sprintf(`{"code":%q,"name":"Load","kind":"pretix","time_zone":"Europe/Paris"}`, system), "", &source); err != nil {
		return nil, err
	}
	if err := e.call(ctx, "PUT", "/v1/ticketing/sources/"+system+"/connection",
		fmt.Sprintf(`{"connector":"pretix","base_url":%q,"settings":{"organizer":"bench"},"secrets":{"token":%q}}`, v.address, v.token), "", nil); err != nil {
		return nil, err
	}
	var hook struct{ URL string }
	if err := e.call(ctx, "POST", "/v1/ticketing/sources/"+system+"/connection/hook-address", "", "", &hook); err != nil {
		return nil, err
	}
	_, path, ok := strings.Cut(hook.URL, "/v1/")
	if !ok {
		return nil, fmt.Errorf("the address for hooks is %q", hook.URL)
	}
	target := "http://" + e.address + "/v1/" + path
	run := &loadRun{e: e, vendor: v, source: source.ID, target: target, sold: map[string]time.Time{}, seen: map[string]time.Time{}}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	watched := make(chan error, 1)
	go func() { watched <- run.watch(watching) }()

	calm, err := run.phase(ctx, "sustained", sustainedOrders, e.loadFor, nil)
	if err != nil {
		return nil, err
	}
	burst, err := run.phase(ctx, "burst", burstOrders, e.loadFor, run.faults)
	if err != nil {
		return nil, err
	}
	stop()
	if err := <-watched; err != nil && !errors.Is(err, context.Canceled) {
		return nil, err
	}
	figures := []figure{calm.hooks(m, "hook acknowledged, sustained", 150, 500), calm.fresh(m, "hook to contact, sustained", 10_000),
		burst.hooks(m, "hook acknowledged, burst", 150, 500), burst.fresh(m, "hook to contact, burst", 60_000)}
	figures[3].Note += fmt.Sprintf("; the vendor was asked %d times (360 a minute allowed), %d times too often", v.requests, v.throttled)
	return figures, nil
}

type loadRun struct {
	e      *environment
	vendor *seller
	source uuid.UUID
	target string
	n      int

	mu         sync.Mutex
	sold, seen map[string]time.Time
}

// phaseResult is what one rate came to.
type phaseResult struct {
	rate         int
	orders, lost int
	acks, ages   []time.Duration
	again        int
	faults       string
}

// phase sells at a rate for a while, disturbed in its middle, and waits until
// everything sold is readable.
func (l *loadRun) phase(ctx context.Context, name string, rate int, d time.Duration, disturb func(ctx context.Context) error) (phaseResult, error) {
	out := phaseResult{rate: rate}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	begun := time.Now()
	orders := int(d.Minutes() * float64(rate))
	disturbed := disturb == nil
	mine := make([]string, 0, orders)
	for i := range orders {
		if wait := time.Until(begun.Add(time.Duration(i) * time.Minute / time.Duration(rate))); wait > 0 {
			select {
			case <-ctx.Done():
				return out, ctx.Err()
			case <-time.After(wait):
			}
		}
		if !disturbed && i >= orders/3 {
			disturbed = true
			out.faults = "; the program was killed and PostgreSQL stopped meanwhile"
			wg.Go(func() {
				if err := disturb(ctx); err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
				}
			})
		}
		l.n++
		code, err := l.vendor.sell(l.n)
		if err != nil {
			return out, err
		}
		l.mu.Lock()
		l.sold[code] = time.Now()
		l.mu.Unlock()
		mine = append(mine, code)
		for k := range hooksAnOrder {
			id := l.n*hooksAnOrder + k
			wg.Go(func() {
				took, again, err := l.announce(ctx, id, code)
				mu.Lock()
				out.acks = append(out.acks, took)
				out.again += again
				failed = errors.Join(failed, err)
				mu.Unlock()
			})
		}
	}
	wg.Wait()
	if failed != nil {
		return out, fmt.Errorf("%s: %w", name, failed)
	}
	missing := func() (n int) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, code := range mine {
			if _, ok := l.seen[code]; !ok {
				n++
			}
		}
		return n
	}
	_ = until(ctx, 10*time.Minute, "all orders to arrive", func() (bool, error) { return missing() == 0, ctx.Err() })
	out.orders, out.lost = orders, missing()
	l.mu.Lock()
	for _, code := range mine {
		if at, ok := l.seen[code]; ok {
			out.ages = append(out.ages, at.Sub(l.sold[code]))
		}
	}
	l.mu.Unlock()
	return out, nil
}

// announce sends one hook until it is acknowledged. What it returns is how long
// the answer took that acknowledged it.
func (l *loadRun) announce(ctx context.Context, id int, code string) (took time.Duration, again int, err error) {
	actions := []string{"pretix.event.order.placed", "pretix.event.order.payment.confirmed", "pretix.event.order.paid"}
	body := fmt.Sprintf(`{"notification_id":%d,"organizer":"bench","event":"saison","code":%q,"action":%q}`, id, code, actions[id%hooksAnOrder])
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.target, strings.NewReader(body))
		if err != nil {
			return 0, again, err
		}
		request.Header.Set("Content-Type", "application/json")
		begun := time.Now()
		response, err := hookClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode/100 == 2 {
				return time.Since(begun), again, nil
			}
			if response.StatusCode/100 == 3 || response.StatusCode == http.StatusGone {
				return 0, again, fmt.Errorf("a hook was answered %s", response.Status)
			}
		}
		again++
		select {
		case <-ctx.Done():
			return 0, again, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

var hookClient = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// faults kills the program, starts it again, and then does the same to PostgreSQL.
func (l *loadRun) faults(ctx context.Context) error {
	e := l.e
	binary := e.server.Path
	if err := e.server.Process.Kill(); err != nil {
		return err
	}
	_ = e.server.Wait()
	if err := e.start(ctx, binary); err != nil {
		return fmt.Errorf("starting again: %w", err)
	}
	if err := e.pg.Stop(ctx); err != nil {
		return fmt.Errorf("stopping PostgreSQL: %w", err)
	}
	return e.startPostgres(ctx)
}

// watch notes when each order is first seen together with its buyer. The
// database may be away for a while.
func (l *loadRun) watch(ctx context.Context) error {
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close(context.WithoutCancel(ctx))
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if conn == nil || conn.IsClosed() {
			var err error
			if conn, err = l.e.owner(ctx); err != nil {
				conn = nil
				continue
			}
		}
		rows, err := conn.Query(ctx, `select number from ticketing_orders where tenant_id = $1 and source_id = $2 and contact_id is not null and number <> all($3)`, tenantZero, l.source, l.known())
		if err != nil {
			continue
		}
		codes, err := pgx.CollectRows(rows, pgx.RowTo[string])
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code[:2] == "42" {
			return err
		}
		now := time.Now()
		l.mu.Lock()
		for _, code := range codes {
			l.seen[code] = now
		}
		l.mu.Unlock()
	}
}

func (l *loadRun) known() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]string, 0, len(l.seen))
	for code := range l.seen {
		out = append(out, code)
	}
	return out
}

func percentile(d []time.Duration, p float64) float64 {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	return float64(sorted[min(len(sorted)-1, int(p*float64(len(sorted))))].Microseconds()) / 1000
}

func (r phaseResult) hooks(m measurement, what string, p95, p99 float64) figure {
	f := figure{Op: m.name, What: what, Goal: fmt.Sprintf("p95 < %.0f ms, p99 < %.0f ms", p95, p99), P50: percentile(r.acks, 0.50), P95: percentile(r.acks, 0.95)}
	last := percentile(r.acks, 0.99)
	f.Met = f.P95 < p95 && last < p99
	f.Note = fmt.Sprintf("p99 %.0f ms, slowest %.0f ms; %d hooks, %d orders a minute; %d had to be sent again%s", last, percentile(r.acks, 1), len(r.acks), r.rate, r.again, r.faults)
	return f
}

func (r phaseResult) fresh(m measurement, what string, p95 float64) figure {
	f := figure{Op: m.name, What: what, Goal: fmt.Sprintf("p95 < %.0f s, zero loss", p95/1000), P50: percentile(r.ages, 0.50), P95: percentile(r.ages, 0.95)}
	f.Met = f.P95 < p95 && r.lost == 0
	f.Note = fmt.Sprintf("slowest %.1f s; %d orders, %d lost%s", percentile(r.ages, 1)/1000, r.orders, r.lost, r.faults)
	return f
}

// startPostgres starts the bench's PostgreSQL, with its port and data as before.
func (e *environment) startPostgres(ctx context.Context) (err error) {
	e.pg, err = pgembed.Start(ctx, postgresOf(e.work))
	if err != nil {
		return err
	}
	return e.find(ctx)
}
