package connectors

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Pull makes streams due now: those that are named, or all.
func (s *Service) Pull(ctx context.Context, reference string, streams []string) (Connection, error) {
	return s.bringForward(ctx, reference, streams, func(ctx context.Context, tx pgx.Tx, row connectorsdb.ConnectorConnection, names []string) error {
		return s.q.WakeStreams(ctx, tx, row.TenantID, row.SourceID, names)
	})
}

// Replay puts the marks back to a time, or to the beginning, and reads again.
func (s *Service) Replay(ctx context.Context, reference string, from *time.Time) (Connection, error) {
	return s.bringForward(ctx, reference, nil, func(ctx context.Context, tx pgx.Tx, row connectorsdb.ConnectorConnection, _ []string) error {
		return s.q.Rewind(ctx, tx, connectorsdb.RewindParams{TenantID: row.TenantID, SourceID: row.SourceID, MarkAt: from, Streams: []string{}})
	})
}

func (s *Service) bringForward(ctx context.Context, reference string, streams []string, change func(context.Context, pgx.Tx, connectorsdb.ConnectorConnection, []string) error) (Connection, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Connection{}, err
	}
	src, err := s.source(ctx, s.DB.Tenant(actor.Tenant), actor, reference)
	if err != nil {
		return Connection{}, err
	}
	err = pg.InTx(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		row, err := s.q.LockConnection(ctx, tx, actor.Tenant, src.ID)
		if err != nil {
			return err
		}
		rows, err := s.q.ListStreams(ctx, tx, actor.Tenant, src.ID)
		if err != nil {
			return err
		}
		var known []string
		for _, r := range rows {
			known = append(known, r.Stream)
		}
		f := fault.Invalid()
		for i, name := range streams {
			if !slices.Contains(known, name) {
				f.At(fmt.Sprintf("#/streams/%d", i), "unknown-stream", "known", strings.Join(known, ", "))
			}
		}
		if err := f.OrNil(); err != nil {
			return err
		}
		if len(streams) == 0 {
			streams = known
		}
		if err := change(ctx, tx, row, streams); err != nil {
			return err
		}
		return s.q.Restart(ctx, tx, row.IsEnabled, actor.Tenant, src.ID)
	})
	if err != nil {
		return Connection{}, err
	}
	s.ring()
	return s.Connection(ctx, reference)
}
