package conformance

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/conformance/internal/conformancedb"
	"github.com/parvis-crm/parvis/internal/conformance/report"
	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Run is a trial of a connector.
type Run = conformancedb.ConformanceRun

const (
	operationKind = "conformance_run"
	// longestRun is after which the keys of a run end by themselves.
	longestRun = 6 * time.Hour
)

// Needs is what the package needs from the rest of the program.
type Needs struct {
	DB         *pg.DB
	Operations *operations.Service
	Access     *access.Service
	Client     *egress.Client
	// API answers requests of the contract within the program.
	API http.Handler
	// Key signs reports and messages to hooks.
	Key ed25519.PrivateKey
	Log *slog.Logger
}

// Config says how connectors reach this process.
type Config struct {
	Addr    string // where it listens for them while a run is under way
	URL     string // how they call that; the address itself if empty
	Issuer  string // public address of the installation
	Version string
	// Contract is the version of the contract.
	Contract string
}

// Service starts and plays runs.
type Service struct {
	Needs
	config Config
	q      *conformancedb.Queries
	stages *stages
}

// NewService makes the service and registers its kind of operation.
func NewService(n Needs, c Config) *Service {
	s := &Service{Needs: n, config: c, q: conformancedb.New(), stages: newStages(c.Addr, c.URL, n.Log)}
	n.Operations.Register(operationKind, s.work)
	return s
}

// NewRun describes a run to be started.
type NewRun struct {
	HookURL, Name, Version string
	Scenarios              []string
	Patience, Parallel     int32
}

// Start records a run and its operation.
func (s *Service) Start(ctx context.Context, in NewRun) (operations.Operation, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return operations.Operation{}, err
	}
	if !actor.Test {
		return operations.Operation{}, fault.New(fault.Conflict, "conformance-sandbox-only")
	}
	f := fault.Invalid()
	for i, id := range in.Scenarios {
		if !slices.ContainsFunc(Scenarios(), func(known Scenario) bool { return known.ID == id }) {
			f.At(fmt.Sprintf("#/scenarios/%d", i), "no-match")
		}
	}
	address, err := s.Client.ValidateURLContext(ctx, in.HookURL)
	var refused *egress.Error
	switch {
	case errors.As(err, &refused):
		f.At("#/hook_url", strings.ReplaceAll(string(refused.Code), "_", "-"))
	case err != nil:
		return operations.Operation{}, err
	}
	if err := f.OrNil(); err != nil {
		return operations.Operation{}, err
	}
	return pg.InTxValue(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (operations.Operation, error) {
		o, err := s.Operations.StartTx(ctx, tx, operations.Start{Kind: operationKind, Unit: "scenarios", Parameters: struct{}{}})
		if err != nil {
			return o, err
		}
		run, err := s.q.InsertRun(ctx, tx, conformancedb.InsertRunParams{
			TenantID: actor.Tenant, ID: o.ID, HookURL: address.String(), ConnectorName: in.Name, ConnectorVersion: in.Version,
			Scenarios: append([]string{}, in.Scenarios...), PatienceSeconds: in.Patience, Parallel: in.Parallel,
		})
		if err != nil {
			return o, err
		}
		return o, events.RecordTx(ctx, tx, events.Entry{
			Type: "conformance_run.started", Subject: events.Subject{Kind: "conformance_run", ID: run.ID, Version: run.Version},
			Facts: map[string]any{"connector": run.ConnectorName, "connector_version": run.ConnectorVersion},
		})
	})
}

// Get reads a run.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Run, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Run{}, err
	}
	return s.q.GetRun(ctx, s.DB.Tenant(actor.Tenant), actor.Tenant, id)
}

// List returns at most limit runs, newest first.
func (s *Service) List(ctx context.Context, before *uuid.UUID, limit int) ([]Run, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListRuns(ctx, s.DB.Tenant(actor.Tenant), actor.Tenant, before, int32(limit))
}

// Keys are the public keys of reports.
func (s *Service) Keys() report.KeySet {
	return report.KeySet{Keys: []report.Key{report.PublicKey(s.Key.Public().(ed25519.PublicKey))}}
}

// result is what the operation ends with.
type result struct {
	RunID   string `json:"conformance_run_id"`
	Verdict string `json:"verdict"`
	Passed  int    `json:"passed"`
	Failed  int    `json:"failed"`
}

// work plays a run. One that was broken off is played anew, in new sources.
func (s *Service) work(ctx context.Context, o *operations.Run) (any, error) {
	tenant := o.Tenant()
	run, err := s.q.GetRun(ctx, s.DB.Tenant(tenant), tenant, o.Operation.ID)
	if err != nil {
		return nil, err
	}
	if run.Report != nil { // played before, and the process ended before it could say so
		r, err := report.Verify(run.Report, s.Keys())
		return result{run.ID.String(), r.Verdict, r.Passed, r.Failed}, err
	}
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	actor.Test = true
	ctx = web.WithActor(ctx, actor)
	end := clock.System{}.Now().Add(longestRun)
	judge, judgeKey, err := s.Access.CreateKey(ctx, access.NewKey{
		Name: "Conformance run", Kind: apikey.Secret, Scopes: []string{"ticketing:manage", "ticketing:read", "contacts:read"}, ExpiresAt: &end,
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := s.revoke(context.WithoutCancel(ctx), judge.ID); err != nil {
			s.Log.WarnContext(ctx, "the key of a conformance run could not be revoked; it ends by itself", "key", judge.ID, "error", err)
		}
	}()
	scenarios := chosen(run.Scenarios)
	total := int64(len(scenarios))
	if err := o.Progress(ctx, 0, &total); err != nil {
		return nil, err
	}
	began := clock.System{}.Now()
	t := &trial{
		id: run.ID.String(), attempt: int(o.Operation.Attempt), hookURL: run.HookURL, client: s.Client, key: s.Key, api: s.API, apiKey: judgeKey,
		now: clock.System{}.Now, stages: s.stages, patience: time.Duration(run.PatienceSeconds) * time.Second, parallel: int(run.Parallel), scenarios: scenarios,
		progress: func(ctx context.Context, done int) error { return o.Progress(ctx, int64(done), &total) },
		vendorKey: func(ctx context.Context, source, former string) (string, string, error) {
			return s.vendorKey(ctx, source, former, end)
		},
	}
	outcomes, err := t.play(ctx)
	if err != nil {
		return nil, err
	}
	r := report.Report{
		Object: "conformance_report", Format: 1, RunID: run.ID.String(), Issuer: s.config.Issuer, Software: report.Software{Name: "Parvis", Version: s.config.Version},
		Contract: s.config.Contract, Connector: report.Connector{Name: run.ConnectorName, Version: run.ConnectorVersion},
		StartedAt: began.UTC(), FinishedAt: clock.System{}.Now().UTC(), Verdict: report.Passed, Complete: len(scenarios) == len(Scenarios()), Scenarios: outcomes,
	}
	for _, outcome := range outcomes {
		if outcome.Verdict == report.Passed {
			r.Passed++
			continue
		}
		r.Failed++
		r.Verdict = report.Failed
	}
	signed, err := report.Sign(r, s.Key)
	if err != nil {
		return nil, err
	}
	if _, err := s.q.FinishRun(ctx, s.DB.Tenant(tenant), conformancedb.FinishRunParams{
		Verdict: &r.Verdict, Report: json.RawMessage(signed), FinishedAt: &r.FinishedAt, TenantID: tenant, ID: run.ID,
	}); err != nil {
		return nil, err
	}
	return result{run.ID.String(), r.Verdict, r.Passed, r.Failed}, nil
}

// vendorKey makes a key bound to a source, and ends the former one.
func (s *Service) vendorKey(ctx context.Context, source, former string, end time.Time) (id, secret string, err error) {
	if source != "" {
		row, key, err := s.Access.CreateKey(ctx, access.NewKey{
			Name: "Connector under trial", Kind: apikey.Restricted, Source: &source, Scopes: []string{"ticketing:read", "ticketing:write"}, ExpiresAt: &end,
		})
		if err != nil {
			return "", "", err
		}
		id, secret = row.ID.String(), key
	}
	if former == "" {
		return id, secret, nil
	}
	old, err := uuid.Parse(former)
	if err != nil {
		return id, secret, err
	}
	return id, secret, s.revoke(ctx, old)
}

func (s *Service) revoke(ctx context.Context, id uuid.UUID) error {
	row, err := s.Access.GetKey(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.Access.RevokeKey(ctx, id, &row.Version)
	return err
}
