package conformance

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/parvis-crm/parvis/internal/conformance/report"
	"github.com/parvis-crm/parvis/internal/egress"
)

// trial is one run under way.
type trial struct {
	id        string
	attempt   int
	hookURL   string
	client    *egress.Client
	key       ed25519.PrivateKey
	api       http.Handler
	apiKey    string
	now       func() time.Time
	stages    *stages
	patience  time.Duration
	parallel  int
	scenarios []Scenario
	// vendorKey makes a key that is bound to a source and ends another, if one is
	// named.
	vendorKey func(ctx context.Context, source, former string) (id, secret string, err error)
	progress  func(ctx context.Context, done int) error
}

// play plays all scenarios and gives their outcomes in their order.
func (t *trial) play(ctx context.Context) ([]report.Scenario, error) {
	leave, err := t.stages.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("conformance: the address for connectors: %w", err)
	}
	defer leave()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out := make([]report.Scenario, len(t.scenarios))
	next, done := make(chan int), 0
	var mutex sync.Mutex
	var wait sync.WaitGroup
	for range t.parallel {
		wait.Go(func() {
			for i := range next {
				o, err := t.one(ctx, t.scenarios[i])
				mutex.Lock()
				out[i] = o
				done++
				if err == nil {
					err = t.progress(ctx, done)
				}
				mutex.Unlock()
				if err != nil {
					stop(err)
				}
			}
		})
	}
	for i := range t.scenarios {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wait.Wait()
	return out, context.Cause(ctx)
}

// one plays a scenario in a source of its own.
func (t *trial) one(ctx context.Context, s Scenario) (report.Scenario, error) {
	source := fmt.Sprintf("conformance-%s-%d-%02d", t.id[len(t.id)-12:], t.attempt, s.Number)
	began := t.now()
	out := report.Scenario{Number: s.Number, ID: s.ID, Title: s.Title, Verdict: report.Failed, Findings: []report.Finding{}, Evidence: []report.Delivery{}}
	api := &apiClient{api: t.api, key: t.apiKey, source: source}
	status, said, err := api.do(ctx, http.MethodPost, "/v1/ticketing/sources", "", object{"code": source, "name": "Essai : " + s.ID, "kind": "generic", "time_zone": "Europe/Paris", "currency": "EUR"})
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("conformance: the source for a scenario: %d %s", status, said.text("code"))
	}
	if err != nil {
		return out, err
	}
	keyID, secret, err := t.vendorKey(ctx, source, "")
	if err != nil {
		return out, err
	}
	defer func() { // the last key of the scenario ends with it
		if _, _, err := t.vendorKey(context.WithoutCancel(ctx), "", keyID); err != nil {
			out.Findings = append(out.Findings, report.Finding{Code: "key-left", Text: "The key of the scenario could not be revoked."})
		}
	}()
	stage := newStage(t.api, t.now)
	address, remove, err := t.stages.add(stage)
	if err != nil {
		return out, err
	}
	defer remove()
	p := &play{
		run: t.id, scenario: s, stage: stage, api: api, patience: t.patience, names: map[string]string{},
		hook: &hook{client: t.client, url: t.hookURL, key: t.key, now: t.now},
		conn: Connection{BaseURL: address, Source: source, Key: secret, TimeZone: "Europe/Paris", Currency: "EUR"},
		rotate: func(ctx context.Context) (string, error) {
			var next string
			var err error
			keyID, next, err = t.vendorKey(ctx, source, keyID)
			return next, err
		},
	}
	if err = p.begin(ctx); err == nil {
		err = s.act(ctx, p)
	}
	if err != nil && !errors.Is(err, errGivenUp) {
		return out, err
	}
	out.Findings = append(out.Findings, p.findings...)
	if len(out.Findings) == 0 {
		out.Verdict = report.Passed
	}
	out.Deliveries, out.Evidence = stage.evidence()
	out.DurationMS = t.now().Sub(began).Milliseconds()
	return out, nil
}

// chosen are the scenarios with these ids, all if there are none.
func chosen(ids []string) []Scenario {
	return slices.DeleteFunc(Scenarios(), func(s Scenario) bool { return len(ids) > 0 && !slices.Contains(ids, s.ID) })
}
