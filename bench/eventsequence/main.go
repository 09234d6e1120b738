// Command eventsequence measures three ways to give a tenant's events their
// numbers, on one tenant, with every commit flushed to the disk:
//
//	counter    each writer takes the next number from one row (contiguous, in
//	           commit order; writers wait for each other's flush)
//	queue      what Parvis does: a sequencer numbers committed events
//	bigserial  numbers from a PostgreSQL sequence (fast, and readers lose events)
//
// Each writer runs transactions of one business statement and one event, one
// after the other; a reader follows the feed. Rounds are interleaved and medians
// printed, since a shared machine is never quiet.
//
//	go run ./bench/eventsequence [-writers 1,8,16] [-seconds 3] [-rounds 3] [-gather 5ms] [-database postgres://…]
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/pgembed"
)

func main() {
	writers := flag.String("writers", "1,8,16", "numbers of writers")
	seconds := flag.Float64("seconds", 3, "length of one measurement")
	rounds := flag.Int("rounds", 3, "measurements of each case")
	gather := flag.Duration("gather", 5*time.Millisecond, "how long the sequencer lets commits come together")
	only := flag.String("only", "counter,queue,bigserial", "which ways")
	database := flag.String("database", "", "superuser URL of an empty database; a private durable server if absent")
	flag.Parse()
	var counts []int
	for text := range strings.SplitSeq(*writers, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		counts = append(counts, n)
	}
	b := bench{length: time.Duration(*seconds * float64(time.Second)), rounds: *rounds, gather: *gather, writers: counts, ways: strings.Split(*only, ",")}
	if err := b.run(context.Background(), *database); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type bench struct {
	length  time.Duration
	rounds  int
	gather  time.Duration
	writers []int
	ways    []string

	owner  *pgxpool.Pool
	db     *pg.DB
	tenant uuid.UUID
}

func (b *bench) run(ctx context.Context, database string) error {
	if database == "" {
		folder, err := os.MkdirTemp("", "eventsequence")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(folder) }()
		if err := os.Chmod(folder, 0o711); err != nil {
			return err
		}
		server, err := pgembed.Start(ctx, pgembed.Config{DataDir: folder + "/data", Durable: true})
		if err != nil {
			return err
		}
		defer func() { _ = server.Stop(ctx) }()
		database = server.URL(pgembed.Superuser, "postgres")
	}
	if err := pg.Migrate(ctx, database); err != nil {
		return err
	}
	var err error
	if b.owner, err = pgxpool.New(ctx, database); err != nil {
		return err
	}
	defer b.owner.Close()
	if b.db, err = pg.Open(ctx, database, pg.Options{MaxConns: int32(slices.Max(b.writers) + 6)}); err != nil {
		return err
	}
	defer b.db.Close()
	b.tenant = ids.New()
	if _, err := b.owner.Exec(ctx, schema, pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	if _, err := b.owner.Exec(ctx, `insert into crm.tenants (tenant_id, name) values ($1, 'Bench')`, b.tenant); err != nil {
		return err
	}
	if _, err := b.owner.Exec(ctx, `insert into crm.bench_counter (tenant_id) values ($1)`, b.tenant); err != nil {
		return err
	}
	return b.measure(ctx)
}

func (b *bench) measure(ctx context.Context) error {
	type key struct {
		way     string
		writers int
	}
	results := map[key][]result{}
	for range b.rounds {
		for _, writers := range b.writers {
			for _, way := range b.ways {
				r, err := b.once(ctx, way, writers)
				if err != nil {
					return fmt.Errorf("%s with %d writers: %w", way, writers, err)
				}
				results[key{way, writers}] = append(results[key{way, writers}], r)
			}
		}
	}
	fmt.Println("| way | writers | writes/s | write p50 ms | write p95 ms | to the feed p50 ms | to the feed p95 ms | our CPU µs/write | missed by the reader |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	for _, writers := range b.writers {
		for _, way := range b.ways {
			rs := results[key{way, writers}]
			middle := func(f func(result) float64) float64 {
				values := make([]float64, 0, len(rs))
				for _, r := range rs {
					values = append(values, f(r))
				}
				slices.Sort(values)
				return values[len(values)/2]
			}
			missed := 0
			for _, r := range rs {
				missed += r.missed
			}
			fmt.Printf("| %s | %d | %.0f | %.2f | %.2f | %.2f | %.2f | %.0f | %d |\n", way, writers, middle(func(r result) float64 { return r.rate }),
				middle(func(r result) float64 { return r.write50 }), middle(func(r result) float64 { return r.write95 }),
				middle(func(r result) float64 { return r.feed50 }), middle(func(r result) float64 { return r.feed95 }),
				middle(func(r result) float64 { return r.cpu }), missed)
		}
	}
	return nil
}

type result struct {
	rate, write50, write95, feed50, feed95, cpu float64
	missed                                      int
}

// once lets writers write for a while in one way while a reader follows.
func (b *bench) once(ctx context.Context, name string, writers int) (result, error) {
	w, stop, err := b.way(ctx, name)
	if err != nil {
		return result{}, err
	}
	defer stop()
	var mu sync.Mutex
	committed, read := map[uuid.UUID]time.Time{}, map[uuid.UUID]time.Time{}
	var took []time.Duration
	reading, stopReading := context.WithCancel(ctx)
	var follow errgroup.Group
	follow.Go(func() error {
		return w.follow(reading, func(subjects []uuid.UUID) {
			now := time.Now()
			mu.Lock()
			for _, s := range subjects {
				read[s] = now
			}
			mu.Unlock()
		})
	})
	cpu := cpuTime()
	began := time.Now()
	var work errgroup.Group
	for range writers {
		work.Go(func() error {
			for time.Since(began) < b.length {
				subject, start := ids.New(), time.Now()
				if err := w.write(ctx, subject); err != nil {
					return err
				}
				end := time.Now()
				mu.Lock()
				committed[subject] = end
				took = append(took, end.Sub(start))
				mu.Unlock()
			}
			return nil
		})
	}
	err = work.Wait()
	elapsed := time.Since(began)
	// What is still on its way arrives, what was missed never does.
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		mu.Lock()
		all := len(read) >= len(committed)
		mu.Unlock()
		if all {
			break
		}
	}
	cpu = cpuTime() - cpu
	stopReading()
	if followErr := follow.Wait(); err == nil && followErr != nil {
		err = followErr
	}
	if err != nil {
		return result{}, err
	}
	var feed []time.Duration
	missed := 0
	for subject, at := range committed {
		if seen, ok := read[subject]; ok {
			feed = append(feed, max(0, seen.Sub(at)))
		} else {
			missed++
		}
	}
	return result{
		rate: float64(len(took)) / elapsed.Seconds(), write50: quantile(took, 0.5), write95: quantile(took, 0.95),
		feed50: quantile(feed, 0.5), feed95: quantile(feed, 0.95), cpu: float64(cpu.Microseconds()) / float64(max(1, len(took))), missed: missed,
	}, nil
}

// quantile in milliseconds.
func quantile(d []time.Duration, q float64) float64 {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return float64(d[int(q*float64(len(d)-1))].Microseconds()) / 1000
}

// cpuTime is what this process has used; PostgreSQL's is not in it.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// way is one method of numbering.
type way struct {
	write  func(ctx context.Context, subject uuid.UUID) error
	follow func(ctx context.Context, seen func([]uuid.UUID)) error
}

func (b *bench) way(ctx context.Context, name string) (way, func(), error) {
	switch name {
	case "queue":
		return b.queue(ctx)
	case "counter":
		return b.direct(ctx, "bench_counter_log", counterInsert)
	case "bigserial":
		return b.direct(ctx, "bench_serial_log", serialInsert)
	}
	return way{}, nil, fmt.Errorf("no way called %q", name)
}

func (b *bench) queue(ctx context.Context) (way, func(), error) {
	hub := events.NewHub()
	log := events.NewService(b.db, hub)
	s := events.NewSequencer(b.db, hub, slog.New(slog.DiscardHandler))
	s.SetGather(b.gather)
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(running) }()
	after, _, err := log.Head(ctx, b.tenant)
	return way{
		write: func(ctx context.Context, subject uuid.UUID) error {
			return pg.InTx(asActor(ctx, b.tenant), b.db, b.tenant, func(ctx context.Context, tx pgx.Tx) error {
				if _, err := tx.Exec(ctx, business, b.tenant, subject); err != nil {
					return err
				}
				return events.RecordTx(ctx, tx, benchEntry(subject))
			})
		},
		follow: func(ctx context.Context, seen func([]uuid.UUID)) error {
			for ctx.Err() == nil {
				r, err := log.Wait(ctx, b.tenant, after, events.Filter{}, 1000, time.Second)
				if err != nil && ctx.Err() == nil {
					return err
				}
				var subjects []uuid.UUID
				for _, e := range r.Events {
					subjects = append(subjects, e.Data.ID)
				}
				seen(subjects)
				after = max(after, r.Next)
			}
			return nil
		},
	}, func() { cancel(); <-ended }, err
}
