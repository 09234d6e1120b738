package contacts

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// bare is a contact as its reader may see it, with nothing expanded.
func bare(ctx context.Context, c Contact) api.Contact { return toAPI(ctx, View{Contact: c}) }

// toAPIs are contacts as their reader may see them.
func toAPIs(ctx context.Context, views []View) []api.Contact {
	return web.Map(views, func(v View) api.Contact { return toAPI(ctx, v) })
}

func toAPI(ctx context.Context, v View) api.Contact {
	c, masked := masks(ctx, v.Contact)
	out := api.Contact{
		ID: c.ID, Object: api.ContactObjectContact, Kind: c.Kind, Civility: web.Nullable(c.Civility), Title: web.Nullable(c.Title),
		GivenName: web.Nullable(c.GivenName), GivenNames: web.Nullable(c.GivenNames), FamilyName: web.Nullable(c.FamilyName),
		BirthName: web.Nullable(c.BirthName), Particle: web.Nullable(c.Particle), NameSuffix: web.Nullable(c.NameSuffix),
		Nickname: web.Nullable(c.Nickname), Birthdate: toDate(c.Birthdate), LegalName: web.Nullable(c.LegalName),
		TradeName: web.Nullable(c.TradeName), OrganisationType: web.Nullable(c.OrganisationType), Siren: web.Nullable(c.Siren),
		Siret: web.Nullable(c.Siret), Rna: web.Nullable(c.Rna), Website: web.Nullable(c.Website), Locale: web.Nullable(c.Locale),
		Zoneinfo: web.Nullable(c.Zoneinfo), DisplayName: c.DisplayName, SortName: c.SortName, Source: c.Source,
		ArchivedAt: web.Nullable(c.ArchivedAt), PurgeAfter: web.Nullable(c.PurgeAfter), IsRestricted: c.Restricted, ViewerIds: some(c.ViewerIds),
		DepartmentIds: some(c.DepartmentIds), OwnerID: web.Nullable(c.OwnerID), Masked: masked, Version: c.Version,
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
		ContactPoints: nullable.NewNullNullable[[]api.ContactPoint](), Addresses: nullable.NewNullNullable[[]api.Address](),
		Tags: nullable.NewNullNullable[[]api.ContactTag](), ExternalIds: nullable.NewNullNullable[[]api.ContactExternalID](),
	}
	if v.Points != nil {
		out.ContactPoints = nullable.NewNullableWithValue(web.Map(*v.Points, toPoint))
	}
	if v.Addresses != nil {
		out.Addresses = nullable.NewNullableWithValue(web.Map(*v.Addresses, func(a Address) api.Address { return toAddress(c, a) }))
	}
	if v.Tags != nil {
		out.Tags = nullable.NewNullableWithValue(web.Map(*v.Tags, func(t ContactTag) api.ContactTag {
			return api.ContactTag{ID: t.ID, Object: api.ContactTagObjectTag, Name: t.Name, TaggedAt: t.TaggedAt}
		}))
	}
	if v.ExternalIDs != nil {
		out.ExternalIds = nullable.NewNullableWithValue(web.Map(*v.ExternalIDs, toExternalID))
	}
	return out
}

func toDate(t *time.Time) nullable.Nullable[openapi_types.Date] {
	if t == nil {
		return nullable.NewNullNullable[openapi_types.Date]()
	}
	return nullable.NewNullableWithValue(openapi_types.Date{Time: *t})
}

func toPoint(p Point) api.ContactPoint {
	return api.ContactPoint{
		ID: p.ID, Object: api.ContactPointObjectContactPoint, ContactID: p.ContactID, Kind: p.Kind, Platform: web.Nullable(p.Platform),
		Label: p.Label, Value: p.Value, Normalized: p.Normalized, IsPrimary: p.IsPrimary, Status: p.Status, StatusAt: p.StatusAt,
		StatusReason: web.Nullable(p.StatusReason), VerifiedAt: web.Nullable(p.VerifiedAt), Source: p.Source, Version: p.Version,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	}
}

func toAddress(c Contact, a Address) api.Address {
	return api.Address{
		ID: a.ID, Object: api.AddressObjectAddress, ContactID: a.ContactID, Label: a.Label, Recipient: web.Nullable(a.Recipient),
		Delivery: web.Nullable(a.Delivery), Building: web.Nullable(a.Building), Street: web.Nullable(a.Street),
		Locality: web.Nullable(a.Locality), PostalCode: web.Nullable(a.PostalCode), City: web.Nullable(a.City), Country: a.Country,
		InseeCode: web.Nullable(a.InseeCode), IsPrimary: a.IsPrimary, Status: a.Status, StatusAt: a.StatusAt,
		StatusReason: web.Nullable(a.StatusReason), ValidFrom: toDate(a.ValidFrom), ValidTo: toDate(a.ValidTo),
		PostalLines: PostalLines(c, a), Source: a.Source, Version: a.Version, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
}

func toDepartment(d Department) api.ContactDepartment {
	return api.ContactDepartment{
		Object: api.ContactDepartmentObjectContactDepartment, ContactID: d.ContactID, DepartmentID: d.DepartmentID, Verbs: d.Verbs, SharedAt: d.SharedAt,
	}
}

func some(list []uuid.UUID) []uuid.UUID {
	if list == nil {
		return []uuid.UUID{}
	}
	return list
}

func toExternalID(e ExternalID) api.ContactExternalID {
	return api.ContactExternalID{
		Object: api.ContactExternalIDObjectExternalID, ContactID: e.ContactID, Source: e.Source, ExternalID: e.ExternalID, FirstSeenAt: e.FirstSeenAt,
	}
}

func toTag(t Tag) api.Tag {
	return api.Tag{
		ID: t.ID, Object: api.TagObjectTag, Name: t.Name, Description: web.Nullable(t.Description), ArchivedAt: web.Nullable(t.ArchivedAt),
		MergedInto: web.Nullable(t.MergedInto), Version: t.Version, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
	}
}

// plain turns an optional text of any enum into text.
func plain[T ~string](p *T) *string {
	if p == nil {
		return nil
	}
	s := string(*p)
	return &s
}

func plainNullable[T ~string](n nullable.Nullable[T]) nullable.Nullable[string] {
	if !n.IsSpecified() {
		return nil
	}
	v, err := n.Get()
	if err != nil {
		return nullable.NewNullNullable[string]()
	}
	return nullable.NewNullableWithValue(string(v))
}

func fromDate(d *openapi_types.Date) *time.Time {
	if d == nil {
		return nil
	}
	return &d.Time
}

func fromNullableDate(n nullable.Nullable[openapi_types.Date]) nullable.Nullable[time.Time] {
	if !n.IsSpecified() {
		return nil
	}
	v, err := n.Get()
	if err != nil {
		return nullable.NewNullNullable[time.Time]()
	}
	return nullable.NewNullableWithValue(v.Time)
}

func orZero[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

func fromCreate(b api.ContactCreate) New {
	return New{
		Fields: Fields{
			Kind: string(b.Kind), Civility: plain(b.Civility), Title: b.Title, GivenName: b.GivenName, GivenNames: b.GivenNames,
			FamilyName: b.FamilyName, BirthName: b.BirthName, Particle: b.Particle, NameSuffix: b.NameSuffix, Nickname: b.Nickname,
			Birthdate: fromDate(b.Birthdate), LegalName: b.LegalName, TradeName: b.TradeName, OrganisationType: plain(b.OrganisationType),
			SIREN: b.Siren, SIRET: b.Siret, RNA: b.Rna, Website: b.Website, Locale: b.Locale, Zoneinfo: b.Zoneinfo, OwnerID: b.OwnerID,
		},
		Points: web.Map(b.ContactPoints, fromPoint), Addresses: web.Map(b.Addresses, fromAddress),
		ExternalIDs: web.Map(b.ExternalIds, fromExternalID), TagIDs: b.TagIds, DepartmentIDs: b.DepartmentIds,
	}
}

func fromPatch(b api.ContactPatch) Patch {
	return Patch{
		Civility: plainNullable(b.Civility), Title: b.Title, GivenName: b.GivenName, GivenNames: b.GivenNames, FamilyName: b.FamilyName,
		BirthName: b.BirthName, Particle: b.Particle, NameSuffix: b.NameSuffix, Nickname: b.Nickname, Birthdate: fromNullableDate(b.Birthdate),
		LegalName: b.LegalName, TradeName: b.TradeName, OrganisationType: plainNullable(b.OrganisationType), SIREN: b.Siren, SIRET: b.Siret,
		RNA: b.Rna, Website: b.Website, Locale: b.Locale, Zoneinfo: b.Zoneinfo, OwnerID: b.OwnerID,
	}
}

func fromUpsert(b *api.ContactUpsert, match string) Upsert {
	u := Upsert{MatchVerifiedEmail: match == "verified_email"}
	if b == nil {
		return u
	}
	u.Kind = plain(b.Kind)
	u.Patch = Patch{
		Civility: plainNullable(b.Civility), Title: b.Title, GivenName: b.GivenName, GivenNames: b.GivenNames, FamilyName: b.FamilyName,
		BirthName: b.BirthName, Particle: b.Particle, NameSuffix: b.NameSuffix, Nickname: b.Nickname, Birthdate: fromNullableDate(b.Birthdate),
		LegalName: b.LegalName, TradeName: b.TradeName, OrganisationType: plainNullable(b.OrganisationType), SIREN: b.Siren, SIRET: b.Siret,
		RNA: b.Rna, Website: b.Website, Locale: b.Locale, Zoneinfo: b.Zoneinfo, OwnerID: b.OwnerID,
	}
	u.Points, u.Addresses = web.Map(b.ContactPoints, fromPoint), web.Map(b.Addresses, fromAddress)
	u.ExternalIDs, u.TagIDs, u.DepartmentIDs = web.Map(b.ExternalIds, fromExternalID), b.TagIds, b.DepartmentIds
	return u
}

func fromPoint(b api.ContactPointCreate) NewPoint {
	return NewPoint{
		Kind: string(b.Kind), Platform: orZero(b.Platform), Label: string(orZero(b.Label)), Value: b.Value,
		Primary: orZero(b.IsPrimary), Verified: orZero(b.Verified), Region: orZero(b.Region),
	}
}

func fromPointPatch(b api.ContactPointPatch) PointPatch {
	return PointPatch{Label: plain(b.Label), Value: b.Value, Status: plain(b.Status), Platform: b.Platform, StatusReason: b.StatusReason, Primary: b.IsPrimary}
}

func fromAddress(b api.AddressCreate) NewAddress {
	return NewAddress{
		Label: string(orZero(b.Label)), Recipient: b.Recipient, Delivery: b.Delivery, Building: b.Building, Street: b.Street,
		Locality: b.Locality, Postcode: b.PostalCode, City: b.City, Country: orZero(b.Country), INSEECode: b.InseeCode,
		Primary: orZero(b.IsPrimary), ValidFrom: fromDate(b.ValidFrom), ValidTo: fromDate(b.ValidTo),
	}
}

func fromAddressPatch(b api.AddressPatch) AddressPatch {
	return AddressPatch{
		Label: plain(b.Label), Country: b.Country, Status: plain(b.Status), Recipient: b.Recipient, Delivery: b.Delivery,
		Building: b.Building, Street: b.Street, Locality: b.Locality, Postcode: b.PostalCode, City: b.City, INSEECode: b.InseeCode,
		StatusReason: b.StatusReason, ValidFrom: fromNullableDate(b.ValidFrom), ValidTo: fromNullableDate(b.ValidTo), Primary: b.IsPrimary,
	}
}

func fromExternalID(b api.ExternalIDCreate) NewExternalID {
	return NewExternalID{Source: b.Source, ExternalID: b.ExternalID}
}

func fromFilter(b *api.ContactFilter) *Filter {
	if b == nil {
		return nil
	}
	f := &Filter{Not: fromFilter(b.Not), Field: string(orZero(b.Field)), Op: string(orZero(b.Op)), Value: orZero(b.Value)}
	for _, n := range b.And {
		f.And = append(f.And, *fromFilter(&n))
	}
	for _, n := range b.Or {
		f.Or = append(f.Or, *fromFilter(&n))
	}
	return f
}

func fromList(p api.ListContactsParams) Query {
	return Query{
		Q: p.Q, Kind: plain(p.Kind), SIREN: p.Siren, SIRET: p.Siret, Email: p.Email, Phone: p.Phone, ExternalSource: p.ExternalSource,
		ExternalID: p.ExternalID, NamePrefix: p.NamePrefix, TagIDs: p.TagID, DepartmentIDs: p.DepartmentID, OwnerIDs: p.OwnerID, Restricted: p.Restricted, Archived: string(orZero(p.Archived)),
		CreatedAtGte: p.CreatedAtGte, CreatedAtLt: p.CreatedAtLt, UpdatedAtGte: p.UpdatedAtGte, UpdatedAtLt: p.UpdatedAtLt,
		Sort: string(orZero(p.Sort)),
	}
}

func fromSearch(b api.ContactSearch) Query {
	q := Query{Q: b.Q, Filter: fromFilter(b.Filter), Archived: string(orZero(b.Archived))}
	if len(b.Sort) > 0 {
		q.Sort = string(b.Sort[0])
	}
	return q
}

func fromExpand[T ~string](names []T) Expand {
	var e Expand
	for _, n := range names {
		switch string(n) {
		case "contact_points":
			e.Points = true
		case "addresses":
			e.Addresses = true
		case "tags":
			e.Tags = true
		case "external_ids":
			e.ExternalIDs = true
		}
	}
	return e
}

// walkOf is the canonical text of everything that makes a walk what it is.
func walkOf(q Query, e Expand) string {
	text, err := json.Marshal(struct {
		Query  Query
		Expand Expand
	}{q, e})
	if err != nil {
		return "contacts"
	}
	return "contacts" + string(text)
}

// ifMatch reads the condition of a change. The ETag of an expanded contact
// carries a checksum behind the version, which does not count here.
func ifMatch(header *string) (*int64, error) {
	if header == nil {
		return nil, nil
	}
	text := strings.TrimSpace(*header)
	if at := strings.IndexByte(text, '-'); at > 1 && strings.HasPrefix(text, `"`) && strings.HasSuffix(text, `"`) {
		text = text[:at] + `"`
	}
	return web.IfMatch(&text)
}

func idsOf(contacts []Contact) []uuid.UUID {
	return web.Map(contacts, func(c Contact) uuid.UUID { return c.ID })
}

func fromItem(b api.ContactBatchItem) Item {
	item := Item{Op: string(b.Op), ID: b.ID, Body: fromUpsert(b.Body, string(orZero(b.Match))), IfMatch: b.IfMatch}
	if b.Source != nil && b.ExternalID != nil {
		item.Key = &NewExternalID{Source: *b.Source, ExternalID: *b.ExternalID}
	}
	return item
}

func toBatch(ctx context.Context, items []api.ContactBatchItem, results []ItemResult) api.ContactBatchResult {
	created, updated, unchanged, failed := Summary(results)
	out := api.ContactBatchResult{Results: make([]api.ContactBatchItemResult, 0, len(results)), Summary: api.BatchSummary{
		Total: int32(len(results)), Created: int32(created), Updated: int32(updated), Unchanged: int32(unchanged), Failed: int32(failed),
	}}
	for i, r := range results {
		one := api.ContactBatchItemResult{
			Index: int32(i), ClientRef: web.Nullable(items[i].ClientRef), Status: http.StatusOK,
			Result: nullable.NewNullNullable[string](), ID: nullable.NewNullNullable[openapi_types.UUID](), Etag: nullable.NewNullNullable[string](),
			Resource: nullable.NewNullNullable[api.Contact](), Problem: nullable.NewNullNullable[api.Problem](),
		}
		switch {
		case r.Fault != nil:
			one.Status = int32(web.Status(r.Fault))
			if p, err := toProblem(ctx, r.Fault); err == nil {
				one.Problem = nullable.NewNullableWithValue(p)
			}
		default:
			if r.Result == Created {
				one.Status = http.StatusCreated
			}
			web.NoteSubjects(ctx, r.Contact.ID)
			one.Result, one.ID = nullable.NewNullableWithValue(r.Result), nullable.NewNullableWithValue(r.Contact.ID)
			one.Etag = nullable.NewNullableWithValue(web.ETag(r.Contact.Version))
			one.Resource = nullable.NewNullableWithValue(bare(ctx, r.Contact))
		}
		out.Results = append(out.Results, one)
	}
	return out
}

func toProblem(ctx context.Context, f *fault.Error) (api.Problem, error) {
	var p api.Problem
	raw, err := json.Marshal(web.Problem(ctx, f))
	if err != nil {
		return p, err
	}
	err = json.Unmarshal(raw, &p)
	return p, err
}
