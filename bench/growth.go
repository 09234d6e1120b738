package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/parvis-crm/parvis/bench/internal/load"
	"github.com/parvis-crm/parvis/bench/internal/measure"
)

// growing are the operations whose cost may grow by half for a hundredfold base.
var growing = []string{"get", "lookup", "list", "upsert"}

// growth compares what one request costs in processor time, server and
// PostgreSQL together, on a base of ten thousand contacts and on the larger ones
// up to the size that was asked for, round by round.
func growth(ctx context.Context, e *environment, m measurement) (figures []figure, err error) {
	bases := []*environment{}
	for _, size := range []string{"10k", "100k", "1m", "10m"} {
		if sizes[size] > e.people {
			break
		}
		if size == e.size {
			bases = append(bases, e)
			break
		}
		smaller, err := e.sibling(ctx, size)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, smaller.stopServer()) }()
		bases = append(bases, smaller)
	}
	if len(bases) < 2 {
		return nil, fmt.Errorf("growth needs a size beyond 10k")
	}
	for _, op := range measurements() {
		if !slices.Contains(growing, op.name) {
			continue
		}
		f, err := compareBases(ctx, e, op, bases)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op.name, err)
		}
		f.Op = m.name
		figures = append(figures, f)
	}
	return figures, nil
}

func compareBases(ctx context.Context, e *environment, op measurement, bases []*environment) (figure, error) {
	next := make([]load.Next, len(bases))
	for i, b := range bases {
		next[i] = op.next(b)
		// Caches and plans warm up first.
		if _, err := load.Run(ctx, b.address, b.conns, e.seconds, next[i]); err != nil {
			return figure{}, err
		}
	}
	costs, ratios := make([][]float64, len(bases)), []float64{}
	err := e.inRounds(func(int) error {
		now := make([]float64, len(bases))
		for i, b := range bases {
			spent := b.cpu()
			r, err := load.Run(ctx, b.address, b.conns, e.seconds, next[i])
			if err = errors.Join(err, succeeded(r)); err != nil {
				return err
			}
			server, postgres := spent(r.Requests)
			now[i] = server + postgres
			costs[i] = append(costs[i], now[i])
		}
		ratios = append(ratios, now[len(now)-1]/now[0])
		return nil
	})
	if err != nil {
		return figure{}, err
	}
	ratio := measure.Median(ratios)
	hundreds := math.Log10(float64(e.people)/float64(bases[0].people)) / 2
	limit := math.Pow(1.5, hundreds)
	var said []string
	for i, b := range bases {
		said = append(said, fmt.Sprintf("%s %.0f µs", b.size, measure.Median(costs[i])))
	}
	return figure{What: "growth of " + op.what, Ratio: ratio, Goal: fmt.Sprintf("≤ %.2f", limit), Met: ratio <= limit, Rounds: len(ratios),
		Note: "processor time of one: " + strings.Join(said, ", ")}, nil
}
