package connectors

import (
	"context"
	"fmt"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/connectors.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.ConnectorsOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

// ListConnectors implements GET /v1/ticketing/connectors.
func (h *Handlers) ListConnectors(_ context.Context, _ api.ListConnectorsRequestObject) (api.ListConnectorsResponseObject, error) {
	return api.ListConnectors200JSONResponse(api.ConnectorList{Data: web.Map(h.service.Known(), connectorToAPI)}), nil
}

// GetTicketingConnection implements GET /v1/ticketing/sources/{source}/connection.
func (h *Handlers) GetTicketingConnection(ctx context.Context, r api.GetTicketingConnectionRequestObject) (api.GetTicketingConnectionResponseObject, error) {
	c, err := h.service.Connection(ctx, r.Source)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingConnection200JSONResponse{Body: h.service.toAPI(c), Headers: api.GetTicketingConnection200ResponseHeaders{ETag: web.ETag(c.Version)}}, nil
}

// PutTicketingConnection implements PUT /v1/ticketing/sources/{source}/connection.
func (h *Handlers) PutTicketingConnection(ctx context.Context, r api.PutTicketingConnectionRequestObject) (api.PutTicketingConnectionResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := h.service.Connect(ctx, r.Source, connectionFromAPI(*r.Body), want)
	if err != nil {
		return nil, err
	}
	return api.PutTicketingConnection200JSONResponse{Body: h.service.toAPI(c), Headers: api.PutTicketingConnection200ResponseHeaders{ETag: web.ETag(c.Version)}}, nil
}

// DeleteTicketingConnection implements DELETE /v1/ticketing/sources/{source}/connection.
func (h *Handlers) DeleteTicketingConnection(ctx context.Context, r api.DeleteTicketingConnectionRequestObject) (api.DeleteTicketingConnectionResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.DeleteTicketingConnection204Response{}, h.service.Disconnect(ctx, r.Source, want)
}

// CreateTicketingHookAddress implements POST /v1/ticketing/sources/{source}/connection/hook-address.
func (h *Handlers) CreateTicketingHookAddress(ctx context.Context, r api.CreateTicketingHookAddressRequestObject) (api.CreateTicketingHookAddressResponseObject, error) {
	address, err := h.service.NewHookAddress(ctx, r.Source)
	if err != nil {
		return nil, err
	}
	return api.CreateTicketingHookAddress201JSONResponse{
		Body:    api.TicketingHookAddress{Object: "ticketing_hook_address", URL: address},
		Headers: api.CreateTicketingHookAddress201ResponseHeaders{Location: "/v1/ticketing/sources/" + r.Source + "/connection"},
	}, nil
}

// StartTicketingPull implements POST /v1/ticketing/sources/{source}/pulls.
func (h *Handlers) StartTicketingPull(ctx context.Context, r api.StartTicketingPullRequestObject) (api.StartTicketingPullResponseObject, error) {
	c, err := h.service.Pull(ctx, r.Source, r.Body.Streams)
	if err != nil {
		return nil, err
	}
	return api.StartTicketingPull202JSONResponse(h.service.toAPI(c)), nil
}

// ReplayTicketingSource implements POST /v1/ticketing/sources/{source}/replay.
func (h *Handlers) ReplayTicketingSource(ctx context.Context, r api.ReplayTicketingSourceRequestObject) (api.ReplayTicketingSourceResponseObject, error) {
	c, err := h.service.Replay(ctx, r.Source, r.Params.From)
	if err != nil {
		return nil, err
	}
	return api.ReplayTicketingSource202JSONResponse(h.service.toAPI(c)), nil
}

// ReceiveTicketingHook implements POST /v1/ticketing/hooks/{connector}/{hook_key}.
func (h *Handlers) ReceiveTicketingHook(ctx context.Context, r api.ReceiveTicketingHookRequestObject) (api.ReceiveTicketingHookResponseObject, error) {
	fresh, err := h.service.Accept(ctx, r.Connector, r.HookKey, web.InboundOf(ctx))
	if err != nil {
		return nil, err
	}
	receipt := api.TicketingHookReceipt{Status: "kept"}
	if !fresh {
		receipt.Status = "duplicate"
	}
	return api.ReceiveTicketingHook202JSONResponse(receipt), nil
}

// ListInboundMessages implements GET /v1/ticketing/sources/{source}/inbound-messages.
func (h *Handlers) ListInboundMessages(ctx context.Context, r api.ListInboundMessagesRequestObject) (api.ListInboundMessagesResponseObject, error) {
	walk := fmt.Sprint("inbound-messages ", r.Source, plain(r.Params.Status))
	var after Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListMessages(ctx, r.Source, texts(r.Params.Status), web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(m connectorsdb.ListMessagesRow) any { return Position{m.ReceivedAt, m.ID} })
	if err != nil {
		return nil, err
	}
	return api.ListInboundMessages200JSONResponse{
		Body:    api.InboundMessageList{Data: web.Map(page.Items, messageToAPI), NextCursor: page.Next},
		Headers: api.ListInboundMessages200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// GetInboundMessage implements GET /v1/ticketing/inbound-messages/{message_id}.
func (h *Handlers) GetInboundMessage(ctx context.Context, r api.GetInboundMessageRequestObject) (api.GetInboundMessageResponseObject, error) {
	row, body, err := h.service.Message(ctx, r.MessageID)
	if err != nil {
		return nil, err
	}
	return api.GetInboundMessage200JSONResponse(contentToAPI(row, body)), nil
}

// ListTicketingDeadLetters implements GET /v1/ticketing/sources/{source}/dead-letters.
func (h *Handlers) ListTicketingDeadLetters(ctx context.Context, r api.ListTicketingDeadLettersRequestObject) (api.ListTicketingDeadLettersResponseObject, error) {
	walk := fmt.Sprint("dead-letters ", r.Source, plain(r.Params.Status))
	var after Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListDeadLetters(ctx, r.Source, texts(r.Params.Status), web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(d DeadLetter) any { return Position{d.CreatedAt, d.ID} })
	if err != nil {
		return nil, err
	}
	return api.ListTicketingDeadLetters200JSONResponse{
		Body:    api.TicketingDeadLetterList{Data: web.Map(page.Items, deadLetterToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingDeadLetters200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// RetryTicketingDeadLetter implements POST /v1/ticketing/sources/{source}/dead-letters/{dead_letter_id}/retry.
func (h *Handlers) RetryTicketingDeadLetter(ctx context.Context, r api.RetryTicketingDeadLetterRequestObject) (api.RetryTicketingDeadLetterResponseObject, error) {
	d, err := h.service.RetryDeadLetter(ctx, r.Source, r.DeadLetterID)
	if err != nil {
		return nil, err
	}
	return api.RetryTicketingDeadLetter202JSONResponse(deadLetterToAPI(d)), nil
}

// DismissTicketingDeadLetter implements POST /v1/ticketing/sources/{source}/dead-letters/{dead_letter_id}/dismiss.
func (h *Handlers) DismissTicketingDeadLetter(ctx context.Context, r api.DismissTicketingDeadLetterRequestObject) (api.DismissTicketingDeadLetterResponseObject, error) {
	d, err := h.service.DismissDeadLetter(ctx, r.Source, r.DeadLetterID)
	if err != nil {
		return nil, err
	}
	return api.DismissTicketingDeadLetter200JSONResponse(deadLetterToAPI(d)), nil
}

// RegisterTicketingHook implements POST /v1/ticketing/sources/{source}/connection/hook-registration.
func (h *Handlers) RegisterTicketingHook(ctx context.Context, r api.RegisterTicketingHookRequestObject) (api.RegisterTicketingHookResponseObject, error) {
	c, err := h.service.RegisterHook(ctx, r.Source)
	if err != nil {
		return nil, err
	}
	return api.RegisterTicketingHook200JSONResponse(h.service.toAPI(c)), nil
}

// StartTicketingReconciliation implements POST /v1/ticketing/sources/{source}/reconciliations.
func (h *Handlers) StartTicketingReconciliation(ctx context.Context, r api.StartTicketingReconciliationRequestObject) (api.StartTicketingReconciliationResponseObject, error) {
	o, err := h.service.Compare(ctx, r.Source, comparisonFromAPI(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.StartTicketingReconciliation202JSONResponse{
		Body:    operations.ToAPI(o),
		Headers: api.StartTicketingReconciliation202ResponseHeaders{ETag: web.ETag(o.Version), Location: "/v1/operations/" + o.ID.String(), RetryAfter: operations.PollAfter()},
	}, nil
}

// CreateTicketingCommand implements POST /v1/ticketing/sources/{source}/commands.
func (h *Handlers) CreateTicketingCommand(ctx context.Context, r api.CreateTicketingCommandRequestObject) (api.CreateTicketingCommandResponseObject, error) {
	c, err := h.service.Command(ctx, r.Source, string(r.Body.Kind), r.Body.Data)
	if err != nil {
		return nil, err
	}
	return api.CreateTicketingCommand202JSONResponse{
		Body: commandToAPI(c), Headers: api.CreateTicketingCommand202ResponseHeaders{Location: "/v1/ticketing/sources/" + r.Source + "/commands/" + c.ID.String()},
	}, nil
}

// GetTicketingCommand implements GET /v1/ticketing/sources/{source}/commands/{command_id}.
func (h *Handlers) GetTicketingCommand(ctx context.Context, r api.GetTicketingCommandRequestObject) (api.GetTicketingCommandResponseObject, error) {
	c, err := h.service.GetCommand(ctx, r.Source, r.CommandID)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingCommand200JSONResponse(commandToAPI(c)), nil
}

// ListTicketingCommands implements GET /v1/ticketing/sources/{source}/commands.
func (h *Handlers) ListTicketingCommands(ctx context.Context, r api.ListTicketingCommandsRequestObject) (api.ListTicketingCommandsResponseObject, error) {
	walk := fmt.Sprint("ticketing-commands ", r.Source, plain(r.Params.Status))
	var after Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListCommands(ctx, r.Source, texts(r.Params.Status), web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(c Command) any { return Position{c.CreatedAt, c.ID} })
	if err != nil {
		return nil, err
	}
	return api.ListTicketingCommands200JSONResponse{
		Body:    api.TicketingCommandList{Data: web.Map(page.Items, commandToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingCommands200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}
