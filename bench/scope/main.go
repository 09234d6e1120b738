// Command scope compares the ways in which a statement can carry the scope that
// row-level security reads: a point read on a real table, under the same
// policy, from the same pool. It starts a private PostgreSQL, measures in
// interleaved rounds, and prints medians; docs/adr/0002-scope-per-statement.md
// says what follows from them.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/pgembed"
)

const (
	tenants = 50
	rows    = 100_000
)

func main() {
	rounds := flag.Int("rounds", 5, "interleaved rounds")
	length := flag.Duration("length", 2*time.Second, "length of one measurement")
	clients := flag.Int("clients", 8, "concurrent clients, and connections")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *rounds, *length, *clients)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// bench is the ground on which the variants run.
type bench struct {
	plain, walled *pgxpool.Pool // without row-level security, and as the application
	tenants       []uuid.UUID
	tags          []tag
}

type tag struct{ tenant, id uuid.UUID }

// variant reads one row of one tenant.
type variant struct {
	name string
	read func(ctx context.Context, t tag) error
}

const point = "select name from crm.tags where tenant_id = $1 and id = $2"

func (b *bench) variants() []variant {
	scan := func(row pgx.Row) error {
		var name string
		return row.Scan(&name)
	}
	scope := func(t tag) string { return "begin; set local app.tenant = '" + t.tenant.String() + "'" }
	return []variant{
		{"no isolation: the predicate only, a role that bypasses", func(ctx context.Context, t tag) error {
			return scan(b.plain.QueryRow(ctx, point, t.tenant, t.id))
		}},
		{"implicit transaction: set_config and the query in one batch", func(ctx context.Context, t tag) error {
			batch := &pgx.Batch{}
			batch.Queue("select set_config('app.tenant', $1, true)", t.tenant.String())
			batch.Queue(point, t.tenant, t.id)
			results := b.walled.SendBatch(ctx, batch)
			if _, err := results.Exec(); err != nil {
				_ = results.Close()
				return err
			}
			if err := scan(results.QueryRow()); err != nil {
				_ = results.Close()
				return err
			}
			return results.Close()
		}},
		{"one batch: begin, set_config, the query, commit", func(ctx context.Context, t tag) error {
			batch := &pgx.Batch{}
			batch.Queue("begin")
			batch.Queue("select set_config('app.tenant', $1, true)", t.tenant.String())
			batch.Queue(point, t.tenant, t.id)
			batch.Queue("commit")
			results := b.walled.SendBatch(ctx, batch)
			for range 2 {
				if _, err := results.Exec(); err != nil {
					_ = results.Close()
					return err
				}
			}
			if err := scan(results.QueryRow()); err != nil {
				_ = results.Close()
				return err
			}
			return results.Close()
		}},
		{"begin with the scope, the query, commit: three round trips", func(ctx context.Context, t tag) error {
			return pgx.BeginTxFunc(ctx, b.walled, pgx.TxOptions{BeginQuery: scope(t)}, func(tx pgx.Tx) error {
				return scan(tx.QueryRow(ctx, point, t.tenant, t.id))
			})
		}},
		{"begin, set_config, the query, commit: four round trips", func(ctx context.Context, t tag) error {
			return pgx.BeginFunc(ctx, b.walled, func(tx pgx.Tx) error {
				if _, err := tx.Exec(ctx, "select set_config('app.tenant', $1, true)", t.tenant.String()); err != nil {
					return err
				}
				return scan(tx.QueryRow(ctx, point, t.tenant, t.id))
			})
		}},
	}
}

func run(ctx context.Context, rounds int, length time.Duration, clients int) error {
	dir, err := os.MkdirTemp("", "parvis-scope-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o711); err != nil {
		return err
	}
	server, err := pgembed.Start(ctx, pgembed.Config{DataDir: filepath.Join(dir, "pg"), BinDir: os.Getenv("PARVIS_PG_BIN_DIR"), Durable: true})
	if err != nil {
		return err
	}
	defer func() { _ = server.Stop(context.WithoutCancel(ctx)) }()
	url := server.URL(pgembed.Superuser, "postgres")
	if err := pg.Migrate(ctx, url); err != nil {
		return err
	}
	b, err := prepare(ctx, url, clients)
	if err != nil {
		return err
	}
	defer b.plain.Close()
	defer b.walled.Close()

	variants := b.variants()
	measured := make([][]sample, len(variants))
	for _, v := range variants { // warm
		if _, err := b.measure(ctx, v, length/4, clients); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
	}
	for range rounds {
		for i, v := range variants {
			s, err := b.measure(ctx, v, length, clients)
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			measured[i] = append(measured[i], s)
		}
	}
	report(variants, measured, rounds, clients)
	return nil
}

func prepare(ctx context.Context, url string, clients int) (*bench, error) {
	open := func(role string) (*pgxpool.Pool, error) {
		cfg, err := pgxpool.ParseConfig(url)
		if err != nil {
			return nil, err
		}
		cfg.MaxConns, cfg.MinConns = int32(clients), int32(clients)
		if role != "" {
			cfg.ConnConfig.RuntimeParams["role"] = role
		}
		return pgxpool.NewWithConfig(ctx, cfg)
	}
	b := &bench{}
	var err error
	if b.plain, err = open(""); err != nil {
		return nil, err
	}
	if b.walled, err = open(pg.Role); err != nil {
		return nil, err
	}
	for range tenants {
		b.tenants = append(b.tenants, uuid.New())
	}
	if _, err := b.plain.Exec(ctx, "insert into crm.tenants (tenant_id, name) select unnest($1::uuid[]), 'Institution'", b.tenants); err != nil {
		return nil, err
	}
	if _, err := b.plain.Exec(ctx, `
		insert into crm.tags (tenant_id, id, name, folded)
		select ($1::uuid[])[1 + n % cardinality($1::uuid[])], gen_random_uuid(), 'Tag ' || n, 'tag ' || n from generate_series(1, $2::int) n`, b.tenants, rows); err != nil {
		return nil, err
	}
	if _, err := b.plain.Exec(ctx, "vacuum analyze crm.tags"); err != nil {
		return nil, err
	}
	found, err := b.plain.Query(ctx, "select tenant_id, id from crm.tags order by random() limit 20000")
	if err != nil {
		return nil, err
	}
	b.tags, err = pgx.CollectRows(found, func(row pgx.CollectableRow) (tag, error) {
		var t tag
		return t, row.Scan(&t.tenant, &t.id)
	})
	return b, err
}

// sample is one measurement: how many reads a second, and what each cost.
type sample struct{ perSecond, client, server float64 }

func (b *bench) measure(ctx context.Context, v variant, length time.Duration, clients int) (sample, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	theirs, err := b.backendsCPU(ctx)
	if err != nil {
		return sample{}, err
	}
	own := ownCPU()
	start := time.Now()
	counts, errs := make([]int, clients), make([]error, clients)
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			for time.Since(start) < length {
				if errs[i] = v.read(ctx, b.tags[rand.IntN(len(b.tags))]); errs[i] != nil {
					cancel()
					return
				}
				counts[i]++
			}
		})
	}
	group.Wait()
	took := time.Since(start).Seconds()
	own = ownCPU() - own
	total := 0.0
	for i := range clients {
		if errs[i] != nil {
			return sample{}, errs[i]
		}
		total += float64(counts[i])
	}
	later, err := b.backendsCPU(ctx)
	return sample{total / took, own.Seconds() * 1e6 / total, (later - theirs).Seconds() * 1e6 / total}, err
}

func report(variants []variant, measured [][]sample, rounds, clients int) {
	median := func(i int, of func(sample) float64) float64 {
		var all []float64
		for _, s := range measured[i] {
			all = append(all, of(s))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	rate := func(s sample) float64 { return s.perSecond }
	cpu := func(s sample) float64 { return s.client + s.server }
	fmt.Printf("point reads, %d tenants, %d rows, %d clients, median of %d rounds\n\n", tenants, rows, clients, rounds)
	fmt.Printf("| %-60s | CPU, µs a read (Go + PostgreSQL) | CPU | rate |\n|%s|---|---|---|\n", "way", strings.Repeat("-", 62))
	for i, v := range variants {
		fmt.Printf("| %-60s | %.0f + %.0f | %.2f | %.2f |\n", v.name,
			median(i, func(s sample) float64 { return s.client }), median(i, func(s sample) float64 { return s.server }),
			median(i, cpu)/median(0, cpu), median(i, rate)/median(0, rate))
	}
}
