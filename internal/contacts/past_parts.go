package contacts

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
)

// parts are the present records of one kind and those that the story tells of.
func parts[T any](kind string, present []T, id func(T) uuid.UUID, told map[uuid.UUID]*story) []uuid.UUID {
	all := map[uuid.UUID]bool{}
	for _, p := range present {
		all[id(p)] = true
	}
	for subject, st := range told {
		if st.rows[0].SubjectKind == kind {
			all[subject] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
}

func pointsAt(c Contact, present []Point, told map[uuid.UUID]*story) ([]Point, error) {
	out := []Point{}
	for _, id := range parts("contact_point", present, func(p Point) uuid.UUID { return p.ID }, told) {
		p := Point{TenantID: c.TenantID, ID: id, ContactID: c.ID}
		i := slices.IndexFunc(present, func(p Point) bool { return p.ID == id })
		if i >= 0 {
			p = present[i]
		}
		st := told[id]
		if !st.changed() {
			if i >= 0 {
				out = append(out, p)
			}
			continue
		}
		if !st.there() {
			continue
		}
		r := pointRecordOf(&p)
		if err := st.undo(r); err != nil {
			return nil, err
		}
		p.Kind, p.Platform, p.Label, p.Value, p.Normalized, p.IsPrimary = r.Kind, r.Platform, r.Label, r.Value, r.Normalized, r.IsPrimary
		p.Status, p.StatusAt, p.StatusReason, p.VerifiedAt = r.Status, r.StatusAt, r.StatusReason, r.VerifiedAt
		p.Version, p.UpdatedAt = st.made()
		if st.began() {
			p.CreatedAt, p.Source = st.rows[0].OccurredAt, st.rows[0].Source
		}
		out = append(out, p)
	}
	return out, nil
}

func addressesAt(c Contact, present []Address, told map[uuid.UUID]*story) ([]Address, error) {
	out := []Address{}
	for _, id := range parts("address", present, func(a Address) uuid.UUID { return a.ID }, told) {
		a := Address{TenantID: c.TenantID, ID: id, ContactID: c.ID}
		i := slices.IndexFunc(present, func(a Address) bool { return a.ID == id })
		if i >= 0 {
			a = present[i]
		}
		st := told[id]
		if !st.changed() {
			if i >= 0 {
				out = append(out, a)
			}
			continue
		}
		if !st.there() {
			continue
		}
		r := addressRecordOf(&a)
		if err := st.undo(r); err != nil {
			return nil, err
		}
		a.Label, a.Recipient, a.Delivery, a.Building, a.Street, a.Locality = r.Label, r.Recipient, r.Delivery, r.Building, r.Street, r.Locality
		a.PostalCode, a.City, a.Country, a.InseeCode, a.IsPrimary = r.PostalCode, r.City, r.Country, r.INSEECode, r.IsPrimary
		a.Status, a.StatusAt, a.StatusReason = r.Status, r.StatusAt, r.StatusReason
		var err error
		if a.ValidFrom, err = dayOf(r.ValidFrom); err != nil {
			return nil, err
		}
		if a.ValidTo, err = dayOf(r.ValidTo); err != nil {
			return nil, err
		}
		a.Version, a.UpdatedAt = st.made()
		if st.began() {
			a.CreatedAt, a.Source = st.rows[0].OccurredAt, st.rows[0].Source
		}
		out = append(out, a)
	}
	return out, nil
}

// externalIDsAt takes back what was linked and unlinked since.
func externalIDsAt(c Contact, present []ExternalID, st *story) ([]ExternalID, error) {
	out := map[NewExternalID]ExternalID{}
	for _, e := range present {
		out[NewExternalID{e.Source, e.ExternalID}] = e
	}
	if st.changed() {
		for i := len(st.rows) - 1; i >= st.k; i-- {
			key, linked, err := linkIn(st.rows[i])
			if err != nil {
				return nil, err
			}
			switch {
			case key == nil:
			case linked:
				delete(out, *key)
			default:
				since, err := linkedSince(st.rows[:i], *key)
				if err != nil {
					return nil, err
				}
				out[*key] = ExternalID{TenantID: c.TenantID, Source: key.Source, ExternalID: key.ExternalID, ContactID: c.ID, FirstSeenAt: since}
			}
		}
	}
	return slices.SortedFunc(maps.Values(out), func(a, b ExternalID) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.ExternalID, b.ExternalID))
	}), nil
}

// linkIn is the external id that an event links or unlinks, nil if it does
// neither.
func linkIn(r contactsdb.ListContactEventsRow) (key *NewExternalID, linked bool, err error) {
	if r.Type != "external_id.linked" && r.Type != "external_id.unlinked" {
		return nil, false, nil
	}
	linked = r.Type == "external_id.linked"
	changes, err := valuesOf(r.ID, r.Changes, r.ChangesDigest)
	if err != nil || len(changes) == 0 {
		return nil, linked, err
	}
	value := changes[0].Before
	if linked {
		value = changes[0].After
	}
	members, _ := value.(map[string]any)
	return &NewExternalID{fmt.Sprint(members["source"]), fmt.Sprint(members["external_id"])}, linked, nil
}

func linkedSince(rows []contactsdb.ListContactEventsRow, key NewExternalID) (time.Time, error) {
	for _, row := range slices.Backward(rows) {
		found, linked, err := linkIn(row)
		if err != nil {
			return time.Time{}, err
		}
		if linked && found != nil && *found == key {
			return row.OccurredAt, nil
		}
	}
	return time.Time{}, nil
}

// tagsAt goes forward through what is told of a contact's tags: a tag that was
// merged is told of once, not once for each contact that bore it.
func (s *Service) tagsAt(ctx context.Context, tx pgx.Tx, c Contact, st *story, at time.Time) ([]ContactTag, error) {
	present, err := s.q.ListTagsOf(ctx, tx, c.TenantID, []uuid.UUID{c.ID})
	if err != nil {
		return nil, err
	}
	given, err := tagSteps(st)
	if err != nil {
		return nil, err
	}
	wanted := map[uuid.UUID]bool{}
	for _, g := range given {
		wanted[g.tag] = true
	}
	for _, t := range present {
		wanted[t.ID] = true
	}
	told, err := s.tagEvents(ctx, tx, c.TenantID, wanted)
	if err != nil {
		return nil, err
	}
	steps := given
	for _, e := range told {
		if e.Type == "tag.merged" {
			var facts struct{ Into uuid.UUID }
			if err := json.Unmarshal(e.Facts, &facts); err != nil {
				return nil, err
			}
			steps = append(steps, tagStep{at: e.OccurredAt, tag: e.SubjectID, into: &facts.Into})
		}
	}
	slices.SortStableFunc(steps, func(a, b tagStep) int { return a.at.Compare(b.at) })
	then, now := borne(steps, &at), borne(steps, nil)
	for _, t := range present { // those of which nothing is told
		if _, told := now[t.ID]; !told && !t.TaggedAt.After(at) {
			then[t.ID] = t.TaggedAt
		}
	}
	return s.namedThen(ctx, tx, c, then, told, at)
}

type tagStep struct {
	at    time.Time
	tag   uuid.UUID
	given bool
	into  *uuid.UUID // merged
}

func tagSteps(st *story) ([]tagStep, error) {
	var out []tagStep
	if st == nil {
		return nil, nil
	}
	for _, r := range st.rows {
		if r.Type != "contact.tagged" && r.Type != "contact.untagged" {
			continue
		}
		var facts struct {
			TagID uuid.UUID `json:"tag_id"`
		}
		if err := json.Unmarshal(r.Facts, &facts); err != nil {
			return nil, err
		}
		out = append(out, tagStep{at: r.OccurredAt, tag: facts.TagID, given: r.Type == "contact.tagged"})
	}
	return out, nil
}

// borne are the tags after all steps, or those up to an instant, with since
// when.
func borne(steps []tagStep, until *time.Time) map[uuid.UUID]time.Time {
	out := map[uuid.UUID]time.Time{}
	for _, step := range steps {
		if until != nil && step.at.After(*until) {
			break
		}
		since, has := out[step.tag]
		switch {
		case step.into != nil && has:
			delete(out, step.tag)
			if _, both := out[*step.into]; !both {
				out[*step.into] = since
			}
		case step.into != nil:
		case step.given:
			out[step.tag] = step.at
		default:
			delete(out, step.tag)
		}
	}
	return out
}

// tagEvents are what is told of these tags and of those into which they were
// merged.
func (s *Service) tagEvents(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, wanted map[uuid.UUID]bool) ([]contactsdb.ListTagEventsRow, error) {
	var out []contactsdb.ListTagEventsRow
	done := map[uuid.UUID]bool{}
	for {
		var next []uuid.UUID
		for id := range wanted {
			if !done[id] {
				next, done[id] = append(next, id), true
			}
		}
		if len(next) == 0 {
			return out, nil
		}
		rows, err := s.q.ListTagEvents(ctx, tx, tenant, next)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
		for _, r := range rows {
			var facts struct{ Into *uuid.UUID }
			if json.Unmarshal(r.Facts, &facts) == nil && facts.Into != nil {
				wanted[*facts.Into] = true
			}
		}
	}
}

// namedThen gives tags the names that they had.
func (s *Service) namedThen(ctx context.Context, tx pgx.Tx, c Contact, then map[uuid.UUID]time.Time, told []contactsdb.ListTagEventsRow, at time.Time) ([]ContactTag, error) {
	tags, err := s.q.ListTagsByID(ctx, tx, c.TenantID, slices.Collect(maps.Keys(then)))
	if err != nil {
		return nil, err
	}
	for i := range tags {
		for _, t := range slices.Backward(told) {
			if t.SubjectID != tags[i].ID || !t.OccurredAt.After(at) {
				continue
			}
			changes, err := valuesOf(t.ID, t.Changes, t.ChangesDigest)
			if err != nil {
				return nil, err
			}
			for _, change := range changes {
				if name, ok := change.Before.(string); ok && change.Pointer == "/name" {
					if tags[i].Name, tags[i].Folded, err = tagName(name); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	slices.SortFunc(tags, func(a, b Tag) int { return cmp.Compare(a.Folded, b.Folded) })
	out := make([]ContactTag, 0, len(tags))
	for _, t := range tags {
		out = append(out, ContactTag{ContactID: c.ID, TaggedAt: then[t.ID], ID: t.ID, Name: t.Name})
	}
	return out, nil
}
