package contacts

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/contacts.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.ContactsOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

// view is a contact ready to be answered, noted as read.
func (h *Handlers) view(ctx context.Context, c Contact, e Expand) (View, error) {
	web.NoteSubjects(ctx, c.ID)
	views, err := h.service.Expand(ctx, []Contact{c}, e)
	if err != nil {
		return View{}, err
	}
	return views[0], nil
}

// list is one page of contacts for both ways of asking.
func (h *Handlers) list(ctx context.Context, q Query, e Expand, cursor *string, limit int, count string) (api.ContactList, web.Page[Found], error) {
	var after Position
	walk := walkOf(q, e)
	resumed, err := h.cursors.Decode(cursor, walk, &after)
	if err != nil {
		return api.ContactList{}, web.Page[Found]{}, err
	}
	rows, err := h.service.List(ctx, q, web.If(resumed, &after), limit+1)
	if err != nil {
		return api.ContactList{}, web.Page[Found]{}, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(f Found) any { return q.Position(f) })
	if err != nil {
		return api.ContactList{}, page, err
	}
	found := web.Map(page.Items, func(f Found) Contact { return f.Contact })
	web.NoteSubjects(ctx, idsOf(found)...)
	views, err := h.service.Expand(ctx, found, e)
	if err != nil {
		return api.ContactList{}, page, err
	}
	out := api.ContactList{Data: toAPIs(ctx, views), NextCursor: page.Next}
	if count != "" {
		n, kind, err := h.service.Count(ctx, q, count == exactly)
		if err != nil {
			return api.ContactList{}, page, err
		}
		out.TotalCount, out.TotalCountKind = &n, &kind
	}
	return out, page, nil
}

// ListContacts implements GET /v1/contacts.
func (h *Handlers) ListContacts(ctx context.Context, r api.ListContactsRequestObject) (api.ListContactsResponseObject, error) {
	p := r.Params
	q := fromList(p)
	err := q.orderRefused(ctx, func(f *fault.Error, code string, params ...any) *fault.Error {
		return f.AtParameter("sort", code, params...)
	})
	if err != nil {
		return nil, err
	}
	if len(p.Expand) == 0 && p.Count == nil && asRead(ctx) {
		return h.page(ctx, q, p.Cursor, web.Limit(p.Limit))
	}
	body, page, err := h.list(ctx, q, fromExpand(p.Expand), p.Cursor, web.Limit(p.Limit), string(orZero(p.Count)))
	if err != nil {
		return nil, err
	}
	return api.ListContacts200JSONResponse{Body: body, Headers: api.ListContacts200ResponseHeaders{Link: page.Link(ctx)}}, nil
}

// SearchContacts implements POST /v1/contacts/search.
func (h *Handlers) SearchContacts(ctx context.Context, r api.SearchContactsRequestObject) (api.SearchContactsResponseObject, error) {
	var cursor *string
	if text, err := r.Body.Cursor.Get(); err == nil {
		cursor = &text
	}
	q := fromSearch(*r.Body)
	err := q.orderRefused(ctx, func(f *fault.Error, code string, params ...any) *fault.Error {
		return f.At("#/sort/0", code, params...)
	})
	if err != nil {
		return nil, err
	}
	body, _, err := h.list(ctx, q, fromExpand(r.Body.Expand), cursor, web.Limit(r.Body.Limit), string(orZero(r.Body.Count)))
	if err != nil {
		return nil, err
	}
	return api.SearchContacts200JSONResponse(body), nil
}

// CreateContact implements POST /v1/contacts.
func (h *Handlers) CreateContact(ctx context.Context, r api.CreateContactRequestObject) (api.CreateContactResponseObject, error) {
	c, err := h.service.Create(ctx, fromCreate(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateContact201JSONResponse{
		Body:    bare(ctx, c),
		Headers: api.CreateContact201ResponseHeaders{ETag: web.ETag(c.Version), Location: location(c.ID)},
	}, nil
}

// GetContact implements GET /v1/contacts/{contact_id}.
func (h *Handlers) GetContact(ctx context.Context, r api.GetContactRequestObject) (api.GetContactResponseObject, error) {
	if len(r.Params.Expand) == 0 && r.Params.AsOf == nil {
		answer, err := h.service.getWritten(ctx, r.ContactID)
		if err == nil {
			web.NoteSubjects(ctx, r.ContactID)
		}
		if !errors.Is(err, errMasked) {
			return answer, err
		}
	}
	v, err := h.viewAt(ctx, r.ContactID, r.Params.AsOf, fromExpand(r.Params.Expand))
	if err != nil {
		return nil, err
	}
	return api.GetContact200JSONResponse{Body: toAPI(ctx, v), Headers: api.GetContact200ResponseHeaders{ETag: v.ETag()}}, nil
}

// GetContactByExternalID implements GET /v1/contacts/by-external-id/{source}/{external_id}.
func (h *Handlers) GetContactByExternalID(ctx context.Context, r api.GetContactByExternalIDRequestObject) (api.GetContactByExternalIDResponseObject, error) {
	c, err := h.service.FindByExternalID(ctx, r.Source, r.ExternalID)
	if err != nil {
		return nil, err
	}
	v, err := h.view(ctx, c, fromExpand(r.Params.Expand))
	if err != nil {
		return nil, err
	}
	return api.GetContactByExternalID200JSONResponse{
		Body: toAPI(ctx, v), Headers: api.GetContactByExternalID200ResponseHeaders{ETag: v.ETag(), ContentLocation: location(c.ID)},
	}, nil
}

// UpdateContact implements PATCH /v1/contacts/{contact_id}.
func (h *Handlers) UpdateContact(ctx context.Context, r api.UpdateContactRequestObject) (api.UpdateContactResponseObject, error) {
	want, err := ifMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := h.service.Update(ctx, r.ContactID, fromPatch(*r.Body), want)
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, c.ID)
	return api.UpdateContact200JSONResponse{Body: bare(ctx, c), Headers: api.UpdateContact200ResponseHeaders{ETag: web.ETag(c.Version)}}, nil
}

// ArchiveContact implements POST /v1/contacts/{contact_id}/archive.
func (h *Handlers) ArchiveContact(ctx context.Context, r api.ArchiveContactRequestObject) (api.ArchiveContactResponseObject, error) {
	want, err := RequiredVersion(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := h.service.Archive(ctx, r.ContactID, want)
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, c.ID)
	return api.ArchiveContact200JSONResponse{Body: bare(ctx, c), Headers: api.ArchiveContact200ResponseHeaders{ETag: web.ETag(c.Version)}}, nil
}

// RestoreContact implements POST /v1/contacts/{contact_id}/restore.
func (h *Handlers) RestoreContact(ctx context.Context, r api.RestoreContactRequestObject) (api.RestoreContactResponseObject, error) {
	want, err := ifMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := h.service.Restore(ctx, r.ContactID, want)
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, c.ID)
	return api.RestoreContact200JSONResponse{Body: bare(ctx, c), Headers: api.RestoreContact200ResponseHeaders{ETag: web.ETag(c.Version)}}, nil
}

// UpsertContactByExternalID implements PATCH /v1/contacts/by-external-id/{source}/{external_id}.
func (h *Handlers) UpsertContactByExternalID(ctx context.Context, r api.UpsertContactByExternalIDRequestObject) (api.UpsertContactByExternalIDResponseObject, error) {
	u := fromUpsert(r.Body, string(orZero(r.Params.Match)))
	var err error
	if u.Version, err = ifMatch(r.Params.IfMatch); err != nil {
		return nil, err
	}
	if r.Params.IfNoneMatch != nil && !r.Params.IfNoneMatch.Valid() {
		return nil, fault.New(fault.Malformed, "invalid-request").AtParameter("If-None-Match", "enum", "allowed", "*")
	}
	u.OnlyCreate, u.OnlyUpdate = r.Params.IfNoneMatch != nil, u.Version != nil
	c, result, err := h.service.Upsert(ctx, NewExternalID{Source: r.Source, ExternalID: r.ExternalID}, u)
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, c.ID)
	if result == Unchanged {
		web.NoteUnchanged(ctx, c.ID)
	}
	body, tag := bare(ctx, c), web.ETag(c.Version)
	if result == Created {
		return api.UpsertContactByExternalID201JSONResponse{Body: body, Headers: api.UpsertContactByExternalID201ResponseHeaders{
			ETag: tag, Location: location(c.ID), ParvisUpsertResult: result,
		}}, nil
	}
	return api.UpsertContactByExternalID200JSONResponse{Body: body, Headers: api.UpsertContactByExternalID200ResponseHeaders{
		ETag: tag, ContentLocation: location(c.ID), ParvisUpsertResult: result,
	}}, nil
}

// BatchContacts implements POST /v1/contacts/batch.
func (h *Handlers) BatchContacts(ctx context.Context, r api.BatchContactsRequestObject) (api.BatchContactsResponseObject, error) {
	items := web.Map(r.Body.Items, fromItem)
	for i := range items {
		if items[i].Refused = web.RefusedItem(ctx, i); items[i].Refused != nil {
			items[i] = Item{Refused: items[i].Refused}
		}
	}
	results, err := h.service.Batch(ctx, items, orZero(r.Body.Atomic))
	if err != nil {
		return nil, err
	}
	return api.BatchContacts207JSONResponse(toBatch(ctx, r.Body.Items, results)), nil
}

// ListContactExternalIds implements GET /v1/contacts/{contact_id}/external-ids.
func (h *Handlers) ListContactExternalIds(ctx context.Context, r api.ListContactExternalIdsRequestObject) (api.ListContactExternalIdsResponseObject, error) {
	var after NewExternalID
	walk, limit := asked("external-ids"+r.ContactID.String(), r.Params.AsOf), web.Limit(r.Params.Limit)
	if _, err := h.cursors.Decode(r.Params.Cursor, walk, &after); err != nil {
		return nil, err
	}
	rows, err := h.service.listExternalIDsAt(ctx, r.ContactID, r.Params.AsOf, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(e ExternalID) any { return NewExternalID{e.Source, e.ExternalID} })
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, r.ContactID)
	return api.ListContactExternalIds200JSONResponse{
		Body:    api.ExternalIDList{Data: web.Map(page.Items, toExternalID), NextCursor: page.Next},
		Headers: api.ListContactExternalIds200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// LinkContactExternalID implements PUT /v1/contacts/{contact_id}/external-ids/{source}/{external_id}.
func (h *Handlers) LinkContactExternalID(ctx context.Context, r api.LinkContactExternalIDRequestObject) (api.LinkContactExternalIDResponseObject, error) {
	e, err := h.service.LinkExternalID(ctx, r.ContactID, r.Source, r.ExternalID)
	if err != nil {
		return nil, err
	}
	return api.LinkContactExternalID200JSONResponse(toExternalID(e)), nil
}

// UnlinkContactExternalID implements DELETE /v1/contacts/{contact_id}/external-ids/{source}/{external_id}.
func (h *Handlers) UnlinkContactExternalID(ctx context.Context, r api.UnlinkContactExternalIDRequestObject) (api.UnlinkContactExternalIDResponseObject, error) {
	return api.UnlinkContactExternalID204Response{}, h.service.UnlinkExternalID(ctx, r.ContactID, r.Source, r.ExternalID)
}

func location(id uuid.UUID) string { return "/v1/contacts/" + id.String() }

// RequiredVersion is the version of a contact that a request says it read, where
// it has to say so (RFC 6585 §3).
func RequiredVersion(header *string) (*int64, error) {
	want, err := ifMatch(header)
	if err == nil && want == nil {
		err = fault.New(fault.PreconditionRequired, "precondition-required").AtHeader("If-Match", "required")
	}
	return want, err
}

// after is where a walk by id stands.
func (h *Handlers) after(cursor *string, walk string) (uuid.UUID, error) {
	var id uuid.UUID
	_, err := h.cursors.Decode(cursor, walk, &id)
	return id, err
}

// ListContactPoints implements GET /v1/contacts/{contact_id}/contact-points.
func (h *Handlers) ListContactPoints(ctx context.Context, r api.ListContactPointsRequestObject) (api.ListContactPointsResponseObject, error) {
	walk, limit := asked("contact-points"+r.ContactID.String(), r.Params.AsOf), web.Limit(r.Params.Limit)
	after, err := h.after(r.Params.Cursor, walk)
	if err != nil {
		return nil, err
	}
	rows, err := h.service.listPointsAt(ctx, r.ContactID, r.Params.AsOf, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(p Point) any { return p.ID })
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, r.ContactID)
	return api.ListContactPoints200JSONResponse{
		Body:    api.ContactPointList{Data: web.Map(page.Items, toPoint), NextCursor: page.Next},
		Headers: api.ListContactPoints200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateContactPoint implements POST /v1/contacts/{contact_id}/contact-points.
func (h *Handlers) CreateContactPoint(ctx context.Context, r api.CreateContactPointRequestObject) (api.CreateContactPointResponseObject, error) {
	p, err := h.service.AddPoint(ctx, r.ContactID, fromPoint(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateContactPoint201JSONResponse{Body: toPoint(p), Headers: api.CreateContactPoint201ResponseHeaders{
		ETag: web.ETag(p.Version), Location: location(p.ContactID) + "/contact-points/" + p.ID.String(),
	}}, nil
}

// GetContactPoint implements GET /v1/contacts/{contact_id}/contact-points/{contact_point_id}.
func (h *Handlers) GetContactPoint(ctx context.Context, r api.GetContactPointRequestObject) (api.GetContactPointResponseObject, error) {
	p, err := h.service.getPointAt(ctx, r.ContactID, r.ContactPointID, r.Params.AsOf)
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, p.ContactID)
	return api.GetContactPoint200JSONResponse{Body: toPoint(p), Headers: api.GetContactPoint200ResponseHeaders{ETag: web.ETag(p.Version)}}, nil
}

// UpdateContactPoint implements PATCH /v1/contacts/{contact_id}/contact-points/{contact_point_id}.
func (h *Handlers) UpdateContactPoint(ctx context.Context, r api.UpdateContactPointRequestObject) (api.UpdateContactPointResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	p, err := h.service.UpdatePoint(ctx, r.ContactID, r.ContactPointID, fromPointPatch(*r.Body), want)
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, r.ContactID)
	return api.UpdateContactPoint200JSONResponse{Body: toPoint(p), Headers: api.UpdateContactPoint200ResponseHeaders{ETag: web.ETag(p.Version)}}, nil
}

// DeleteContactPoint implements DELETE /v1/contacts/{contact_id}/contact-points/{contact_point_id}.
func (h *Handlers) DeleteContactPoint(ctx context.Context, r api.DeleteContactPointRequestObject) (api.DeleteContactPointResponseObject, error) {
	want, err := RequiredVersion(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.DeleteContactPoint204Response{}, h.service.RemovePoint(ctx, r.ContactID, r.ContactPointID, want)
}

// ListAddresses implements GET /v1/contacts/{contact_id}/addresses.
func (h *Handlers) ListAddresses(ctx context.Context, r api.ListAddressesRequestObject) (api.ListAddressesResponseObject, error) {
	walk, limit := asked("addresses"+r.ContactID.String(), r.Params.AsOf), web.Limit(r.Params.Limit)
	after, err := h.after(r.Params.Cursor, walk)
	if err != nil {
		return nil, err
	}
	rows, c, err := h.service.listAddressesAt(ctx, r.ContactID, r.Params.AsOf, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(a Address) any { return a.ID })
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, r.ContactID)
	data := web.Map(page.Items, func(a Address) api.Address { return toAddress(c, a) })
	return api.ListAddresses200JSONResponse{
		Body:    api.AddressList{Data: data, NextCursor: page.Next},
		Headers: api.ListAddresses200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateAddress implements POST /v1/contacts/{contact_id}/addresses.
func (h *Handlers) CreateAddress(ctx context.Context, r api.CreateAddressRequestObject) (api.CreateAddressResponseObject, error) {
	a, c, err := h.service.AddAddress(ctx, r.ContactID, fromAddress(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateAddress201JSONResponse{Body: toAddress(c, a), Headers: api.CreateAddress201ResponseHeaders{
		ETag: web.ETag(a.Version), Location: location(c.ID) + "/addresses/" + a.ID.String(),
	}}, nil
}

// GetAddress implements GET /v1/contacts/{contact_id}/addresses/{address_id}.
func (h *Handlers) GetAddress(ctx context.Context, r api.GetAddressRequestObject) (api.GetAddressResponseObject, error) {
	a, c, err := h.service.getAddressAt(ctx, r.ContactID, r.AddressID, r.Params.AsOf)
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, c.ID)
	return api.GetAddress200JSONResponse{Body: toAddress(c, a), Headers: api.GetAddress200ResponseHeaders{ETag: web.ETag(a.Version)}}, nil
}

// UpdateAddress implements PATCH /v1/contacts/{contact_id}/addresses/{address_id}.
func (h *Handlers) UpdateAddress(ctx context.Context, r api.UpdateAddressRequestObject) (api.UpdateAddressResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	a, c, err := h.service.UpdateAddress(ctx, r.ContactID, r.AddressID, fromAddressPatch(*r.Body), want)
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, c.ID)
	return api.UpdateAddress200JSONResponse{Body: toAddress(c, a), Headers: api.UpdateAddress200ResponseHeaders{ETag: web.ETag(a.Version)}}, nil
}

// DeleteAddress implements DELETE /v1/contacts/{contact_id}/addresses/{address_id}.
func (h *Handlers) DeleteAddress(ctx context.Context, r api.DeleteAddressRequestObject) (api.DeleteAddressResponseObject, error) {
	want, err := RequiredVersion(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.DeleteAddress204Response{}, h.service.RemoveAddress(ctx, r.ContactID, r.AddressID, want)
}

// TagContact implements PUT /v1/contacts/{contact_id}/tags/{tag_id}.
func (h *Handlers) TagContact(ctx context.Context, r api.TagContactRequestObject) (api.TagContactResponseObject, error) {
	return api.TagContact204Response{}, h.service.GiveTag(ctx, r.ContactID, r.TagID)
}

// UntagContact implements DELETE /v1/contacts/{contact_id}/tags/{tag_id}.
func (h *Handlers) UntagContact(ctx context.Context, r api.UntagContactRequestObject) (api.UntagContactResponseObject, error) {
	return api.UntagContact204Response{}, h.service.TakeTag(ctx, r.ContactID, r.TagID)
}

// ListTags implements GET /v1/tags.
func (h *Handlers) ListTags(ctx context.Context, r api.ListTagsRequestObject) (api.ListTagsResponseObject, error) {
	prefix, archived, limit := orZero(r.Params.NamePrefix), string(orZero(r.Params.Archived)), web.Limit(r.Params.Limit)
	var after TagPosition
	walk := "tags" + prefix + "/" + archived
	if _, err := h.cursors.Decode(r.Params.Cursor, walk, &after); err != nil {
		return nil, err
	}
	rows, err := h.service.ListTags(ctx, prefix, archived, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(t Tag) any { return TagPosition{t.Folded, t.ID} })
	if err != nil {
		return nil, err
	}
	return api.ListTags200JSONResponse{
		Body: api.TagList{Data: web.Map(page.Items, toTag), NextCursor: page.Next}, Headers: api.ListTags200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateTag implements POST /v1/tags.
func (h *Handlers) CreateTag(ctx context.Context, r api.CreateTagRequestObject) (api.CreateTagResponseObject, error) {
	t, err := h.service.CreateTag(ctx, NewTag{Name: r.Body.Name, Description: r.Body.Description})
	if err != nil {
		return nil, err
	}
	return api.CreateTag201JSONResponse{
		Body: toTag(t), Headers: api.CreateTag201ResponseHeaders{ETag: web.ETag(t.Version), Location: "/v1/tags/" + t.ID.String()},
	}, nil
}

// GetTag implements GET /v1/tags/{tag_id}.
func (h *Handlers) GetTag(ctx context.Context, r api.GetTagRequestObject) (api.GetTagResponseObject, error) {
	t, err := h.service.GetTag(ctx, r.TagID)
	if err != nil {
		return nil, err
	}
	return api.GetTag200JSONResponse{Body: toTag(t), Headers: api.GetTag200ResponseHeaders{ETag: web.ETag(t.Version)}}, nil
}

// UpdateTag implements PATCH /v1/tags/{tag_id}.
func (h *Handlers) UpdateTag(ctx context.Context, r api.UpdateTagRequestObject) (api.UpdateTagResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	t, err := h.service.UpdateTag(ctx, r.TagID, TagPatch{Name: r.Body.Name, Description: r.Body.Description}, want)
	if err != nil {
		return nil, err
	}
	return api.UpdateTag200JSONResponse{Body: toTag(t), Headers: api.UpdateTag200ResponseHeaders{ETag: web.ETag(t.Version)}}, nil
}

// ArchiveTag implements DELETE /v1/tags/{tag_id}.
func (h *Handlers) ArchiveTag(ctx context.Context, r api.ArchiveTagRequestObject) (api.ArchiveTagResponseObject, error) {
	want, err := RequiredVersion(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	_, err = h.service.ArchiveTag(ctx, r.TagID, want)
	return api.ArchiveTag204Response{}, err
}

// RestoreTag implements POST /v1/tags/{tag_id}/restore.
func (h *Handlers) RestoreTag(ctx context.Context, r api.RestoreTagRequestObject) (api.RestoreTagResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	t, err := h.service.RestoreTag(ctx, r.TagID, want)
	if err != nil {
		return nil, err
	}
	return api.RestoreTag200JSONResponse{Body: toTag(t), Headers: api.RestoreTag200ResponseHeaders{ETag: web.ETag(t.Version)}}, nil
}

// MergeTag implements POST /v1/tags/{tag_id}/merge.
func (h *Handlers) MergeTag(ctx context.Context, r api.MergeTagRequestObject) (api.MergeTagResponseObject, error) {
	want, err := RequiredVersion(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	t, err := h.service.MergeTag(ctx, r.TagID, r.Body.Into, want)
	if err != nil {
		return nil, err
	}
	return api.MergeTag200JSONResponse{Body: toTag(t), Headers: api.MergeTag200ResponseHeaders{ETag: web.ETag(t.Version)}}, nil
}
