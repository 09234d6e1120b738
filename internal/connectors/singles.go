package connectors

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/fault"
)

const (
	// singlesAtOnce bounds how many records are read one by one in a turn.
	singlesAtOnce = 50
	// stubsAtOnce bounds how many unknown references are looked up in a turn.
	stubsAtOnce = 200
	// givenUpAfter is how long a reference may stay unknown.
	givenUpAfter = 7 * 24 * time.Hour
	// attemptsAtHook is how often a record that a hook named is looked for: the
	// vendor may tell of it before it shows it.
	attemptsAtHook = 6
)

// readSingly reads what no stream has brought: what a hook named, what is only
// referred to, what somebody wants to be tried again.
func (t *turn) readSingly(ctx context.Context) error {
	if len(t.d.Fetches) > 0 {
		if _, err := t.s.q.PutStubs(ctx, t.db, connectorsdb.PutStubsParams{TenantID: t.row.TenantID, SourceID: t.row.SourceID, Kinds: t.d.Fetches, Most: stubsAtOnce}); err != nil {
			return err
		}
	}
	rows, err := t.s.q.ListFetches(ctx, t.db, t.row.TenantID, t.row.SourceID, singlesAtOnce)
	if err != nil {
		return err
	}
	for _, row := range rows {
		ref := port.Ref{Kind: row.Kind, ExternalID: row.ExternalID}
		if t.seen[ref] && row.Reason != "deleted" {
			settle := t.arrived
			if t.buried[ref] {
				settle = t.dropFetches
			}
			if err := settle(ctx, map[port.Ref]bool{ref: true}); err != nil {
				return err
			}
			continue
		}
		if err := t.fetch(ctx, row, ref); err != nil {
			return err
		}
	}
	return nil
}

func (t *turn) fetch(ctx context.Context, row connectorsdb.ConnectorFetch, ref port.Ref) error {
	records, err := t.fetchRecords(ctx, row, ref)
	var unexpected *port.UnexpectedError
	switch {
	case errors.As(err, &unexpected):
		// One record that cannot be read holds up no reading of all others.
		return t.postpone(ctx, row)
	case errors.Is(err, port.ErrGone):
		return t.gone(ctx, row, ref)
	case errors.Is(err, port.ErrUnsupported):
		return t.arrived(ctx, map[port.Ref]bool{ref: true})
	case err != nil:
		return err
	}
	if err := t.ingest(ctx, records); err != nil {
		return err
	}
	if t.seen[ref] {
		return nil
	}
	return t.postpone(ctx, row)
}

// fetchRecords asks the vendor, or takes what a dead letter kept where the
// vendor cannot be asked for one record.
func (t *turn) fetchRecords(ctx context.Context, row connectorsdb.ConnectorFetch, ref port.Ref) ([]port.Record, error) {
	if slices.Contains(t.d.Fetches, ref.Kind) {
		return t.session.Fetch(ctx, ref.Kind, ref.ExternalID)
	}
	if row.Reason != "retry" {
		return nil, port.ErrUnsupported
	}
	record, err := t.exhume(ctx, ref)
	if err != nil {
		return nil, err
	}
	return []port.Record{record}, nil
}

// gone is what follows when the vendor does not know a record: a deletion where
// it told of one, patience where it told of a change a moment ago or somebody
// wants it to be tried again.
func (t *turn) gone(ctx context.Context, row connectorsdb.ConnectorFetch, ref port.Ref) error {
	patient := row.Reason == "hook" || row.Reason == "retry"
	if row.Reason == "deleted" || patient && row.Attempts+1 >= attemptsAtHook {
		now := t.s.Clock.Now()
		if err := t.ingest(ctx, []port.Record{{Kind: ref.Kind, ExternalID: ref.ExternalID, Delete: true, ModifiedAt: &now}}); err != nil {
			return err
		}
		return t.arrived(ctx, map[port.Ref]bool{ref: true})
	}
	if row.Reason == "stub" && t.s.Clock.Now().Sub(row.CreatedAt) > givenUpAfter {
		if err := t.bury(ctx, port.Record{Kind: ref.Kind, ExternalID: ref.ExternalID}, fault.New(fault.Missing, "never-described")); err != nil {
			return err
		}
		return t.dropFetches(ctx, map[port.Ref]bool{ref: true})
	}
	return t.postpone(ctx, row)
}

// postpone tries again later: soon for what a hook named, hours later for what
// was never described.
func (t *turn) postpone(ctx context.Context, row connectorsdb.ConnectorFetch) error {
	wait := t.s.backoff(int(row.Attempts))
	if row.Reason == "stub" {
		wait = max(wait, min(time.Duration(row.Attempts)*time.Hour, 12*time.Hour))
	}
	return t.s.q.PostponeFetch(ctx, t.db, connectorsdb.PostponeFetchParams{
		Seconds: wait.Seconds(), TenantID: row.TenantID, SourceID: row.SourceID, Kind: row.Kind, ExternalID: row.ExternalID,
	})
}
