package webhooks

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// catalogue are the names of all types of events.
var catalogue = sync.OnceValues(func() ([]string, error) {
	types, err := events.Types(api.SpecJSON)
	return web.Map(types, func(t events.TypeInfo) string { return t.Name }), err
})

// checkTypes refuses what no type is called, or begins with: such an endpoint
// would wait for ever, and nobody would know why.
func checkTypes(globs []string) error {
	known, err := catalogue()
	if err != nil {
		return err
	}
	f := fault.Invalid()
	for i, glob := range globs {
		if !slices.ContainsFunc(known, func(t string) bool { return selects(glob, t) }) {
			f = f.At("#/event_types/"+strconv.Itoa(i), "unknown-event-type")
		}
	}
	return f.OrNil()
}

func newEndpoint(in api.WebhookEndpointCreate) NewEndpoint {
	out := NewEndpoint{URL: in.URL, EventTypes: in.EventTypes, Payload: "thin", Format: "standard", Verification: byEvent, Description: orEmpty(in.Description)}
	if in.Payload != nil {
		out.Payload = string(*in.Payload)
	}
	if in.Format != nil {
		out.Format = string(*in.Format)
	}
	if in.Verification != nil {
		out.Verification = string(*in.Verification)
	}
	return out
}

func change(in api.WebhookEndpointPatch) Change {
	out := Change{URL: in.URL, EventTypes: in.EventTypes, Payload: (*string)(in.Payload), Format: (*string)(in.Format), Verification: (*string)(in.Verification), Status: (*string)(in.Status)}
	if in.Description.IsSpecified() {
		text, _ := in.Description.Get() // null takes the text away
		out.Description = &text
	}
	return out
}

func toAPI(e Endpoint) api.WebhookEndpoint {
	out := api.WebhookEndpoint{
		ID: e.ID, Object: api.WebhookEndpointObjectWebhookEndpoint, URL: e.URL, EventTypes: e.EventTypes, Payload: e.Payload, Format: e.Format,
		Verification: e.Verification, AllowedRate: web.Nullable(e.AllowedRate), Description: e.Description, Status: e.Status, DisabledReason: web.Nullable(e.DisabledReason), DisabledAt: web.Nullable(e.DisabledAt),
		MadeBy:        api.Actor{Kind: e.MadeByKind, ID: e.MadeBy},
		LastSuccessAt: web.Nullable(e.LastSuccessAt), FailingSince: web.Nullable(e.FailingSince), OldestUndeliveredAt: web.Nullable(e.OldestUndeliveredAt),
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt, Version: e.Version,
	}
	if e.OldestUndeliveredAt != nil {
		out.LagSeconds = int64(max(time.Since(*e.OldestUndeliveredAt), 0) / time.Second)
	}
	return out
}

func withSecret(in EndpointSecret) api.WebhookEndpointSecret {
	e := toAPI(in.Endpoint)
	return api.WebhookEndpointSecret{
		ID: e.ID, Object: api.WebhookEndpointSecretObjectWebhookEndpoint, URL: e.URL, EventTypes: e.EventTypes, Payload: e.Payload, Format: e.Format,
		Verification: e.Verification, AllowedRate: e.AllowedRate, Description: e.Description, Status: e.Status, DisabledReason: e.DisabledReason, DisabledAt: e.DisabledAt, MadeBy: e.MadeBy, LastSuccessAt: e.LastSuccessAt,
		FailingSince: e.FailingSince, OldestUndeliveredAt: e.OldestUndeliveredAt, LagSeconds: e.LagSeconds, CreatedAt: e.CreatedAt,
		UpdatedAt: e.UpdatedAt, Version: e.Version, Secret: in.Secret, PublicKey: in.PublicKey,
	}
}

func keyToAPI(k PublicKey) api.WebhookKey {
	return api.WebhookKey{
		Kid: k.ID, Kty: api.WebhookKeyKtyOKP, Crv: api.WebhookKeyCrvEd25519, Alg: api.WebhookKeyAlgEdDSA, Use: api.WebhookKeyUseSig,
		X: base64.RawURLEncoding.EncodeToString(k.Key.Ed25519()), PublicKey: k.Key.String(), CreatedAt: k.CreatedAt, ExpiresAt: web.Nullable(k.ExpiresAt),
	}
}

func summaryToAPI(d DeliverySummary) api.WebhookDelivery {
	return api.WebhookDelivery{
		ID: d.EventID, Object: api.WebhookDeliveryObjectWebhookDelivery, EndpointID: d.EndpointID, EventType: d.EventType, Sequence: d.Sequence,
		Status: d.Status, Attempts: d.Attempts, ResponseStatus: web.Nullable(d.ResponseStatus), NextAttemptAt: web.Nullable(d.DueAt),
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, Version: d.Version,
	}
}

func deliveryToAPI(d Delivery) api.WebhookDelivery {
	return summaryToAPI(DeliverySummary{
		TenantID: d.TenantID, EndpointID: d.EndpointID, EventID: d.EventID, Sequence: d.Sequence, EventType: d.EventType, Kind: d.Kind,
		Status: d.Status, DueAt: d.DueAt, Step: d.Step, Attempts: d.Attempts, ResponseStatus: d.ResponseStatus,
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, Version: d.Version,
	})
}

func detailToAPI(d Delivery) (api.WebhookDeliveryDetail, error) {
	s := deliveryToAPI(d)
	var log []Attempt
	if d.AttemptLog != nil {
		if err := json.Unmarshal(d.AttemptLog, &log); err != nil {
			return api.WebhookDeliveryDetail{}, fmt.Errorf("webhooks: attempts of %s: %w", d.EventID, err)
		}
	}
	return api.WebhookDeliveryDetail{
		ID: s.ID, Object: api.WebhookDeliveryDetailObjectWebhookDelivery, EndpointID: s.EndpointID, EventType: s.EventType, Sequence: s.Sequence,
		Status: s.Status, Attempts: s.Attempts, ResponseStatus: s.ResponseStatus, NextAttemptAt: s.NextAttemptAt, CreatedAt: s.CreatedAt,
		UpdatedAt: s.UpdatedAt, Version: s.Version, AttemptLog: web.Map(log, attemptToAPI),
	}, nil
}

func attemptToAPI(a Attempt) api.WebhookAttempt {
	out := api.WebhookAttempt{
		AttemptedAt: a.At, LatencyMs: a.LatencyMS, ResponseBody: a.Body,
		ResponseStatus: nullable.NewNullNullable[int32](), Error: nullable.NewNullNullable[string](),
	}
	if a.Status != 0 {
		out.ResponseStatus = nullable.NewNullableWithValue(int32(a.Status))
	}
	if a.Error != "" {
		out.Error = nullable.NewNullableWithValue(a.Error)
	}
	return out
}

func location(id uuid.UUID) string { return "/v1/webhook-endpoints/" + id.String() }

func deliveryLocation(d Delivery) string {
	return location(d.EndpointID) + "/deliveries/" + d.EventID.String()
}

func texts[S ~string](in []S) []string {
	out := make([]string, 0, len(in))
	for _, s := range in {
		out = append(out, string(s))
	}
	return out
}

func orEmpty(s *string) string { return orZero(s) }

func orZero[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
