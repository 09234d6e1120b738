package connectors

import (
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"

	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
)

func connectorToAPI(c port.Connector) api.Connector {
	d := c.Describe()
	out := api.Connector{
		Object: "connector", Name: d.Name, Title: d.Title, DefaultBaseURL: nullable.NewNullNullable[string](), SettingsSchema: d.SettingsSchema,
		Secrets: []api.ConnectorSecret{}, Capabilities: capabilities(c), Commands: append([]string{}, d.Commands...), Streams: []api.ConnectorStream{},
	}
	if d.BaseURL != "" {
		out.DefaultBaseURL = nullable.NewNullableWithValue(d.BaseURL)
	}
	for _, s := range d.Secrets {
		out.Secrets = append(out.Secrets, api.ConnectorSecret{Name: s.Name, Required: s.Required, Description: s.Description})
	}
	for _, s := range d.Streams {
		out.Streams = append(out.Streams, api.ConnectorStream{Name: s.Name, EverySeconds: int32(s.Every.Seconds())})
	}
	return out
}

func connectionFromAPI(in api.TicketingConnectionPut) NewConnection {
	out := NewConnection{Connector: in.Connector, BaseURL: in.BaseURL, Settings: in.Settings, Secrets: in.Secrets, Enabled: true}
	if out.Settings == nil {
		out.Settings = map[string]any{}
	}
	if in.IsEnabled != nil {
		out.Enabled = *in.IsEnabled
	}
	return out
}

func (s *Service) toAPI(c Connection) api.TicketingConnection {
	settings := map[string]any{}
	_ = json.Unmarshal(c.Settings, &settings) // an object, as its table says
	return api.TicketingConnection{
		Object: "ticketing_connection", SourceID: c.SourceID, Connector: c.Connector, BaseURL: c.BaseURL, Settings: settings,
		Secrets: append([]string{}, c.SecretNames...), IsEnabled: c.IsEnabled, HasHookAddress: c.HookHash != nil, HooksRegistered: c.HookVendorID != nil,
		State: s.stateToAPI(c), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, Version: c.Version,
	}
}

func (s *Service) stateToAPI(c Connection) api.TicketingConnectionState {
	st := c.State
	out := api.TicketingConnectionState{
		Status: s.status(c), NextReadAt: optional(st.DueAt), LastSuccessAt: optional(st.LastSuccessAt), LagSeconds: nullable.NewNullNullable[int64](),
		LaggingSince: optional(st.LaggingSince), FailingSince: optional(st.FailingSince), Failures: st.Failures, LastError: optional(st.LastError),
		LastErrorText: optional(st.LastErrorText), LastErrorAt: optional(st.LastErrorAt), PendingMessages: c.PendingMessages, PendingFetches: c.PendingFetches,
		OpenDeadLetters: c.OpenDeadLetters, ReconciledAt: optional(st.ReconciledAt), ReconciledWith: optional(st.ReconciledWith), Streams: []api.TicketingStreamState{},
	}
	for _, r := range c.Streams {
		if r.Stream == c.MainStream && r.ReadAt != nil {
			out.LagSeconds = nullable.NewNullableWithValue(max(int64(s.Clock.Now().Sub(*r.ReadAt).Seconds()), 0))
		}
		out.Streams = append(out.Streams, api.TicketingStreamState{DueAt: r.DueAt, MarkAt: optional(r.MarkAt), Name: r.Stream, ReadAt: optional(r.ReadAt), Records: r.Records})
	}
	return out
}

func (s *Service) status(c Connection) string {
	now := s.Clock.Now()
	switch {
	case !c.IsEnabled:
		return "disabled"
	case c.State.Stopped:
		return "stopped"
	case c.State.LeasedUntil != nil && c.State.LeasedUntil.After(now):
		return "reading"
	case c.State.HeldUntil != nil && c.State.HeldUntil.After(now):
		return "waiting"
	}
	return "idle"
}

func messageToAPI(m connectorsdb.ListMessagesRow) api.InboundMessage {
	return api.InboundMessage{
		ID: m.ID, Object: "inbound_message", SourceID: m.SourceID, Connector: m.Connector, ContentType: m.ContentType, Size: m.Size, Status: m.Status,
		Note: optional(m.Note), ReceivedAt: m.ReceivedAt, ProcessedAt: optional(m.ProcessedAt),
	}
}

func contentToAPI(m connectorsdb.ConnectorMessage, body []byte) api.InboundMessageContent {
	out := api.InboundMessageContent{
		ID: m.ID, Object: "inbound_message", SourceID: m.SourceID, Connector: m.Connector, ContentType: m.ContentType, Size: m.Size, Status: m.Status,
		Note: optional(m.Note), ReceivedAt: m.ReceivedAt, ProcessedAt: optional(m.ProcessedAt), Content: string(body),
	}
	if !utf8.Valid(body) {
		out.Content, out.IsBase64 = base64.StdEncoding.EncodeToString(body), true
	}
	return out
}

func deadLetterToAPI(d DeadLetter) api.TicketingDeadLetter {
	problem := map[string]any{}
	_ = json.Unmarshal(d.Problem, &problem) // an object, as it was written
	return api.TicketingDeadLetter{
		ID: d.ID, Object: "ticketing_dead_letter", SourceID: d.SourceID, Kind: d.Kind, ExternalID: d.ExternalID, Code: d.Code, Problem: problem,
		Attempts: d.Attempts, Status: d.Status, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, Version: d.Version,
	}
}

func comparisonFromAPI(in api.TicketingReconciliationCreate) Comparison {
	out := Comparison{From: in.From, To: in.To, Repair: in.Repair == nil || *in.Repair, Declared: in.Orders != nil}
	for _, o := range in.Orders {
		f := Figures{ExternalID: o.ExternalID, Currency: o.Currency, CommercialState: texts(o.CommercialState), Gross: o.Gross, Due: o.Due, Paid: o.Paid, Refunded: o.Refunded}
		if o.ValidLines != nil {
			n := int64(*o.ValidLines)
			f.ValidLines = &n
		}
		out.Orders = append(out.Orders, f)
	}
	return out
}

func commandToAPI(c Command) api.TicketingCommand {
	return api.TicketingCommand{
		ID: c.ID, Object: "ticketing_command", SourceID: c.SourceID, Kind: c.Kind, Status: c.Status, Attempts: c.Attempts, ResultKind: optional(c.ResultKind), ResultID: optional(c.ResultID),
		Error: optional(c.Error), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, SentAt: optional(c.SentAt), Version: c.Version,
	}
}

func optional[T any](p *T) nullable.Nullable[T] {
	if p == nil {
		return nullable.NewNullNullable[T]()
	}
	return nullable.NewNullableWithValue(*p)
}

func plain[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}

func texts[T ~string](p *T) *string {
	if p == nil {
		return nil
	}
	s := string(*p)
	return &s
}
