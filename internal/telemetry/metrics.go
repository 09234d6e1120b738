package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// scrapeLimit bounds what a scrape may ask of the database.
const scrapeLimit = 3 * time.Second

// Figure is a number that is asked for when somebody looks.
type Figure struct {
	Name   string // without the prefix parvis_
	Help   string
	Value  float64
	Labels map[string]string // the same names for every figure of a name; never personal, never an institution
}

// Source gives figures of the moment, such as the length of a queue.
type Source func(ctx context.Context) ([]Figure, error)

// Metrics are the figures of one process.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

// NewMetrics makes the figures of a program of this version.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parvis_http_requests_total", Help: "Requests answered, by operation and status.",
		}, []string{"operation", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "parvis_http_request_duration_seconds", Help: "How long answers took, by operation.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"operation"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parvis_http_requests_in_flight", Help: "Requests being answered now.",
		}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "parvis_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	})
	info.Set(1)
	m.registry.MustRegister(m.requests, m.duration, m.inFlight, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, DisableCompression: true})
}

func (m *Metrics) observe(operation string, status int, took time.Duration) {
	m.requests.WithLabelValues(operation, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(operation).Observe(took.Seconds())
}

// Pool shows how busy the connection pool is.
func (m *Metrics) Pool(pool *pgxpool.Pool) {
	gauge := func(name, help string, value func(*pgxpool.Stat) float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "parvis_db_pool_" + name, Help: help},
			func() float64 { return value(pool.Stat()) }))
	}
	counter := func(name, help string, value func(*pgxpool.Stat) float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "parvis_db_pool_" + name, Help: help},
			func() float64 { return value(pool.Stat()) }))
	}
	gauge("connections", "Connections open.", func(s *pgxpool.Stat) float64 { return float64(s.TotalConns()) })
	gauge("connections_in_use", "Connections at work.", func(s *pgxpool.Stat) float64 { return float64(s.AcquiredConns()) })
	gauge("connections_max", "Connections that the pool may open.", func(s *pgxpool.Stat) float64 { return float64(s.MaxConns()) })
	counter("acquisitions_total", "Connections handed out.", func(s *pgxpool.Stat) float64 { return float64(s.AcquireCount()) })
	counter("waits_total", "Times that somebody had to wait for a connection.", func(s *pgxpool.Stat) float64 { return float64(s.EmptyAcquireCount()) })
	counter("wait_seconds_total", "Time spent waiting for connections.", func(s *pgxpool.Stat) float64 { return s.EmptyAcquireWaitTime().Seconds() })
}

// Count makes a counter of things that happen, by one label of few values, and
// returns what counts one.
func (m *Metrics) Count(name, help, label string) func(value string) {
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "parvis_" + name, Help: help}, []string{label})
	m.registry.MustRegister(counter)
	return func(value string) { counter.WithLabelValues(value).Inc() }
}

// Ask has a source asked at each scrape. A source that fails is left out of
// that scrape, and counted.
func (m *Metrics) Ask(name string, source Source, log *slog.Logger) {
	failures := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "parvis_figures_failures_total", Help: "Scrapes whose figures could not be had.", ConstLabels: prometheus.Labels{"source": name},
	})
	m.registry.MustRegister(failures, &asked{source: source, name: name, log: log, failures: failures})
}

type asked struct {
	source   Source
	name     string
	log      *slog.Logger
	failures prometheus.Counter
}

// Describe announces nothing: what a source gives is known when it is asked.
func (a *asked) Describe(chan<- *prometheus.Desc) {}

func (a *asked) Collect(out chan<- prometheus.Metric) {
	// Prometheus hands no context to a collector.
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	figures, err := a.source(ctx)
	if err != nil {
		a.failures.Inc()
		a.log.WarnContext(ctx, "figures could not be had", "source", a.name, "error", err)
		return
	}
	for _, f := range figures {
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc("parvis_"+f.Name, f.Help, nil, f.Labels), prometheus.GaugeValue, f.Value)
	}
}
