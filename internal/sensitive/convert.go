package sensitive

import (
	"time"

	"github.com/oapi-codegen/nullable"
	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

func toAPI(f Fact) api.SensitiveFact {
	return api.SensitiveFact{
		ID: f.ID, Object: api.SensitiveFactObjectSensitiveFact, ContactID: f.ContactID, Category: f.Category, Text: web.Nullable(f.Text),
		Identifier: identifierToAPI(f.Identifier), Purpose: f.Purpose, Source: f.Source, ValidUntil: date(f.ValidUntil),
		CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt, Version: f.Version,
	}
}

func receipt(r Row) api.SensitiveFactReceipt {
	return api.SensitiveFactReceipt{
		ID: r.ID, Object: api.SensitiveFactReceiptObjectSensitiveFactReceipt, ContactID: r.ContactID, Purpose: r.Purpose, Source: r.Source,
		ValidUntil: date(r.ValidUntil), CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Version: r.Version,
	}
}

func changeToAPI(c Change) api.SensitiveFactChange {
	out := api.SensitiveFactChange{
		EventID: c.EventID, Type: c.Type, OccurredAt: c.At, Actor: api.Actor{Kind: c.ActorKind, ID: c.ActorID},
		Category: nullable.NewNullNullable[string](), Text: nullable.NewNullNullable[string](), Identifier: identifierToAPI(nil),
	}
	if c.Content != nil {
		out.Category = nullable.NewNullableWithValue(c.Content.Category)
		out.Text, out.Identifier = web.Nullable(c.Content.Text), identifierToAPI(c.Content.Identifier)
	}
	return out
}

func identifierToAPI(i *Identifier) nullable.Nullable[api.SensitiveIdentifier] {
	if i == nil {
		return nullable.NewNullNullable[api.SensitiveIdentifier]()
	}
	return nullable.NewNullableWithValue(api.SensitiveIdentifier{Scheme: api.SensitiveIdentifierScheme(i.Scheme), Value: i.Value})
}

func fromIdentifier(i api.SensitiveIdentifier) Identifier {
	return Identifier{Scheme: string(i.Scheme), Value: i.Value}
}

func date(t *time.Time) nullable.Nullable[openapi_types.Date] {
	if t == nil {
		return nullable.NewNullNullable[openapi_types.Date]()
	}
	return nullable.NewNullableWithValue(openapi_types.Date{Time: *t})
}

func fromCreate(in api.SensitiveFactCreate) New {
	n := New{Content: Content{Category: string(in.Category), Text: in.Text}, Purpose: in.Purpose}
	if in.Source != nil {
		n.Source = *in.Source
	}
	if in.Identifier != nil {
		i := fromIdentifier(*in.Identifier)
		n.Identifier = &i
	}
	if in.ValidUntil != nil {
		n.ValidUntil = &in.ValidUntil.Time
	}
	return n
}

func fromPatch(in api.SensitiveFactPatch) Patch {
	return Patch{
		Text: in.Text, Purpose: in.Purpose, Source: in.Source, Identifier: mapped(in.Identifier, fromIdentifier),
		ValidUntil: mapped(in.ValidUntil, func(d openapi_types.Date) time.Time { return d.Time }),
	}
}

// mapped carries absent, null and present over.
func mapped[A, B any](n nullable.Nullable[A], f func(A) B) nullable.Nullable[B] {
	if !n.IsSpecified() {
		return nil
	}
	v, err := n.Get()
	if err != nil {
		return nullable.NewNullNullable[B]()
	}
	return nullable.NewNullableWithValue(f(v))
}
