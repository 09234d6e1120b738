package connectors

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// anonymizeCommand asks a vendor to forget an account.
const anonymizeCommand = "customer.anonymize"

// EraseTx removes what is kept of records of a source whose person is erased:
// what could not be taken in or is still to be looked for, commands that name an
// account and have not been sent, and the names of accounts in what came of
// commands (GDPR art. 17). It comes before the vendor is asked to forget them.
func (s *Service) EraseTx(ctx context.Context, tx pgx.Tx, source uuid.UUID, records []port.Ref) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	var kinds, names, accounts []string
	for _, r := range records {
		kinds, names = append(kinds, r.Kind), append(names, r.ExternalID)
		if r.Kind == port.Customer {
			accounts = append(accounts, r.ExternalID)
		}
	}
	if len(names) == 0 {
		return nil
	}
	if _, err := s.q.EraseDeadLetters(ctx, tx, connectorsdb.EraseDeadLettersParams{TenantID: actor.Tenant, SourceID: source, Kinds: kinds, ExternalIds: names}); err != nil {
		return err
	}
	if err := s.q.DropFetches(ctx, tx, connectorsdb.DropFetchesParams{TenantID: actor.Tenant, SourceID: source, Kinds: kinds, ExternalIds: names}); err != nil {
		return err
	}
	if len(accounts) == 0 {
		return nil
	}
	if err := s.q.EraseResults(ctx, tx, actor.Tenant, source, accounts); err != nil {
		return err
	}
	waiting, err := s.q.ListWaitingCommands(ctx, tx, actor.Tenant, source)
	if err != nil {
		return err
	}
	for _, row := range waiting {
		names, err := s.namesAccount(ctx, tx, row, accounts)
		if err != nil {
			return err
		}
		if !names {
			continue
		}
		reason := "The person was erased before it was sent."
		if _, err := s.q.EndCommand(ctx, tx, connectorsdb.EndCommandParams{TenantID: row.TenantID, ID: row.ID, Status: "rejected", Error: &reason}); err != nil {
			return err
		}
	}
	return nil
}

// namesAccount reports whether a command says anywhere one of these accounts.
func (s *Service) namesAccount(ctx context.Context, tx pgx.Tx, row Command, accounts []string) (bool, error) {
	raw, err := s.Commands.Open(ctx, tx, row.TenantID, row.ID.String(), row.Data)
	if err != nil {
		return false, err
	}
	var data any
	if err := json.Unmarshal(raw, &data); err != nil {
		return false, err
	}
	return says(data, accounts), nil
}

func says(v any, texts []string) bool {
	switch v := v.(type) {
	case string:
		return slices.Contains(texts, v)
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return says(e, texts) })
	case map[string]any:
		for _, e := range v {
			if says(e, texts) {
				return true
			}
		}
	}
	return false
}

// Why a vendor is not asked to forget an account.
const (
	NotConnected      = "ticketing-source-not-connected"
	CapabilityMissing = "capability-missing"
)

// AnonymizeTx queues the command by which the vendor of a source is asked to
// forget an account, as part of tx. Where it cannot be asked, the code says why.
func (s *Service) AnonymizeTx(ctx context.Context, tx pgx.Tx, source uuid.UUID, account string) (command *uuid.UUID, code string, err error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, "", err
	}
	row, err := s.q.GetConnection(ctx, tx, actor.Tenant, source)
	if pg.IsNoRows(err) {
		return nil, NotConnected, nil
	}
	if err != nil {
		return nil, "", err
	}
	connector, known := s.connectors[row.Connector]
	if !known || !slices.Contains(connector.Describe().Commands, anonymizeCommand) {
		return nil, CapabilityMissing, nil
	}
	out, err := s.queueCommand(ctx, tx, actor.Tenant, source, anonymizeCommand, map[string]any{"customer": account})
	if err != nil {
		return nil, "", err
	}
	return &out.ID, "", nil
}

// queueCommand writes a command down and makes its source due.
func (s *Service) queueCommand(ctx context.Context, tx pgx.Tx, tenant, source uuid.UUID, kind string, data map[string]any) (Command, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return Command{}, err
	}
	id := ids.New()
	sealed, err := s.Commands.Seal(ctx, tx, tenant, id.String(), raw)
	if err != nil {
		return Command{}, err
	}
	out, err := s.q.InsertCommand(ctx, tx, connectorsdb.InsertCommandParams{TenantID: tenant, ID: id, SourceID: source, Kind: kind, Data: sealed})
	if err != nil {
		return out, err
	}
	return out, s.q.Wake(ctx, tx, 0, tenant, source)
}

// Ring has what was queued looked at now and not at the next round.
func (s *Service) Ring() { s.ring() }
