// Command bench measures Parvis against the ceiling of its own database: the
// same SQL sent by pgbench with prepared statements from as many connections,
// without HTTP, JSON, rights or events. A rate on somebody's machine says
// nothing; the ratio of the two, taken in turns in one run, does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/bench/internal/measure"
)

var sizes = map[string]int{"1k": 1_000, "10k": 10_000, "100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}

type settings struct {
	size    string
	people  int
	only    []string
	rounds  int
	seconds time.Duration
	budget  time.Duration
	limit   time.Duration
	conns   int
	loadFor time.Duration
	out     string
	home    string
}

func main() {
	var s settings
	var only string
	flag.StringVar(&s.size, "size", "100k", "how many contacts: 1k, 10k, 100k, 1m, 10m")
	flag.StringVar(&only, "op", "", "only these measurements, separated by commas")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds; figures are medians of them")
	flag.DurationVar(&s.seconds, "seconds", 2*time.Second, "length of one round")
	flag.DurationVar(&s.budget, "budget", 30*time.Second, "after which a measurement begins no further round")
	flag.DurationVar(&s.limit, "limit", 8*time.Minute, "after which, the making of the data set included, no further measurement begins; 0: none")
	flag.IntVar(&s.conns, "conns", 16, "connections")
	flag.DurationVar(&s.loadFor, "load-for", time.Minute, "how long each rate of the measurement `ticketing` is held")
	flag.StringVar(&s.out, "out", "bench/results/latest.json", "where the figures are written")
	flag.StringVar(&s.home, "home", ".parvis-bench", "where data sets are kept between runs")
	flag.Parse()
	if only != "" {
		s.only = strings.Split(only, ",")
	}
	ok := false
	if s.people, ok = sizes[s.size]; !ok {
		fmt.Fprintln(os.Stderr, "bench: -size is one of 1k, 10k, 100k, 1m, 10m")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// figure is one measurement as it is written down.
type figure struct {
	Op          string  `json:"op"`
	What        string  `json:"what"`
	Ceiling     float64 `json:"ceiling_per_second,omitempty"`
	Ours        float64 `json:"ours_per_second,omitempty"`
	Ratio       float64 `json:"ratio,omitempty"`
	Goal        string  `json:"goal"`
	Met         bool    `json:"met"`
	Rounds      int     `json:"rounds,omitempty"`
	P50         float64 `json:"p50_ms,omitempty"`
	P95         float64 `json:"p95_ms,omitempty"`
	ServerCPU   float64 `json:"server_cpu_us,omitempty"`
	PostgresCPU float64 `json:"postgres_cpu_us,omitempty"`
	CeilingCPU  float64 `json:"ceiling_cpu_us,omitempty"`
	Note        string  `json:"note,omitempty"`
}

type report struct {
	At        time.Time `json:"at"`
	Size      string    `json:"size"`
	Contacts  int       `json:"contacts"`
	Cores     int       `json:"cores"`
	Go        string    `json:"go"`
	Postgres  string    `json:"postgresql"`
	Rounds    int       `json:"rounds"`
	Seconds   float64   `json:"seconds_a_round"`
	Conns     int       `json:"connections"`
	ServerRSS int64     `json:"server_resident_bytes"`
	Figures   []figure  `json:"figures"`
	Left      []string  `json:"not_measured,omitempty"` // for want of time
}

func run(ctx context.Context, s settings) error {
	start := time.Now()
	e, err := prepare(ctx, s)
	if err != nil {
		return err
	}
	defer e.close()
	r := report{At: time.Now().UTC(), Size: s.size, Contacts: s.people, Cores: runtime.NumCPU(), Go: runtime.Version(), Postgres: e.pg.Version(),
		Rounds: s.rounds, Seconds: s.seconds.Seconds(), Conns: s.conns}
	for _, m := range measurements() {
		if len(s.only) > 0 && !slices.Contains(s.only, m.name) || len(s.only) == 0 && m.named {
			continue
		}
		if s.limit > 0 && time.Since(start) > s.limit {
			r.Left = append(r.Left, m.name)
			continue
		}
		fmt.Fprintf(os.Stderr, "%-10s %s\n", m.name, m.what)
		f, err := m.measure(ctx, e, m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		r.Figures = append(r.Figures, f...)
	}
	r.ServerRSS = measure.Resident(e.server.Process.Pid)
	r.print(os.Stdout)
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.out), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(s.out, append(raw, '\n'), 0o644); err != nil {
		return err
	}
	for _, f := range r.Figures {
		if f.Op == plansName && !f.Met {
			return errors.New("there are queries that scan a growing table")
		}
	}
	return nil
}

func (r report) print(w *os.File) {
	_, _ = fmt.Fprintf(w, "\n%d contacts, %d connections, median of %d rounds of %.0f s, taken in turns; %d cores, %s, PostgreSQL %s\n\n",
		r.Contacts, r.Conns, r.Rounds, r.Seconds, r.Cores, r.Go, r.Postgres)
	_, _ = fmt.Fprintf(w, "%-34s %10s %10s %7s  %-24s %8s %8s %9s %9s\n", "operation", "ceiling/s", "ours/s", "ratio", "goal", "p50 ms", "p95 ms", "server µs", "pg µs")
	for _, f := range r.Figures {
		mark := "below"
		if f.Met {
			mark = "ok"
		}
		ratio := ""
		if f.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f", f.Ratio)
		}
		_, _ = fmt.Fprintf(w, "%-34s %10.0f %10.0f %7s  %-24s %8.2f %8.2f %9.0f %9.0f  %s\n", f.What, f.Ceiling, f.Ours, ratio, f.Goal+" "+mark, f.P50, f.P95, f.ServerCPU, f.PostgresCPU, f.Note)
	}
	if len(r.Left) > 0 {
		_, _ = fmt.Fprintf(w, "\nnot measured for want of time: %s\n", strings.Join(r.Left, ", "))
	}
	_, _ = fmt.Fprintf(w, "\nserver memory at the end: %.0f MB\n", float64(r.ServerRSS)/(1<<20))
}
