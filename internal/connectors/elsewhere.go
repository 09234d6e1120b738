package connectors

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/web"
)

// elsewhere reports whether a connection leads to another place than before: what
// was read there up to an instant says nothing of what is here, and what was to be
// written there is not to be written here.
func elsewhere(before, after connectorsdb.ConnectorConnection) bool {
	return before.Connector != after.Connector || before.BaseURL != after.BaseURL || !sameJSON(before.Settings, after.Settings)
}

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return bytes.Equal(a, b)
	}
	return reflect.DeepEqual(x, y)
}

// arrive makes a source due at the place that its connection leads to now.
func (s *Service) arrive(ctx context.Context, tx pgx.Tx, src source, before, after connectorsdb.ConnectorConnection, d port.Description) error {
	if err := s.prepareState(ctx, tx, after, d); err != nil || !elsewhere(before, after) {
		return err
	}
	return s.leave(ctx, tx, after.TenantID, src, "The connection was pointed elsewhere before it was sent.")
}

// leave has a source forget where it stood with its vendor: every stream is read
// from its beginning, nothing that was to be looked up there is, and commands that
// still wait are rejected.
func (s *Service) leave(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, src source, why string) error {
	if err := s.q.Rewind(ctx, tx, connectorsdb.RewindParams{TenantID: tenant, SourceID: src.ID, Streams: []string{}}); err != nil {
		return err
	}
	if err := s.q.ForgetFetches(ctx, tx, tenant, src.ID); err != nil {
		return err
	}
	waiting, err := s.q.ListWaitingCommands(ctx, tx, tenant, src.ID)
	if err != nil {
		return err
	}
	for _, row := range waiting {
		after, err := s.q.EndCommand(ctx, tx, connectorsdb.EndCommandParams{TenantID: row.TenantID, ID: row.ID, Status: "rejected", Error: &why})
		if err != nil {
			return err
		}
		if s.Ended != nil {
			if err := s.Ended(web.WithActor(ctx, web.SystemActor(row.TenantID, "connectors")), tx, row.ID, "rejected", false); err != nil {
				return err
			}
		}
		if err := events.RecordTx(ctx, tx, events.Entry{
			Type: "ticketing.command.rejected", Subject: events.Subject{Kind: "ticketing_command", ID: row.ID, Version: after.Version},
			Facts: map[string]any{"kind": row.Kind, "code": src.Code}, Source: "ticketing:" + src.Code,
		}); err != nil {
			return err
		}
	}
	return nil
}
