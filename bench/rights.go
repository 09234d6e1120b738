package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/bench/internal/dataset"
	"github.com/parvis-crm/parvis/bench/internal/load"
	"github.com/parvis-crm/parvis/bench/internal/measure"
)

// rights compares what one read costs in processor time, server and PostgreSQL
// together, with a key limited to a department, without restricted contacts and
// without some classes of fields, and with one that may do all.
func rights(ctx context.Context, e *environment, m measurement) ([]figure, error) {
	narrow, err := e.limitedKey(ctx, "contacts:read")
	if err != nil {
		return nil, err
	}
	return dearer(ctx, e, m, narrow, func(r *rand.Rand) int { return pick(r, e.people) })
}

// purpose compares in the same way one read with a key that may read for the
// newsletter only, of people who agreed to it.
func purpose(ctx context.Context, e *environment, m measurement) ([]figure, error) {
	narrow, err := e.purposeKey(ctx, "contacts:read")
	if err != nil {
		return nil, err
	}
	return dearer(ctx, e, m, narrow, func(r *rand.Rand) int {
		for {
			i := pick(r, e.people)
			if slices.ContainsFunc(dataset.AnswersOf(dataset.At(i)), func(a dataset.Answer) bool { return a.Action == "given" }) {
				return i
			}
		}
	})
}

// dearer is what a read costs with a key that is held to something, against one
// that may do all.
func dearer(ctx context.Context, e *environment, m measurement, narrow string, who func(r *rand.Rand) int) ([]figure, error) {
	// Chosen beforehand: choosing takes time of its own.
	choose := rand.New(rand.NewPCG(uint64(e.people), 11))
	people := make([]uuid.UUID, 20_000)
	for i := range people {
		people[i] = dataset.ContactID(who(choose))
	}
	cost := func(key string, d time.Duration) (server, postgres float64, r load.Result, err error) {
		spent := e.cpu()
		r, err = load.Run(ctx, e.address, e.conns, d, each(e, func(b *bytes.Buffer, r *rand.Rand) {
			load.Request(b, "GET", e.address, "/v1/contacts/"+people[r.IntN(len(people))].String(), key, "", "")
		}))
		server, postgres = spent(r.Requests)
		return server, postgres, r, errors.Join(err, succeeded(r))
	}
	if _, _, _, err := cost(narrow, time.Second); err != nil {
		return nil, err
	}
	var all series
	var ratios []float64
	err := e.inRounds(func(round int) error {
		var spent [2]float64
		var rates [2]float64
		// The one that goes first changes from round to round.
		for turn := range 2 {
			which := (round + turn) % 2
			s, p, r, err := cost([]string{e.key, narrow}[which], e.seconds)
			if err != nil {
				return err
			}
			spent[which], rates[which] = s+p, r.Rate()
			if which == 1 {
				all.spent(s, p)
				all.latencies(r)
			}
		}
		all.compare(rates[0], rates[1])
		ratios = append(ratios, spent[1]/spent[0])
		return nil
	})
	f := all.figure(m)
	f.Ratio = measure.Median(ratios)
	f.Goal, f.Met, f.Note = "< 1.20 × CPU", f.Ratio < 1.2, "the ratio is of processor time"
	return []figure{f}, err
}
