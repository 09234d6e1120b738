package connectors

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Command is something a vendor is or was asked to do.
type Command = connectorsdb.ConnectorCommand

// commandSchemas are the components of the contract that what each kind of
// command carries follows.
func commandSchemas() map[string]string {
	return map[string]string{
		"customer.upsert": "TicketingCustomerUpsert", "customer.anonymize": "TicketingCustomerAnonymize", "consent.set": "TicketingConsentSet",
		"voucher.create": "TicketingVoucherCreate", "membership.grant": "TicketingMembershipGrant", "giftcard.transact": "TicketingGiftCardTransact", "tag.set": "TicketingTagSet",
	}
}

// CommandSchemas are those components by name.
func CommandSchemas() []string { return slices.Collect(maps.Values(commandSchemas())) }

// SealedCommands describes what commands carry.
func SealedCommands() vault.Column {
	return vault.Column{Table: "connector_commands", Column: "data", Key: "id", KeyType: "uuid"}
}

// Command asks the vendor of a source to do something. What it cannot do is
// refused at once.
func (s *Service) Command(ctx context.Context, reference, kind string, data map[string]any) (Command, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Command{}, err
	}
	src, err := s.source(ctx, s.DB.Tenant(actor.Tenant), actor, reference)
	if err != nil {
		return Command{}, err
	}
	row, err := s.q.GetConnection(ctx, s.DB.Tenant(actor.Tenant), actor.Tenant, src.ID)
	if pg.IsNoRows(err) {
		return Command{}, fault.New(fault.Conflict, "ticketing-source-not-connected").With("code", src.Code)
	}
	if err != nil {
		return Command{}, err
	}
	connector, known := s.connectors[row.Connector]
	if !known || !slices.Contains(connector.Describe().Commands, kind) {
		return Command{}, missing(kind, row.Connector)
	}
	if err := s.Schemas.Check(commandSchemas()[kind], data); err != nil {
		return Command{}, below(err, "#/data")
	}
	if err := s.knows(ctx, kind, data); err != nil {
		return Command{}, err
	}
	out, err := pg.InTxValue(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Command, error) {
		return s.queueCommand(ctx, tx, actor.Tenant, src.ID, kind, data)
	})
	s.ring()
	return out, err
}

// voucherCommand asks a vendor to give out a code.
const voucherCommand = "voucher.create"

// knows refuses a code for a contact that is not there.
func (s *Service) knows(ctx context.Context, kind string, data map[string]any) error {
	named, ok := data["contact_id"].(string)
	if kind != voucherCommand || !ok {
		return nil
	}
	contact, err := uuid.Parse(named)
	if err == nil {
		err = s.KnownContact(ctx, contact)
	}
	if f, isFault := fault.As(pg.Translate(err)); err != nil && (!isFault || f.Kind == fault.Missing || f.Kind == fault.Gone) {
		return fault.Invalid().At("#/data/contact_id", "no-match")
	}
	return err
}

// forSomebodyErased reports whether a code is wanted for somebody who was erased
// meanwhile.
func (t *turn) forSomebodyErased(ctx context.Context, row Command, data []byte) (bool, error) {
	issue, err := t.issue(row, data, port.Result{ExternalID: row.ID.String()})
	if err != nil || issue == nil || issue.ContactID == nil {
		return false, err
	}
	err = t.s.KnownContact(web.WithActor(ctx, web.SystemActor(row.TenantID, "connectors")), *issue.ContactID)
	f, isFault := fault.As(pg.Translate(err))
	if err != nil && !isFault {
		return false, err
	}
	return isFault && f.Code == "contact-erased", nil
}

// issue is what a command for a code says of whom it is for; nil for others.
func (t *turn) issue(row Command, data []byte, result port.Result) (*Issue, error) {
	if row.Kind != voucherCommand || result.ExternalID == "" {
		return nil, nil
	}
	var in struct {
		ContactID *uuid.UUID `json:"contact_id"`
		Campaign  *string    `json:"campaign"`
		Kind      string     `json:"kind"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	kind := cmp.Or(in.Kind, "discount")
	return &Issue{SourceID: row.SourceID, ExternalID: result.ExternalID, Command: row.ID, ContactID: in.ContactID, Campaign: in.Campaign, Kind: &kind}, nil
}

// GetCommand reads a command.
func (s *Service) GetCommand(ctx context.Context, reference string, id uuid.UUID) (Command, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Command{}, err
	}
	db := s.DB.Tenant(actor.Tenant)
	src, err := s.source(ctx, db, actor, reference)
	if err != nil {
		return Command{}, err
	}
	return s.q.GetCommand(ctx, db, actor.Tenant, src.ID, id)
}

// ListCommands lists commands, newest first.
func (s *Service) ListCommands(ctx context.Context, reference string, status *string, after *Position, limit int) ([]Command, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	db := s.DB.Tenant(actor.Tenant)
	src, err := s.source(ctx, db, actor, reference)
	if err != nil {
		return nil, err
	}
	p := connectorsdb.ListCommandsParams{TenantID: actor.Tenant, SourceID: src.ID, Status: status, PageSize: int32(limit)}
	if after != nil {
		p.AfterAt, p.AfterID = &after.At, &after.ID
	}
	return s.q.ListCommands(ctx, db, p)
}

const (
	commandsAtOnce = 200
	// mostAttempts is how often a vendor that cannot be reached is asked.
	mostAttempts = 12
	// mostFailures ends the sending of a turn: so many in a row, and the vendor is
	// not able to do anything.
	mostFailures = 3
	// commandsEvery is how long a reading may hold up what is to be sent.
	commandsEvery = 15 * time.Second
)

// sendCommands sends what waits, in the order in which it was asked for. What is
// for the same customer or gift card as one that failed waits for it, or the older
// value would come last; the rest goes on, and so does reading.
func (t *turn) sendCommands(ctx context.Context) error {
	t.sent = t.s.Clock.Now()
	rows, err := t.s.q.ListOpenCommands(ctx, t.db, t.row.TenantID, t.row.SourceID, commandsAtOnce)
	if err != nil {
		return err
	}
	sender, ok := t.session.(port.Commander)
	held, failures := map[string]bool{}, 0
	for _, row := range rows {
		if !ok {
			if err := t.endCommand(ctx, row.ConnectorCommand, port.Result{}, port.ErrUnsupported); err != nil {
				return err
			}
			continue
		}
		data, err := t.s.Commands.Open(ctx, t.db, row.ConnectorCommand.TenantID, row.ConnectorCommand.ID.String(), row.ConnectorCommand.Data)
		if err != nil {
			return err
		}
		about := commandSubject(data)
		if !row.Due || held[about] {
			held[about] = about != ""
			continue
		}
		if err := t.wanted(ctx); err != nil {
			return err
		}
		well, err := t.sendCommand(ctx, sender, row.ConnectorCommand, data)
		if err != nil {
			return err
		}
		if well {
			failures = 0
			continue
		}
		held[about] = about != ""
		if failures++; failures == mostFailures {
			return nil
		}
	}
	return nil
}

// commandSubject is whom or what a command changes at the vendor; empty for what
// makes something new.
func commandSubject(data []byte) string {
	var in struct {
		Customer string `json:"customer"`
		GiftCard string `json:"gift_card"`
	}
	switch {
	case json.Unmarshal(data, &in) != nil:
		return ""
	case in.Customer != "":
		return "customer " + in.Customer
	case in.GiftCard != "":
		return "gift_card " + in.GiftCard
	}
	return ""
}

// keyMargin is how long before a vendor forgets a command's name it is sent no
// more under it.
const keyMargin = time.Hour

// errKeyGone: a command was sent, no answer came, and the vendor has forgotten its
// name by now: sent again it might be done twice.
var errKeyGone = errors.New("connectors: a command is too old to be sent again")

// sendCommand sends one, and reports whether the vendor answered it, in whatever
// way. Where the vendor asks to wait, or refuses the credentials as such, the turn
// is over.
func (t *turn) sendCommand(ctx context.Context, sender port.Commander, row Command, data []byte) (bool, error) {
	if row.SentAt != nil && t.d.CommandKeyFor > 0 && t.s.Clock.Now().Sub(*row.SentAt) > t.d.CommandKeyFor-keyMargin {
		return true, t.endCommand(ctx, row, port.Result{}, errKeyGone)
	}
	if gone, err := t.forSomebodyErased(ctx, row, data); err != nil || gone {
		if gone {
			err = t.endCommand(ctx, row, port.Result{}, &port.RejectedError{Text: "The person was erased before it was sent."})
		}
		return true, err
	}
	// Noted before it is sent: the vendor's key against repetition makes the next
	// attempt the same one.
	waiting, err := t.s.q.MarkCommandSent(ctx, t.db, row.TenantID, row.ID)
	if err != nil || waiting == 0 { // nothing waits where the person was erased meanwhile
		return true, err
	}
	result, err := sender.Send(ctx, port.Command{ID: row.ID.String(), Kind: row.Kind, Data: data})
	var rejected *port.RejectedError
	var throttled *port.ThrottledError
	switch {
	case err == nil:
	case errors.As(err, &rejected), errors.Is(err, port.ErrGone), errors.Is(err, port.ErrUnsupported), errors.Is(err, port.ErrForbidden):
		return true, t.endCommand(ctx, row, result, err)
	case errors.Is(err, port.ErrRefused), ctx.Err() != nil:
		return false, err
	case errors.As(err, &throttled):
		// It was not looked at: it is the first to go when the wait is over.
		return false, cmp.Or(t.s.q.PostponeCommand(ctx, t.db, throttled.Wait.Seconds(), row.TenantID, row.ID), err)
	case row.Attempts+1 >= mostAttempts:
		return false, t.endCommand(ctx, row, result, err)
	default:
		return false, t.s.q.PostponeCommand(ctx, t.db, t.s.backoff(int(row.Attempts)).Seconds(), row.TenantID, row.ID)
	}
	// What the vendor answered is its new state: when it tells us of it, it is
	// known already. The command stands in the log as who did it.
	ours := web.WithActor(ctx, web.SystemActor(row.TenantID, "command:"+row.ID.String()))
	if err := t.ingest(ours, result.Records); err != nil {
		return false, err
	}
	issue, err := t.issue(row, data, result)
	if err != nil {
		return false, err
	}
	return true, t.endIssuing(ctx, row, result, issue, nil)
}

func (t *turn) endCommand(ctx context.Context, row Command, result port.Result, cause error) error {
	return t.endIssuing(ctx, row, result, nil, cause)
}

func (t *turn) endIssuing(ctx context.Context, row Command, result port.Result, issue *Issue, cause error) error {
	p := connectorsdb.EndCommandParams{TenantID: row.TenantID, ID: row.ID, Status: "confirmed"}
	event := "ticketing.command.confirmed"
	facts := map[string]any{"kind": row.Kind, "code": t.src.Code}
	if result.ExternalID != "" && row.Kind != anonymizeCommand { // whose name that was is forgotten
		p.ResultKind, p.ResultID = &result.Kind, &result.ExternalID
	}
	if cause != nil {
		reason := commandError(cause)
		p.Status, p.Error, event = "rejected", &reason, "ticketing.command.rejected"
	}
	return pg.InTx(ctx, t.s.DB, row.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		after, err := t.s.q.EndCommand(ctx, tx, p)
		if pg.IsNoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if issue != nil {
			if err := t.s.Issued(web.WithActor(ctx, web.SystemActor(row.TenantID, "command:"+row.ID.String())), tx, row.TenantID, *issue); err != nil {
				return err
			}
		}
		if t.s.Ended != nil {
			if err := t.s.Ended(web.WithActor(ctx, web.SystemActor(row.TenantID, "connectors")), tx, row.ID, p.Status, errors.Is(cause, port.ErrUnsupported)); err != nil {
				return err
			}
		}
		return events.RecordTx(ctx, tx, events.Entry{
			Type: event, Subject: events.Subject{Kind: "ticketing_command", ID: row.ID, Version: after.Version}, Facts: facts, Source: "ticketing:" + t.src.Code,
		})
	})
}

func commandError(cause error) string {
	var rejected *port.RejectedError
	switch {
	case errors.As(cause, &rejected):
		if rejected.Text != "" {
			return web.ClipBytes(rejected.Text, 500)
		}
		return rejected.Error()
	case errors.Is(cause, port.ErrGone):
		return "The vendor does not know what the command names."
	case errors.Is(cause, port.ErrUnsupported):
		return "The vendor has no such thing."
	case errors.Is(cause, port.ErrForbidden):
		return "The vendor does not allow this to our credentials."
	case errors.Is(cause, errKeyGone):
		return "It was sent and no answer came. It is too late to send it again, since it might be done twice: see at the vendor."
	}
	return ended(cause).text
}
