package contacts

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// viewAt is a contact ready to be answered, now or as it was at an instant.
func (h *Handlers) viewAt(ctx context.Context, id uuid.UUID, at *time.Time, e Expand) (View, error) {
	if at == nil {
		c, err := h.service.Get(ctx, id)
		if err != nil {
			return View{}, err
		}
		return h.view(ctx, c, e)
	}
	p, err := h.service.AsOf(ctx, id, *at)
	if err != nil {
		return View{}, err
	}
	web.NoteSubjects(ctx, id)
	v := View{Contact: p.Contact}
	if e.Points && reachable(ctx, p.Contact) {
		v.Points = &p.Points
	}
	if e.Addresses && reachable(ctx, p.Contact) {
		v.Addresses = &p.Addresses
	}
	if e.Tags {
		v.Tags = &p.Tags
	}
	if e.ExternalIDs {
		v.ExternalIDs = &p.ExternalIDs
	}
	return v, nil
}

// asked is the name of a walk through what was at an instant.
func asked(walk string, at *time.Time) string {
	if at == nil {
		return walk
	}
	return walk + at.UTC().Format(time.RFC3339Nano)
}

// following are the items of a sorted list after an id.
func following[T any](list []T, after uuid.UUID, limit int, id func(T) uuid.UUID) []T {
	i := slices.IndexFunc(list, func(v T) bool { at := id(v); return bytes.Compare(at[:], after[:]) > 0 })
	if i < 0 {
		return []T{}
	}
	return list[i:min(len(list), i+limit)]
}

// one is the item of a list with an id.
func one[T any](list []T, want uuid.UUID, id func(T) uuid.UUID) (T, error) {
	for _, v := range list {
		if id(v) == want {
			return v, nil
		}
	}
	var none T
	return none, fault.NotFound()
}

func pointID(p Point) uuid.UUID     { return p.ID }
func addressID(a Address) uuid.UUID { return a.ID }

func (s *Service) listPointsAt(ctx context.Context, contactID uuid.UUID, at *time.Time, after uuid.UUID, limit int) ([]Point, error) {
	if at == nil {
		return s.ListPoints(ctx, contactID, after, limit)
	}
	p, err := s.AsOf(ctx, contactID, *at)
	return following(p.Points, after, limit, pointID), err
}

func (s *Service) getPointAt(ctx context.Context, contactID, id uuid.UUID, at *time.Time) (Point, error) {
	if at == nil {
		return s.GetPoint(ctx, contactID, id)
	}
	p, err := s.AsOf(ctx, contactID, *at)
	if err != nil {
		return Point{}, err
	}
	return one(p.Points, id, pointID)
}

func (s *Service) listAddressesAt(ctx context.Context, contactID uuid.UUID, at *time.Time, after uuid.UUID, limit int) ([]Address, Contact, error) {
	if at == nil {
		return s.ListAddresses(ctx, contactID, after, limit)
	}
	p, err := s.AsOf(ctx, contactID, *at)
	return following(p.Addresses, after, limit, addressID), p.Contact, err
}

func (s *Service) getAddressAt(ctx context.Context, contactID, id uuid.UUID, at *time.Time) (Address, Contact, error) {
	if at == nil {
		return s.GetAddress(ctx, contactID, id)
	}
	p, err := s.AsOf(ctx, contactID, *at)
	if err != nil {
		return Address{}, p.Contact, err
	}
	a, err := one(p.Addresses, id, addressID)
	return a, p.Contact, err
}

func (s *Service) listExternalIDsAt(ctx context.Context, contactID uuid.UUID, at *time.Time, after NewExternalID, limit int) ([]ExternalID, error) {
	if at == nil {
		return s.ListExternalIDs(ctx, contactID, after, limit)
	}
	p, err := s.AsOf(ctx, contactID, *at)
	i := slices.IndexFunc(p.ExternalIDs, func(e ExternalID) bool {
		return cmp.Or(cmp.Compare(e.Source, after.Source), cmp.Compare(e.ExternalID, after.ExternalID)) > 0
	})
	if i < 0 {
		return []ExternalID{}, err
	}
	return p.ExternalIDs[i:min(len(p.ExternalIDs), i+limit)], err
}
