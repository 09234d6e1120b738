package app

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/parvis-crm/parvis/internal/connectors"
	"github.com/parvis-crm/parvis/internal/connectors/billetweb"
	"github.com/parvis-crm/parvis/internal/connectors/eventbrite"
	"github.com/parvis-crm/parvis/internal/connectors/helloasso"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/connectors/pretix"
	"github.com/parvis-crm/parvis/internal/connectors/weezevent"
	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing"
	"github.com/parvis-crm/parvis/internal/web"
)

// vendors are the ticketing systems that this program can reach by itself: one
// line each.
func vendors() []port.Connector {
	return []port.Connector{
		pretix.Connector{},
		helloasso.Connector{},
		billetweb.Connector{},
		weezevent.Connector{},
		eventbrite.Connector{},
	}
}

// What an answer of a vendor may take: a page of large orders, and the time to
// make it.
const (
	vendorBody    = 32 << 20
	vendorTimeout = time.Minute
)

func (a *App) newConnectors(schemas web.Schemas) *connectors.Service {
	return connectors.NewService(connectors.Needs{
		DB: a.DB, Clock: a.Clock, Log: a.Log, Ingest: ingest{a.domains.ticketing, a.DB}, Operations: a.domains.operations, Reads: a.domains.reads, Schemas: schemas,
		Client:  egress.New(egress.Config{AllowCIDRs: a.Config.WebhookAllowCIDRs, MaxBody: vendorBody, Timeout: vendorTimeout}),
		Secrets: a.sealed(connectors.SealedSecrets()), Messages: a.sealed(connectors.SealedMessages()), DeadLetters: a.sealed(connectors.SealedDeadLetters()),
		Commands: a.sealed(connectors.SealedCommands()),
		Ended: func(ctx context.Context, tx pgx.Tx, command uuid.UUID, status string, unsupported bool) error {
			return a.domains.privacy.NoteTx(ctx, tx, command, status, unsupported)
		},
		Issued: func(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, i connectors.Issue) error {
			return a.domains.ticketing.NoteIssueTx(ctx, tx, tenant, ticketing.CommandedIssue(i))
		},
		KnownContact: func(ctx context.Context, contact uuid.UUID) error {
			_, err := a.domains.contacts.Get(ctx, contact)
			return err
		},
	}, connectors.Options{PublicURL: a.Config.Public(), Debounce: a.Config.ConnectorDebounce, Backoff: a.Config.ConnectorBackoff}, vendors()...)
}

// Connectors gives the domain that reads from ticketing systems, for tests.
func (a *App) Connectors() *connectors.Service { return a.domains.connectors }

// Backfill gives what takes in files of ticketing records, for tests.
func (a *App) Backfill() *ticketing.Imports { return a.domains.backfill }

// ingest hands what connectors read to ticketing, as if it had been sent to the
// API.
type ingest struct {
	ticketing *ticketing.Service
	db        *pg.DB
}

// Receive implements connectors.Ingest.
func (i ingest) Receive(ctx context.Context, source string, records []port.Record) ([]connectors.Outcome, error) {
	inputs := make([]ticketing.Input, len(records))
	for at, r := range records {
		inputs[at] = ticketing.Input{Kind: r.Kind, ExternalID: r.ExternalID, Delete: r.Delete, SourceVersion: r.Version, SourceModifiedAt: r.ModifiedAt}
		if r.Data == nil {
			continue
		}
		raw, err := json.Marshal(r.Data)
		if err != nil {
			return nil, err
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		inputs[at].Data, _ = document.(map[string]any)
	}
	outcomes, err := i.ticketing.Receive(ctx, source, inputs)
	if err != nil {
		return nil, err
	}
	out := make([]connectors.Outcome, len(outcomes))
	for at, o := range outcomes {
		out[at] = connectors.Outcome{Status: o.Status, Problem: o.Problem}
	}
	return out, nil
}

// MarkAbsent implements connectors.Ingest.
func (i ingest) MarkAbsent(ctx context.Context, source string, w connectors.Window, present []string) error {
	found, err := i.ticketing.GetSource(ctx, source)
	if err != nil {
		return err
	}
	return pg.InTx(ctx, i.db, found.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		_, err := i.ticketing.MarkAbsent(ctx, tx, found, ticketing.Window{Kind: port.Order, From: &w.From, Until: &w.To, TakenAt: w.TakenAt}, present)
		return err
	})
}
