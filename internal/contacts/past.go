package contacts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Past is a contact as it was at an instant, with all that hung on it.
type Past struct {
	Contact
	Points      []Point
	Addresses   []Address
	Tags        []ContactTag
	ExternalIDs []ExternalID
}

// AsOf makes a contact again as it was at an instant: what it is now, with all
// undone that its history tells since. Who sees the contact today sees it.
func (s *Service) AsOf(ctx context.Context, id uuid.UUID, at time.Time) (Past, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Past{}, err
	}
	if at.After(s.clock.Now()) {
		return Past{}, fault.Invalid().AtParameter("as_of", "past-only")
	}
	var p Past
	err = pg.Snapshot(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		c, err := s.q.GetContact(ctx, tx, actor.Tenant, id)
		if err != nil {
			return err
		}
		if err := s.seen(ctx, tx, c); err != nil {
			return err
		}
		if err := present(c); err != nil {
			return err
		}
		if at.Before(c.CreatedAt) {
			return fault.NotFound()
		}
		rows, err := s.q.ListContactEvents(ctx, tx, actor.Tenant, id)
		if err != nil {
			return err
		}
		p, err = s.past(ctx, tx, c, rows, at)
		// Who holds the contact, and so who sees what of it, is as of now.
		p.Contact.DepartmentIds, p.Contact.ViewerIds = c.DepartmentIds, c.ViewerIds
		p.Contact.ReachDepartmentIds, p.Contact.ActDepartmentIds, p.Contact.ExportDepartmentIds = c.ReachDepartmentIds, c.ActDepartmentIds, c.ExportDepartmentIds
		if !reachable(ctx, c) {
			p.Points, p.Addresses = nil, nil
		}
		return err
	})
	return p, err
}

func (s *Service) past(ctx context.Context, tx pgx.Tx, c Contact, rows []contactsdb.ListContactEventsRow, at time.Time) (Past, error) {
	only := []uuid.UUID{c.ID}
	told := stories(rows, at)
	p := Past{}
	points, err := s.q.ListPointsOf(ctx, tx, c.TenantID, only)
	if err != nil {
		return p, err
	}
	if p.Points, err = pointsAt(c, points, told); err != nil {
		return p, err
	}
	addresses, err := s.q.ListAddressesOf(ctx, tx, c.TenantID, only)
	if err != nil {
		return p, err
	}
	if p.Addresses, err = addressesAt(c, addresses, told); err != nil {
		return p, err
	}
	external, err := s.q.ListExternalIDsOf(ctx, tx, c.TenantID, only)
	if err != nil {
		return p, err
	}
	if p.ExternalIDs, err = externalIDsAt(c, external, told[c.ID]); err != nil {
		return p, err
	}
	if p.Contact, err = contactAt(c, told[c.ID], p.Points, p.ExternalIDs); err != nil {
		return p, err
	}
	p.Tags, err = s.tagsAt(ctx, tx, c, told[c.ID], at)
	return p, err
}

// story is what is told of one record, in its order. The first k are of the
// instant that is asked for or before it.
type story struct {
	rows []contactsdb.ListContactEventsRow
	k    int
}

func stories(rows []contactsdb.ListContactEventsRow, at time.Time) map[uuid.UUID]*story {
	told := map[uuid.UUID]*story{}
	for _, r := range rows {
		st := told[r.SubjectID]
		if st == nil {
			st = &story{}
			told[r.SubjectID] = st
		}
		st.rows = append(st.rows, r)
		if !r.OccurredAt.After(at) {
			st.k = len(st.rows)
		}
	}
	return told
}

// changed reports whether anything was told since.
func (st *story) changed() bool { return st != nil && st.k < len(st.rows) }

// began reports whether the story begins with the making of its record.
func (st *story) began() bool { return strings.HasSuffix(st.rows[0].Type, ".added") }

// there reports whether a record that may be removed was there at the instant.
func (st *story) there() bool {
	if st.k == 0 {
		return !st.began()
	}
	return !strings.HasSuffix(st.rows[st.k-1].Type, ".removed")
}

// made is the version at the instant, and when it was made.
func (st *story) made() (version int64, at time.Time) {
	if st.k == 0 {
		return max(1, st.rows[0].SubjectVersion-1), st.rows[0].OccurredAt
	}
	last := st.rows[st.k-1]
	return last.SubjectVersion, last.OccurredAt
}

// undo takes back, in a record as history keeps it, what was told since. record
// points at it; nil members of a record that is gone are brought back.
func (st *story) undo(record any) error {
	raw, err := json.Marshal(record)
	if err != nil {
		return err
	}
	members := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&members); err != nil {
		return err
	}
	for i := len(st.rows) - 1; i >= st.k; i-- {
		changes, err := valuesOf(st.rows[i].ID, st.rows[i].Changes, st.rows[i].ChangesDigest)
		if err != nil {
			return err
		}
		for _, c := range changes {
			name := strings.TrimPrefix(c.Pointer, "/")
			if _, known := members[name]; known {
				members[name] = c.Before
			}
		}
	}
	if raw, err = json.Marshal(members); err != nil {
		return err
	}
	return json.Unmarshal(raw, record)
}

// valuesOf are the values of an event. Where erasure has taken them, the past
// cannot be made again.
func valuesOf(event uuid.UUID, raw json.RawMessage, digest []byte) ([]events.Change, error) {
	if raw == nil {
		if digest != nil {
			return nil, fault.New(fault.Gone, "history-erased")
		}
		return nil, nil
	}
	var changes []events.Change
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&changes); err != nil {
		return nil, fmt.Errorf("contacts: changes of %s: %w", event, err)
	}
	return changes, nil
}

// ofLinks are the events of a contact that make no version of it.
func ofLinks() []string {
	return []string{"external_id.linked", "external_id.unlinked", "contact.tagged", "contact.untagged"}
}

// contactAt makes a contact again as it was, with the points and external ids that
// it had then, by which it went if it had no name.
func contactAt(c Contact, st *story, points []Point, externals []ExternalID) (Contact, error) {
	if !st.changed() {
		return c, nil
	}
	r := recordOf(c)
	if err := st.undo(r); err != nil {
		return c, err
	}
	fallback := goesBy(points, externals)
	if c.DisplayName == blankName && len(points) == 0 {
		fallback = blankName
	}
	if err := r.into(&c, fallback); err != nil {
		return c, err
	}
	c.Version, c.UpdatedAt = 1, c.CreatedAt
	for _, e := range st.rows[:st.k] {
		if !slices.Contains(ofLinks(), e.Type) {
			c.Version, c.UpdatedAt = e.SubjectVersion, e.OccurredAt
		}
	}
	return c, nil
}

// into writes a record back into a contact.
func (r contactRecord) into(c *Contact, fallback string) error {
	f := Fields{
		Kind: r.Kind, Civility: r.Civility, Title: r.Title, GivenName: r.GivenName, GivenNames: r.GivenNames, FamilyName: r.FamilyName,
		BirthName: r.BirthName, Particle: r.Particle, NameSuffix: r.NameSuffix, Nickname: r.Nickname, LegalName: r.LegalName,
		TradeName: r.TradeName, OrganisationType: r.OrganisationType, SIREN: r.SIREN, SIRET: r.SIRET, RNA: r.RNA,
		Website: r.Website, Locale: r.Locale, Zoneinfo: r.Zoneinfo,
	}
	var err error
	if f.Birthdate, err = dayOf(r.Birthdate); err != nil {
		return err
	}
	f.into(c, fallback)
	c.ArchivedAt, c.PurgeAfter = r.ArchivedAt, nil
	if r.ArchivedAt != nil {
		purge := r.ArchivedAt.Add(TrashPeriod)
		c.PurgeAfter = &purge
	}
	c.Restricted, c.OwnerID = r.IsRestricted, r.OwnerID
	return nil
}

func dayOf(text *string) (*time.Time, error) {
	if text == nil {
		return nil, nil
	}
	t, err := time.Parse(time.DateOnly, *text)
	return &t, err
}
