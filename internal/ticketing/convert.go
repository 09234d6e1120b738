package ticketing

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/money"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

func sourceToAPI(s Source) api.TicketingSource {
	return api.TicketingSource{
		ID: s.ID, Object: api.TicketingSourceObjectTicketingSource, Code: s.Code, Name: s.Name, Kind: s.Kind, TimeZone: s.TimeZone, Currency: s.Currency,
		Precedence: s.Precedence, Status: s.Status, Capabilities: append([]string{}, s.Capabilities...),
		PurposeCodes: names(s.PurposeCodes), PriceClasses: names(s.PriceClasses), CampaignCodes: names(s.CampaignCodes), FieldPolicies: names(s.FieldPolicies),
		GraceDays: s.GraceDays, RenewalDays: s.RenewalDays, ReminderDays: s.ReminderDays, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Version: s.Version,
	}
}

func sourceFromAPI(in api.TicketingSourceCreate) NewSource {
	return NewSource{
		Code: in.Code, Name: in.Name, Kind: string(in.Kind), TimeZone: or(in.TimeZone, "Europe/Paris"), Currency: or(in.Currency, "EUR"),
		Status: string(or(in.Status, "active")), Precedence: or(in.Precedence, 100), Capabilities: texts(in.Capabilities),
		Meanings:  Meanings{Purposes: in.PurposeCodes, Classes: textsByName(in.PriceClasses), Campaigns: in.CampaignCodes, Policies: textsByName(in.FieldPolicies)},
		GraceDays: or(in.GraceDays, 0), RenewalDays: or(in.RenewalDays, 60), ReminderDays: daysOr(in.ReminderDays, 30, 7),
	}
}

func sourcePatchFromAPI(in api.TicketingSourcePatch) SourcePatch {
	return SourcePatch{
		Name: in.Name, Kind: plainText(in.Kind), TimeZone: in.TimeZone, Currency: in.Currency, Status: plainText(in.Status), Precedence: in.Precedence, Capabilities: texts(in.Capabilities),
		Meanings:  MeaningsPatch{Purposes: in.PurposeCodes, Classes: changesByName(in.PriceClasses), Campaigns: in.CampaignCodes, Policies: changesByName(in.FieldPolicies)},
		GraceDays: in.GraceDays, RenewalDays: in.RenewalDays, ReminderDays: in.ReminderDays,
	}
}

func healthToAPI(h Health) api.TicketingSourceHealth {
	return api.TicketingSourceHealth{
		Source: h.Source.Code, Status: h.Source.Status, LastReceivedAt: web.Nullable(h.Source.LastReceivedAt),
		Counts: web.Map(h.Counts, func(c ticketingdb.CountRecordsRow) api.TicketingSourceCount {
			return api.TicketingSourceCount{Kind: c.Kind, Described: c.Described, Stubs: c.Stubs, Deleted: c.Deleted}
		}),
	}
}

// inputsFromAPI reads the records of a batch. The time of each is read here and
// not by the contract, since a time that is none concerns its record alone.
func inputsFromAPI(ctx context.Context, records []api.TicketingBatchRecord) []Input {
	out := make([]Input, 0, len(records))
	for i, r := range records {
		in := Input{Refused: web.RefusedItem(ctx, i), Kind: r.Kind, ExternalID: r.ExternalID, Delete: r.Op != nil && *r.Op == "delete", Anonymize: r.Op != nil && *r.Op == "anonymize", SourceVersion: r.SourceVersion, Data: r.Data}
		if r.SourceModifiedAt != nil {
			at, err := time.Parse(time.RFC3339Nano, *r.SourceModifiedAt)
			in.SourceModifiedAt, in.Misdated = &at, err != nil
		}
		out = append(out, in)
	}
	return out
}

func batchToAPI(ctx context.Context, batchID *string, outcomes []Outcome) api.TicketingBatchResult {
	out := api.TicketingBatchResult{BatchID: web.Nullable(batchID), Results: make([]api.TicketingBatchItem, 0, len(outcomes))}
	out.Summary.Total = int32(len(outcomes))
	for i, o := range outcomes {
		item := api.TicketingBatchItem{Index: int32(i), Status: o.Status, ID: web.Nullable(o.ID), ContactID: web.Nullable(o.ContactID), Match: matchToAPI(o.Match), Problem: nullable.NewNullNullable[api.Problem](), Warnings: warningsToAPI(o.Warnings)}
		switch o.Status {
		case Created:
			out.Summary.Created++
		case Updated:
			out.Summary.Updated++
		case Applied:
			out.Summary.Applied++
		case Unchanged:
			out.Summary.Unchanged++
		case Stale:
			out.Summary.IgnoredStale++
		case Forgotten:
			out.Summary.IgnoredAnonymized++
		case Failed:
			out.Summary.Failed++
			item.ID = nullable.NewNullNullable[uuid.UUID]()
			item.Problem = problemToAPI(ctx, i, o.Problem)
		}
		out.Results = append(out.Results, item)
	}
	return out
}

// problemToAPI is the problem of one record, its pointers from the root of the
// batch.
func problemToAPI(ctx context.Context, index int, err error) nullable.Nullable[api.Problem] {
	f, ok := fault.As(err)
	if !ok {
		return nullable.NewNullNullable[api.Problem]()
	}
	moved := *f
	moved.Violations = append([]fault.Violation{}, f.Violations...)
	place := "#/records/" + strconv.Itoa(index)
	for i, v := range moved.Violations {
		if len(v.Pointer) > 0 {
			moved.Violations[i].Pointer = place + v.Pointer[1:]
		}
	}
	raw, err := json.Marshal(web.Problem(ctx, &moved))
	var p api.Problem
	if err != nil || json.Unmarshal(raw, &p) != nil {
		return nullable.NewNullNullable[api.Problem]()
	}
	return nullable.NewNullableWithValue(p)
}

func resultToAPI(o Outcome) api.TicketingRecordResult {
	return api.TicketingRecordResult{Status: o.Status, ID: *o.ID, ContactID: web.Nullable(o.ContactID), Match: matchToAPI(o.Match), Warnings: warningsToAPI(o.Warnings)}
}

func matchToAPI(m *Match) nullable.Nullable[api.TicketingMatch] {
	if m == nil {
		return nullable.NewNullNullable[api.TicketingMatch]()
	}
	return nullable.NewNullableWithValue(api.TicketingMatch{Rule: m.Rule, Confidence: m.Confidence, InputsDigest: web.Nullable(m.InputsDigest)})
}

func recordToAPI(r Record) api.TicketingRecord {
	return api.TicketingRecord{
		ID: r.ID, Object: api.TicketingRecordObjectTicketingRecord, SourceID: r.SourceID, Kind: r.Kind, ExternalID: r.ExternalID, IsStub: r.Stub, IsDeleted: r.Deleted,
		IsAnonymized: r.AnonymizedAt != nil, Absences: int32(r.Absences), MissingSince: web.Nullable(r.MissingSince), SourceVersion: web.Nullable(r.ContentVersion), SourceModifiedAt: web.Nullable(r.ContentModifiedAt), ContentDigest: web.Nullable(r.ContentHash),
		URL: web.Nullable(addressOf(r)), CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

func addressOf(r Record) *string {
	paths := map[string]string{kindProduction: "productions", kindPerformance: "performances", kindPriceType: "price-types", kindOrder: "orders",
		kindVenue: "venues", kindProduct: "products", kindMembership: "memberships", kindGiftCard: "gift-cards", kindScan: "scans", kindGroupBooking: "group-bookings", kindVoucher: "vouchers"}
	path, ok := paths[r.Kind]
	whole := r.Kind == kindOrder || r.Kind == kindMembership || r.Kind == kindGiftCard || r.Kind == kindScan || r.Kind == kindGroupBooking
	if !ok || whole && (r.Stub || r.Deleted) {
		return nil
	}
	url := "/v1/ticketing/" + path + "/" + r.ID.String()
	return &url
}

func filterFromAPI(p api.ListTicketingOrdersParams) OrderFilter {
	return OrderFilter{
		ContactID: p.ContactID, PerformanceID: p.PerformanceID, Source: p.Source, CommercialStates: texts(p.CommercialState), PaymentStates: texts(p.PaymentState),
		VoucherCode: p.VoucherCode, Campaign: p.Campaign, PlacedFrom: p.PlacedAtGte, PlacedBefore: p.PlacedAtLt, Test: or(p.Test, false),
	}
}

func totalsToAPI(o ticketingdb.TicketingOrder) api.TicketingTotals {
	return api.TicketingTotals{
		Gross: moneyToAPI(o.GrossMinor, o.Currency), Due: moneyToAPI(o.DueMinor, o.Currency), Paid: moneyToAPI(o.PaidMinor, o.Currency),
		Refunded: moneyToAPI(o.RefundedMinor, o.Currency), Net: moneyToAPI(o.PaidMinor-o.RefundedMinor, o.Currency),
	}
}

func orderSummaryToAPI(o ticketingdb.TicketingOrder) api.TicketingOrderSummary {
	return api.TicketingOrderSummary{
		ID: o.ID, Object: api.TicketingOrderSummaryObjectOrder, SourceID: o.SourceID, ExternalID: o.ExternalID, Number: web.Nullable(o.Number), Channel: web.Nullable(o.ChannelKind),
		PlacedAt: web.Nullable(o.PlacedAt), CommercialState: o.CommercialState, PaymentState: o.PaymentState, IsTest: o.Test, ContactID: web.Nullable(o.ContactID),
		Totals: totalsToAPI(o), CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt, Version: o.Version,
	}
}

func orderToAPI(o Order) api.TicketingOrder {
	currency := o.Currency
	optional := func(minor *int64) nullable.Nullable[api.Money] {
		if minor == nil {
			return nullable.NewNullNullable[api.Money]()
		}
		return nullable.NewNullableWithValue(moneyToAPI(*minor, currency))
	}
	var consents []map[string]any
	if json.Unmarshal(o.Consents, &consents) != nil || consents == nil {
		consents = []map[string]any{}
	}
	return api.TicketingOrder{
		ID: o.ID, Object: api.TicketingOrderObjectOrder, SourceID: o.SourceID, ExternalID: o.ExternalID, Number: web.Nullable(o.Number), Channel: web.Nullable(o.ChannelKind), ChannelCode: web.Nullable(o.ChannelCode),
		PlacedAt: web.Nullable(o.PlacedAt), CommercialState: o.CommercialState, CancellationReason: web.Nullable(o.CancellationReason), PaymentState: o.PaymentState, IsTest: o.Test, ContactID: web.Nullable(o.ContactID),
		Match: matchToAPI(matchOf(o.MatchRule, o.MatchScore, o.MatchInputs)), CustomerID: web.Nullable(o.CustomerID), SplitFromID: web.Nullable(o.SplitFromID),
		Buyer: object(o.Buyer), Payer: object(o.Payer), Consents: consents,
		Lines: web.Map(o.Lines, func(l ticketingdb.TicketingLine) api.TicketingLine {
			return api.TicketingLine{
				ID: l.TicketID, ExternalID: l.ExternalID, Kind: l.Kind, PerformanceID: web.Nullable(l.PerformanceID), PriceTypeID: web.Nullable(l.PriceTypeID), Label: web.Nullable(l.Label),
				Amount: moneyToAPI(l.AmountMinor, currency), Tax: optional(l.TaxMinor), TaxRateBp: web.Nullable(l.TaxRateBp), Seat: web.Nullable(l.Seat), Parent: web.Nullable(l.Parent),
				ProductID: web.Nullable(l.ProductID), Exemption: web.Nullable(l.Exemption), VoucherCode: web.Nullable(l.VoucherCode), VoucherID: web.Nullable(l.VoucherID), Campaign: web.Nullable(l.Campaign),
				Replaces: web.Nullable(l.Replaces), ReplacedBy: web.Nullable(o.replacedBy(l.ExternalID)), State: l.State, Holder: object(l.Holder), HolderContactID: web.Nullable(l.HolderContactID), HolderRule: web.Nullable(l.HolderRule),
			}
		}),
		Fees: web.Map(o.Fees, func(f ticketingdb.TicketingFee) api.TicketingFee {
			return api.TicketingFee{ExternalID: f.ExternalID, Kind: f.Kind, Label: web.Nullable(f.Label), Amount: moneyToAPI(f.AmountMinor, currency), Tax: optional(f.TaxMinor), TaxRateBp: web.Nullable(f.TaxRateBp), State: f.State}
		}),
		Payments: web.Map(o.Payments, func(p ticketingdb.TicketingPayment) api.TicketingPayment {
			return api.TicketingPayment{Kind: p.Kind, ExternalID: p.ExternalID, Method: p.Method, Amount: moneyToAPI(p.AmountMinor, currency), State: p.State, At: web.Nullable(p.At),
				Payment: web.Nullable(p.Payment), Lines: append([]string{}, p.Lines...), Reason: web.Nullable(p.Reason)}
		}),
		Movements: web.Map(o.Movements, func(m ticketingdb.TicketingMovement) api.TicketingMovement {
			return api.TicketingMovement{ID: m.ID, Kind: m.Kind, ExternalID: m.ExternalID, Amount: moneyToAPI(m.AmountMinor, m.Currency), Method: m.Method, Reason: m.Reason,
				OccurredAt: web.Nullable(m.OccurredAt), RecordedAt: m.RecordedAt}
		}),
		Totals: totalsToAPI(o.TicketingOrder), CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt, Version: o.Version,
	}
}

func productionToAPI(p Production) api.TicketingProduction {
	return api.TicketingProduction{ID: p.ID, Object: api.TicketingProductionObjectProduction, SourceID: p.SourceID, ExternalID: p.ExternalID, Name: names(p.Name), Discipline: web.Nullable(p.Discipline),
		Season: web.Nullable(p.Season), Festival: web.Nullable(p.Festival), SibilDomain: web.Nullable(p.SibilDomain), YoungAudience: web.Nullable(p.YoungAudience), References: referencesToAPI(p.TicketingProduction), Terms: termsToAPI(p.Terms), IsStub: p.Stub, IsDeleted: p.Deleted, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Version: p.Version}
}

func performanceToAPI(p Performance) api.TicketingPerformance {
	return api.TicketingPerformance{ID: p.ID, Object: api.TicketingPerformanceObjectPerformance, SourceID: p.SourceID, ExternalID: p.ExternalID, ProductionID: web.Nullable(p.ProductionID), Name: names(p.Name),
		StartsAt: web.Nullable(p.StartsAt), EndsAt: web.Nullable(p.EndsAt), TimeZone: p.TimeZone, Venue: web.Nullable(p.Venue), VenueID: web.Nullable(p.VenueID), AdmissionAt: web.Nullable(p.AdmissionAt),
		SibilDomain: web.Nullable(p.SibilDomain), YoungAudience: web.Nullable(p.YoungAudience), ReplacesID: web.Nullable(p.ReplacesID), Capacity: web.Nullable(p.Capacity), Status: p.Status,
		References: referencesToAPI(p.TicketingPerformance), Terms: termsToAPI(p.Terms), IsStub: p.Stub, IsDeleted: p.Deleted, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Version: p.Version}
}

func priceTypeToAPI(p PriceType) api.TicketingPriceType {
	return api.TicketingPriceType{ID: p.ID, Object: api.TicketingPriceTypeObjectPriceType, SourceID: p.SourceID, ExternalID: p.ExternalID, Name: names(p.Name), Class: p.Class, ClassOrigin: p.ClassOrigin, StatedClass: web.Nullable(p.StatedClass), Audience: web.Nullable(p.Audience),
		Terms: termsToAPI(p.Terms), IsStub: p.Stub, IsDeleted: p.Deleted, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Version: p.Version}
}

func moneyToAPI(minor int64, currency string) api.Money {
	return api.Money{Amount: money.Amount{Minor: minor, Currency: currency}.String(), Currency: currency}
}

func names(raw json.RawMessage) map[string]string {
	out := map[string]string{}
	_ = json.Unmarshal(raw, &out)
	return out
}

func object(raw json.RawMessage) nullable.Nullable[map[string]any] {
	var m map[string]any
	if raw == nil || json.Unmarshal(raw, &m) != nil || m == nil {
		return nullable.NewNullNullable[map[string]any]()
	}
	return nullable.NewNullableWithValue(m)
}

// walkOf is the canonical text of what a walk through a list asks for.
func walkOf(list string, parameters ...any) string {
	raw, err := json.Marshal(parameters)
	if err != nil {
		return list
	}
	return list + string(raw)
}

func text[T ~string](p *T) string { return string(or(p, "")) }

func plainText[T ~string](p *T) *string {
	if p == nil {
		return nil
	}
	s := string(*p)
	return &s
}

func textsByName[T ~string](in map[string]T) map[string]string {
	out := make(map[string]string, len(in))
	for name, v := range in {
		out[name] = string(v)
	}
	return out
}

func changesByName[T ~string](in map[string]*T) Change {
	if in == nil {
		return nil
	}
	out := make(Change, len(in))
	for name, v := range in {
		out[name] = plainText(v)
	}
	return out
}

// texts is nil for nil, so that an absent list differs from an empty one.
func texts[T ~string](in []T) []string {
	if in == nil {
		return nil
	}
	return web.Map(in, func(t T) string { return string(t) })
}
