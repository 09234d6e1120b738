package contacts

import (
	"context"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Expand names what is read along with contacts.
type Expand struct{ Points, Addresses, Tags, ExternalIDs bool }

// ContactTag is a tag that a contact bears.
type ContactTag = contactsdb.ListTagsOfRow

// View is a contact with what was expanded; nil is not expanded.
type View struct {
	Contact
	Points      *[]Point
	Addresses   *[]Address
	Tags        *[]ContactTag
	ExternalIDs *[]ExternalID
}

// Expand reads along what is asked for: one statement for each kind, however
// many contacts there are. How to reach somebody is read only where the reader
// may see it.
func (s *Service) Expand(ctx context.Context, contacts []Contact, e Expand) ([]View, error) {
	views := make([]View, len(contacts))
	identifiers := make([]uuid.UUID, len(contacts))
	for i, c := range contacts {
		views[i].Contact, identifiers[i] = c, c.ID
	}
	if len(contacts) == 0 || e == (Expand{}) {
		return views, nil
	}
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	scope, tenant := s.db.Tenant(actor.Tenant), actor.Tenant
	var reached []uuid.UUID
	for _, c := range contacts {
		if reachable(ctx, c) {
			reached = append(reached, c.ID)
		}
	}
	place := func(at int) int { return slices.Index(identifiers, reached[at]) }
	if e.Points && len(reached) > 0 {
		if err := attach(ctx, scope, tenant, reached, s.q.ListPointsOf, func(p Point) uuid.UUID { return p.ContactID },
			func(i int, l *[]Point) { views[place(i)].Points = l }); err != nil {
			return nil, err
		}
	}
	if e.Addresses && len(reached) > 0 {
		if err := attach(ctx, scope, tenant, reached, s.q.ListAddressesOf, func(a Address) uuid.UUID { return a.ContactID },
			func(i int, l *[]Address) { views[place(i)].Addresses = l }); err != nil {
			return nil, err
		}
	}
	if e.Tags {
		if err := attach(ctx, scope, tenant, identifiers, s.q.ListTagsOf, func(t ContactTag) uuid.UUID { return t.ContactID },
			func(i int, l *[]ContactTag) { views[i].Tags = l }); err != nil {
			return nil, err
		}
	}
	if e.ExternalIDs {
		if err := attach(ctx, scope, tenant, identifiers, s.q.ListExternalIDsOf, func(x ExternalID) uuid.UUID { return x.ContactID },
			func(i int, l *[]ExternalID) { views[i].ExternalIDs = l }); err != nil {
			return nil, err
		}
	}
	return views, nil
}

func attach[T any](ctx context.Context, scope pg.Scoped, tenant uuid.UUID, identifiers []uuid.UUID,
	read func(context.Context, contactsdb.DBTX, uuid.UUID, []uuid.UUID) ([]T, error), owner func(T) uuid.UUID, give func(int, *[]T)) error {
	rows, err := read(ctx, scope, tenant, identifiers)
	if err != nil {
		return err
	}
	lists := make([][]T, len(identifiers))
	for i := range lists {
		lists[i] = []T{}
		give(i, &lists[i])
	}
	for _, r := range rows {
		i := slices.Index(identifiers, owner(r))
		lists[i] = append(lists[i], r)
	}
	return nil
}

// ETag covers everything in the view: the contact's version alone, or with a
// checksum of what was expanded.
func (v View) ETag() string {
	if v.Points == nil && v.Addresses == nil && v.Tags == nil && v.ExternalIDs == nil {
		return web.ETag(v.Version)
	}
	h := crc32.NewIEEE()
	if v.Points != nil {
		for _, p := range *v.Points {
			_, _ = fmt.Fprint(h, p.ID, p.Version, ";")
		}
	}
	if v.Addresses != nil {
		for _, a := range *v.Addresses {
			_, _ = fmt.Fprint(h, a.ID, a.Version, ";")
		}
	}
	if v.Tags != nil {
		for _, t := range *v.Tags {
			_, _ = fmt.Fprint(h, t.ID, t.Name, ";")
		}
	}
	if v.ExternalIDs != nil {
		for _, x := range *v.ExternalIDs {
			_, _ = fmt.Fprint(h, x.Source, "/", x.ExternalID, ";")
		}
	}
	return fmt.Sprintf(`"%d-%08x"`, v.Version, h.Sum32())
}
