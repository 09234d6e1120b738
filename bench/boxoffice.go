package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/parvis-crm/parvis/bench/internal/dataset"
	"github.com/parvis-crm/parvis/bench/internal/load"
	"github.com/parvis-crm/parvis/bench/internal/measure"
)

// tills that ask at the same time.
const tills = 4

// boxOffice is how long a seller waits for who stands before them, when several
// sell: found by their address, their telephone or their account in turn.
func boxOffice(ctx context.Context, e *environment, m measurement) ([]figure, error) {
	next := each(e, func(b *bytes.Buffer, r *rand.Rand) {
		load.Request(b, "POST", e.address, "/v1/contacts/lookup", e.key, "Content-Type: application/json\r\n", lookedFor(r, e.people))
	})
	if _, err := load.Run(ctx, e.address, tills, e.seconds, next); err != nil {
		return nil, err
	}
	var p50, p95 []float64
	err := e.inRounds(func(int) error {
		r, err := load.Run(ctx, e.address, tills, e.seconds, next)
		if err = errors.Join(err, succeeded(r)); err != nil {
			return err
		}
		p50, p95 = append(p50, ms(r.Percentile(0.5))), append(p95, ms(r.Percentile(0.95)))
		return nil
	})
	if err != nil {
		return nil, err
	}
	conn, err := e.owner(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	var tickets int
	if err := conn.QueryRow(ctx, "select count(*) from ticketing_lines").Scan(&tickets); err != nil {
		return nil, err
	}
	return []figure{{Op: m.name, What: m.what, P50: measure.Median(p50), P95: measure.Median(p95), Goal: "p95 < 80 ms", Met: measure.Median(p95) < 80,
		Note: fmt.Sprintf("%d tills at once, %d contacts, %d tickets", tills, e.people, tickets)}}, nil
}

// lookedFor is one way to look for somebody.
func lookedFor(r *rand.Rand, people int) string {
	p := dataset.At(pick(r, people))
	var by any
	switch way := r.IntN(3); {
	case way == 0 && p.Email != "":
		by = map[string]string{"email": p.Email}
	case way == 1 && p.Phone != "":
		by = map[string]string{"phone": p.Phone}
	default:
		by = map[string]any{"external_ref": map[string]string{"source": source, "external_id": fmt.Sprintf("c%d", p.Index)}}
	}
	body, err := json.Marshal(by)
	if err != nil {
		return "" // cannot happen: texts only
	}
	return string(body)
}
