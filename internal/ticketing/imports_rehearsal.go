package ticketing

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
)

// A dry run takes records in and undoes it. What a record would come to depends on
// those before it in the file, so as many as these are taken in before anything is
// undone. While they are, nothing else of the source and nobody new arrives: more
// would keep a box office waiting, and what is held for them is held in memory.
const (
	stretchRecords = 2000
	stretchBytes   = 8 << 20
)

// errDry ends the transaction of a dry run.
var errDry = errors.New("ticketing: nothing is to be written")

// nextStretch reads what a dry run takes in before it undoes it: whole steps of
// the real one.
func nextStretch(r *recordFile) ([]fileRecord, error) {
	var stretch []fileRecord
	for size := int64(0); len(stretch) < stretchRecords && size < stretchBytes; {
		step, err := nextStep(r)
		if err != nil || len(step) == 0 {
			return stretch, err
		}
		for _, one := range step {
			size += one.size
		}
		stretch = append(stretch, step...)
	}
	return stretch, nil
}

// rehearse finds what would become of a stretch of a file, step by step, and then
// writes that and nothing else. Taken up again after a crash, it is at the
// beginning of a stretch.
func (i *Imports) rehearse(ctx context.Context, run *operations.Run, p importParameters, stretch []fileRecord, done int64, total *int64) error {
	var outcomes []Outcome
	var err error
	if inputs := readable(stretch); len(inputs) > 0 {
		for range stepTries {
			if outcomes, err = i.service.foresee(ctx, p.Source, inputs); !inTheWay(err) {
				break
			}
		}
	}
	if err != nil {
		return err
	}
	return pg.InTx(ctx, i.service.db, run.Tenant(), func(ctx context.Context, tx pgx.Tx) error {
		if err := i.note(ctx, tx, run, stretch, outcomes, done); err != nil {
			return err
		}
		return run.ProgressTx(ctx, tx, done+int64(len(stretch)), total)
	})
}

// foresee says what receive would make of records, in steps of importStep, and
// undoes all of it.
func (s *Service) foresee(ctx context.Context, reference string, inputs []Input) ([]Outcome, error) {
	source, err := s.GetSource(ctx, reference)
	if err != nil {
		return nil, err
	}
	if source.Status == "paused" {
		return nil, fault.New(fault.Conflict, "ticketing-source-paused").With("code", source.Code)
	}
	now := s.clock.Now()
	messages, outcomes, err := s.understandAll(inputs, source, now)
	if err != nil {
		return nil, err
	}
	err = pg.InTx(ctx, s.db, source.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		return pg.AsEverything(ctx, tx, func(ctx context.Context) error {
			// All names at once, as each step would in turn: in order, so that nobody
			// waits in a circle.
			if err := s.lock(ctx, tx, source, messages); err != nil {
				return err
			}
			if source, err = s.q.GetSource(ctx, tx, source.TenantID, source.ID.String()); err != nil {
				return err
			}
			for from := 0; from < len(messages); from += importStep {
				to := min(from+importStep, len(messages))
				if err := s.receiveTx(ctx, tx, source, now, messages[from:to], outcomes[from:to]); err != nil {
					return err
				}
			}
			return errDry
		})
	})
	if !errors.Is(err, errDry) {
		return nil, err
	}
	for n, m := range messages {
		if m != nil {
			outcomes[n].Warnings = m.warnings
		}
	}
	return outcomes, s.withoutUnborn(ctx, source.TenantID, outcomes)
}

// withoutUnborn takes identifiers out of what was foreseen that are of nothing: a
// record that would only be made has none.
func (s *Service) withoutUnborn(ctx context.Context, tenant uuid.UUID, outcomes []Outcome) error {
	named := map[uuid.UUID]bool{}
	for _, o := range outcomes {
		note(named, or(o.ID, uuid.Nil))
	}
	found, err := s.q.FindRecordsThere(ctx, s.db.Tenant(tenant), tenant, keysOf(named))
	if err != nil {
		return err
	}
	there := map[uuid.UUID]bool{}
	for _, id := range found {
		there[id] = true
	}
	for n, o := range outcomes {
		if o.ID != nil && !there[*o.ID] {
			outcomes[n].ID = nil
		}
	}
	return nil
}
