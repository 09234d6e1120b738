package webhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

// Media types of the two formats.
const (
	mediaJSON        = "application/json"
	mediaCloudEvents = "application/cloudevents+json"
)

// typePrefix makes our event types unique among those of all CloudEvents
// senders, which is what its specification asks of the attribute.
const typePrefix = "io.github.parvis-crm."

// message is one event and its minified form, the same bytes for all thin
// endpoints.
type message struct {
	envelope events.Envelope
	thin     []byte
}

func newMessage(e events.Envelope) (message, error) {
	thin, err := minify(e)
	return message{envelope: e, thin: thin}, err
}

// minify encodes without white space and without escaping for HTML.
func minify(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

type fullData struct {
	events.EnvelopeData
	Resource json.RawMessage `json:"resource"`
}

type fullEnvelope struct {
	events.Envelope
	Data fullData `json:"data"`
}

// cloudEvent is the structured mode of CloudEvents 1.0; the last members are
// extension attributes.
type cloudEvent struct {
	SpecVersion string `json:"specversion"`
	ID          string `json:"id"`
	Source      string `json:"source"`
	Type        string `json:"type"`
	Time        string `json:"time"`
	Subject     string `json:"subject"`
	DataSchema  string `json:"dataschema"`
	ContentType string `json:"datacontenttype"`
	Data        any    `json:"data"`
	Sequence    string `json:"sequence"`
	Test        bool   `json:"test"`
}

const dataSchemaBase = "https://parvis-crm.github.io/schemas/v1/event-data.json"

// body is what is sent to an endpoint, and its media type.
func (s *Service) body(ctx context.Context, c *config, m message) ([]byte, string, error) {
	var resource json.RawMessage
	full := false
	if !c.of.actor.Reads("financial") {
		var err error
		if m, err = newMessage(m.envelope.ForReader(c.of.actor)); err != nil {
			return nil, "", err
		}
	}
	if c.endpoint.Payload == "full" && m.envelope.Sequence > 0 {
		var err error
		sent := web.WithRequestID(ctx, m.envelope.ID.String()) // by which a read in the log is found among the deliveries
		if resource, full, err = s.resource(sent, c.of.actor, m.envelope.Data); err != nil {
			return nil, "", err
		}
	}
	if c.endpoint.Format == "standard" {
		if !full {
			return m.thin, mediaJSON, nil
		}
		body, err := minify(fullEnvelope{m.envelope, fullData{m.envelope.Data, resource}})
		return body, mediaJSON, err
	}
	e := m.envelope
	ce := cloudEvent{
		SpecVersion: "1.0", ID: e.ID.String(), Source: "/tenants/" + e.Tenant.String(), Type: typePrefix + e.Type, Time: e.Timestamp,
		Subject: strings.TrimPrefix(e.Data.URL, "/v1/"), DataSchema: dataSchemaBase, ContentType: mediaJSON,
		Data: e.Data, Sequence: strconv.FormatInt(e.Sequence, 10), Test: e.Test,
	}
	if ce.Subject == "" {
		ce.Subject = e.Data.Object + "/" + e.Data.ID.String()
	}
	if full {
		ce.Data = fullData{e.Data, resource}
	}
	body, err := minify(ce)
	return body, mediaCloudEvents, err
}

// resource renders the record of an event as it is now and as the actor may read
// it; null when it is no longer there, or when whoever reads it has to say why. It reports false for kinds that nobody renders.
func (s *Service) resource(ctx context.Context, actor web.Actor, d events.EnvelopeData) (json.RawMessage, bool, error) {
	renderer, ok := s.renderers[d.Object]
	if !ok {
		return nil, false, nil
	}
	raw, err := renderer.Render(ctx, actor, d.Object, d.ID)
	if f, isFault := fault.As(err); isFault && (f.Kind == fault.Missing || f.Kind == fault.Gone || f.Code == "reason-required") {
		return json.RawMessage("null"), true, nil
	}
	return raw, true, err
}

// unlogged is the envelope of a delivery that is in no log.
func unlogged(c *config, d webhooksdb.ListDueRow) events.Envelope {
	e := events.Envelope{
		ID: d.EventID, Type: d.EventType, Timestamp: d.CreatedAt.UTC().Format(time.RFC3339Nano), APIVersion: "v1", Tenant: c.endpoint.TenantID,
		Test: c.test || d.Kind == "test", Actor: events.EnvelopeWho{Kind: "system", ID: "webhooks"},
		Data: events.EnvelopeData{
			Object: "webhook_endpoint", ID: c.endpoint.ID, Version: c.endpoint.Version, Changed: []string{}, Facts: json.RawMessage("{}"),
			URL: "/v1/webhook-endpoints/" + c.endpoint.ID.String(),
		},
		Digest: strings.Repeat("0", 64),
	}
	if d.Kind == "test" {
		e.Data.Object, _, _ = strings.Cut(d.EventType, ".")
		e.Data.ID, e.Data.Version, e.Data.URL = d.EventID, 1, ""
	}
	return e
}

// messageCache keeps what was read from the log last, for the lanes of all
// endpoints that are about to send it.
type messageCache struct {
	mu       sync.Mutex
	now, old map[messageKey]message
}

type messageKey struct {
	tenant   uuid.UUID
	sequence int64
}

const cacheHalf = 8192

func newMessageCache() *messageCache { return &messageCache{now: map[messageKey]message{}} }

func (c *messageCache) get(tenant uuid.UUID, sequence int64) (message, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := messageKey{tenant, sequence}
	if m, ok := c.now[k]; ok {
		return m, true
	}
	m, ok := c.old[k]
	return m, ok
}

func (c *messageCache) put(tenant uuid.UUID, list []message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range list {
		if len(c.now) >= cacheHalf {
			c.now, c.old = map[messageKey]message{}, c.now
		}
		c.now[messageKey{tenant, m.envelope.Sequence}] = m
	}
}
