package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/parvis-crm/parvis/bench/internal/dataset"
	"github.com/parvis-crm/parvis/bench/internal/load"
	"github.com/parvis-crm/parvis/bench/internal/measure"
)

// rights compares what one read costs in processor time, server and PostgreSQL
// together, with a key that may only read contacts and with one that may do all.
func rights(ctx context.Context, e *environment, m measurement) ([]figure, error) {
	narrow, err := e.makeKey(ctx, "contacts:read")
	if err != nil {
		return nil, err
	}
	cost := func(key string, d time.Duration) (server, postgres float64, r load.Result, err error) {
		s, p := measure.Process(e.server.Process.Pid), measure.Family(e.pgPID)
		r, err = load.Run(ctx, e.address, e.conns, d, each(e, func(b *bytes.Buffer, r *rand.Rand) {
			load.Request(b, "GET", e.address, "/v1/contacts/"+dataset.ContactID(pick(r, e.people)).String(), key, "", "")
		}))
		if err == nil && r.Failures > 0 {
			err = fmt.Errorf("%d of %d requests failed: %s", r.Failures, r.Requests, r.Sample)
		}
		per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(max(1, r.Requests)) }
		return per(measure.Process(e.server.Process.Pid) - s), per(measure.Family(e.pgPID) - p), r, err
	}
	if _, _, _, err := cost(narrow, time.Second); err != nil {
		return nil, err
	}
	var ratios, rates, full, servers, postgres, p50, p95 []float64
	for round := range e.rounds {
		var spent [2]float64
		// The one that goes first changes from round to round.
		for turn := range 2 {
			which := (round + turn) % 2
			s, p, r, err := cost([]string{e.key, narrow}[which], e.seconds)
			if err != nil {
				return nil, err
			}
			spent[which] = s + p
			if which == 0 {
				full = append(full, r.Rate())
				continue
			}
			rates, servers, postgres = append(rates, r.Rate()), append(servers, s), append(postgres, p)
			p50, p95 = append(p50, ms(r.Percentile(0.5))), append(p95, ms(r.Percentile(0.95)))
		}
		ratios = append(ratios, spent[1]/spent[0])
	}
	ratio := measure.Median(ratios)
	return []figure{{
		Op: m.name, What: m.what, Ceiling: measure.Median(full), Ours: measure.Median(rates), Ratio: ratio, Goal: "< 1.20 × CPU", Met: ratio < 1.2,
		P50: measure.Median(p50), P95: measure.Median(p95), ServerCPU: measure.Median(servers), PostgresCPU: measure.Median(postgres),
		Note: "the ratio is of processor time",
	}}, nil
}
