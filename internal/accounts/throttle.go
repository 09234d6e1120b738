package accounts

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/accounts/internal/accountsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// freeAttempts are those that cost an account, or an address, no waiting. An
	// address may be that of a whole house.
	freeAttempts        = 5
	freeAddressAttempts = 20
	// firstWait doubles with each further failure, up to longestWait.
	firstWait   = 30 * time.Second
	longestWait = time.Hour
	// forgetAfter is how long a failure counts.
	forgetAfter        = 24 * time.Hour
	forgetAddressAfter = time.Hour
)

// attempt is one try to prove who one is: whose, and from where.
type attempt struct {
	tenant uuid.UUID
	// account and address are keyed hashes.
	account, address []byte
	// locks are what this attempt locked when it was charged.
	locks []lock
}

// lock is a wait that follows an attempt, if it fails.
type lock struct {
	what     string
	failures int32
	until    time.Time
}

func (s *Service) attemptBy(ctx context.Context, tenant uuid.UUID, email string) *attempt {
	from := web.AddressBlock(web.VisitorOf(ctx).Address).String()
	return &attempt{tenant: tenant, account: s.mac("account", tenant.String(), email), address: s.mac("address", tenant.String(), from)}
}

// wait is how long further attempts wait after so many.
func wait(attempts, free int) time.Duration {
	if attempts < free {
		return 0
	}
	return min(firstWait<<min(attempts-free, 20), longestWait)
}

// charge counts an attempt before anything is known of it, so that a thousand
// at once are not more than a few, and refuses it where others have failed too
// often. It does the same for accounts that exist and for those that do not.
func (s *Service) charge(ctx context.Context, a *attempt) error {
	var until time.Time
	now := s.clock.Now()
	a.locks = nil
	err := pg.InTx(pg.Detached(ctx), s.db, a.tenant, func(ctx context.Context, tx pgx.Tx) error {
		for _, subject := range []struct {
			kind   string
			hash   []byte
			free   int
			forget time.Duration
		}{{"address", a.address, freeAddressAttempts, forgetAddressAfter}, {"account", a.account, freeAttempts, forgetAfter}} {
			row, err := s.q.ChargeAttempt(ctx, tx, accountsdb.ChargeAttemptParams{
				TenantID: a.tenant, Kind: subject.kind, SubjectHash: subject.hash, At: now, ForgottenBefore: now.Add(-subject.forget),
			})
			if err != nil {
				return err
			}
			if row.LockedUntil != nil && row.LockedUntil.After(now) {
				until = *row.LockedUntil
				return events.RecordTx(ctx, tx, a.lockEvents(events.Subject{Kind: "sign_in", ID: ids.New(), Version: 1})...)
			}
			pause := wait(int(row.Failures), subject.free)
			if pause == 0 {
				continue
			}
			locked := now.Add(pause)
			if err := s.q.LockSubject(ctx, tx, accountsdb.LockSubjectParams{TenantID: a.tenant, Kind: subject.kind, SubjectHash: subject.hash, LockedUntil: &locked}); err != nil {
				return err
			}
			a.locks = append(a.locks, lock{subject.kind, row.Failures, locked})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if until.IsZero() {
		return nil
	}
	f := fault.New(fault.TooMany, "too-many-attempts").With("seconds", int(until.Sub(now).Seconds())+1)
	f.RetryAfter = until.Sub(now)
	return f
}

// lockEvents tell what the attempt locked.
func (a *attempt) lockEvents(subject events.Subject) []events.Entry {
	out := make([]events.Entry, 0, len(a.locks))
	for _, l := range a.locks {
		out = append(out, events.Entry{
			Type: "sign_in.locked", Subject: subject,
			Facts: map[string]any{"what": l.what, "until": l.until.UTC().Format(time.RFC3339), "failures": l.failures},
		})
	}
	return out
}

// failed records that an attempt failed, and what it locked.
func (s *Service) failed(ctx context.Context, a *attempt, user *uuid.UUID, email, method string) error {
	facts := map[string]any{"user_id": nil, "method": method}
	if user != nil {
		facts["user_id"] = user.String()
	}
	subject := events.Subject{Kind: "sign_in", ID: ids.New(), Version: 1}
	entries := []events.Entry{{
		Type: "sign_in.failed", Subject: subject, Facts: facts,
		Changes: []events.Change{{Pointer: "/address", After: web.VisitorOf(ctx).Address.String()}, {Pointer: "/email", After: email}},
	}}
	entries = append(entries, a.lockEvents(subject)...)
	return pg.InTx(pg.Detached(ctx), s.db, a.tenant, func(ctx context.Context, tx pgx.Tx) error {
		return events.RecordTx(ctx, tx, entries...)
	})
}

// forgive takes back what a successful attempt was charged.
func (s *Service) forgive(ctx context.Context, tx pgx.Tx, a *attempt) error {
	if err := s.q.ForgiveAddress(ctx, tx, a.tenant, a.address); err != nil {
		return err
	}
	return s.q.ForgiveAccount(ctx, tx, a.tenant, a.account)
}
