package main

import (
	"fmt"
	"time"

	"github.com/parvis-crm/parvis/bench/internal/load"
	"github.com/parvis-crm/parvis/bench/internal/measure"
)

// series are the rounds of one measurement, of which medians are reported.
type series struct {
	ceilings, ours, ratios        []float64
	p50, p95                      []float64 // milliseconds
	servers, postgres, ceilingCPU []float64 // microseconds of processor for one
	took                          []float64 // seconds
	peak                          int64     // resident memory, in bytes
}

// compare adds a rate and the ceiling's.
func (s *series) compare(ceiling, ours float64) {
	s.ceilings, s.ours, s.ratios = append(s.ceilings, ceiling), append(s.ours, ours), append(s.ratios, ours/ceiling)
}

// spent adds what one cost.
func (s *series) spent(server, postgres float64) {
	s.servers, s.postgres = append(s.servers, server), append(s.postgres, postgres)
}

// latencies adds how long requests took.
func (s *series) latencies(r load.Result) {
	s.p50, s.p95 = append(s.p50, ms(r.Percentile(0.5))), append(s.p95, ms(r.Percentile(0.95)))
}

// figure reports the medians. Whether the goal is met is decided by the ratio;
// who has another goal sets it.
func (s *series) figure(m measurement) figure {
	ratio := measure.Median(s.ratios)
	return figure{Op: m.name, What: m.what, Ceiling: measure.Median(s.ceilings), Ours: measure.Median(s.ours), Ratio: ratio,
		Goal: fmt.Sprintf("≥ %.2f", m.goal), Met: ratio >= m.goal, Rounds: max(len(s.ours), len(s.servers)),
		P50: measure.Median(s.p50), P95: measure.Median(s.p95),
		ServerCPU: measure.Median(s.servers), PostgresCPU: measure.Median(s.postgres), CeilingCPU: measure.Median(s.ceilingCPU)}
}

// inRounds calls round as often as was asked for, but begins no further one when
// the measurement has had its time: a round of bulk work cannot be cut short.
func (e *environment) inRounds(round func(n int) error) error {
	start := time.Now()
	for n := range e.rounds {
		if n > 0 && time.Since(start) > e.budget {
			return nil
		}
		if err := round(n); err != nil {
			return err
		}
	}
	return nil
}

// cpu measures what the server and PostgreSQL spend from now on.
func (e *environment) cpu() (spent func(units int) (server, postgres float64)) {
	server, postgres := measure.Process(e.server.Process.Pid), measure.Family(e.pgPID)
	return func(units int) (float64, float64) {
		per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(max(1, units)) }
		return per(measure.Process(e.server.Process.Pid) - server), per(measure.Family(e.pgPID) - postgres)
	}
}

// succeeded turns failed requests into an error.
func succeeded(r load.Result) error {
	if r.Failures > 0 {
		return fmt.Errorf("%d of %d requests failed: %s", r.Failures, r.Requests, r.Sample)
	}
	return nil
}
