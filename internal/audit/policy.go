package audit

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/audit/internal/auditdb"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// ReadPolicy says which reads need a reason and which are noted.
type ReadPolicy = auditdb.ReadPolicy

// The reads that are noted.
const (
	NotedAll  = "all"
	NotedNone = "none" // but for those of restricted contacts and sensitive facts
)

// policyFor is how long a process goes by a policy that it has read, and so how
// long a change takes to reach all processes.
const policyFor = 2 * time.Second

// policies are those of the institutions, as this process knows them.
type policies struct {
	db *pg.DB
	q  *auditdb.Queries

	mu    sync.Mutex
	known map[uuid.UUID]knownPolicy
}

type knownPolicy struct {
	ReadPolicy
	until time.Time
}

func newPolicies(db *pg.DB) *policies {
	return &policies{db: db, q: auditdb.New(), known: map[uuid.UUID]knownPolicy{}}
}

func (p *policies) of(ctx context.Context, tenant uuid.UUID) (ReadPolicy, error) {
	p.mu.Lock()
	k, ok := p.known[tenant]
	p.mu.Unlock()
	now := clock.Mark()
	if ok && now.Before(k.until) {
		return k.ReadPolicy, nil
	}
	policy, err := p.q.GetReadPolicy(pg.Detached(ctx), p.db.Tenant(tenant), tenant)
	if pg.IsNoRows(err) {
		policy, err = ReadPolicy{TenantID: tenant, Noted: NotedAll}, nil
	}
	if err == nil {
		p.mu.Lock()
		p.known[tenant] = knownPolicy{policy, now.Add(policyFor)}
		p.mu.Unlock()
	}
	return policy, err
}

func (p *policies) forget(tenant uuid.UUID) {
	p.mu.Lock()
	delete(p.known, tenant)
	p.mu.Unlock()
}

// admits refuses an operation, or a purpose, that needs a reason and has none.
func (p *policies) admits(ctx context.Context, actor web.Actor, operation string, stated web.Stated) error {
	if stated.Reason != "" || actor.Kind == web.System {
		return nil
	}
	policy, err := p.of(ctx, actor.Tenant)
	if err != nil {
		return err
	}
	if slices.Contains(policy.Operations, operation) || stated.Purpose != "" && slices.Contains(policy.Purposes, stated.Purpose) {
		return reasonRequired()
	}
	return nil
}

// admitsSubjects refuses an answer about a restricted contact that needs a
// reason and has none, and tells whether the read is to be noted.
func (p *policies) admitsSubjects(ctx context.Context, actor web.Actor, stated web.Stated, subjects []uuid.UUID) (noted bool, err error) {
	policy, err := p.of(ctx, actor.Tenant)
	if err != nil {
		return false, err
	}
	asked := policy.Restricted && stated.Reason == "" && stated.Reads && actor.Kind != web.System
	if !asked && policy.Noted != NotedNone {
		return true, nil
	}
	restricted, err := p.q.AnyRestricted(pg.WithSight(pg.Detached(ctx), pg.Everything()), p.db.Tenant(actor.Tenant), actor.Tenant, subjects)
	if err != nil {
		return false, err
	}
	if asked && restricted {
		return false, reasonRequired()
	}
	return restricted || policy.Noted != NotedNone, nil
}

func reasonRequired() error {
	return fault.New(fault.Forbidden, "reason-required").With("header", web.ReasonHeader).Extra("required_header", web.ReasonHeader)
}

// Policy returns the policy of the actor's institution, version 0 when it has
// said nothing.
func (s *Service) Policy(ctx context.Context) (ReadPolicy, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return ReadPolicy{}, err
	}
	policy, err := s.reads.q.GetReadPolicy(ctx, s.reads.db.Tenant(actor.Tenant), actor.Tenant)
	if pg.IsNoRows(err) {
		return ReadPolicy{TenantID: actor.Tenant, Operations: []string{}, Purposes: []string{}, Noted: NotedAll}, nil
	}
	return policy, err
}

// PutPolicy sets the policy. want is the version that the caller read.
func (s *Service) PutPolicy(ctx context.Context, in ReadPolicy, want *int64) (ReadPolicy, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return ReadPolicy{}, err
	}
	return pg.InTxValue(ctx, s.reads.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (ReadPolicy, error) {
		before, err := s.reads.q.LockReadPolicy(ctx, tx, actor.Tenant)
		if err != nil && !pg.IsNoRows(err) {
			return ReadPolicy{}, err
		}
		if before.Version > 0 && want == nil {
			return ReadPolicy{}, fault.New(fault.PreconditionRequired, "precondition-required").AtHeader("If-Match", "required")
		}
		if err := web.CheckVersion(want, before.Version); err != nil {
			return ReadPolicy{}, err
		}
		after, err := s.reads.q.PutReadPolicy(ctx, tx, auditdb.PutReadPolicyParams{
			TenantID: actor.Tenant, Operations: in.Operations, Purposes: in.Purposes, Restricted: in.Restricted, Noted: in.Noted,
		})
		if err != nil {
			return ReadPolicy{}, err
		}
		changes, err := events.Diff(policyRecordOf(before), policyRecordOf(after))
		if err != nil || len(changes) == 0 {
			return after, err
		}
		return after, events.RecordTx(ctx, tx, events.Entry{
			Type: "read_policy.updated", Subject: events.Subject{Kind: "read_policy", ID: actor.Tenant, Version: after.Version}, Changes: changes,
		})
	})
}

type policyRecord struct {
	Operations []string `json:"operations"`
	Purposes   []string `json:"purposes"`
	Restricted bool     `json:"restricted"`
	Noted      string   `json:"noted"`
}

func policyRecordOf(p ReadPolicy) policyRecord {
	return policyRecord{p.Operations, p.Purposes, p.Restricted, p.Noted}
}
