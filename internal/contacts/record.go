package contacts

import (
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
)

// contactRecord is a contact as its history keeps it.
type contactRecord struct {
	Kind             string      `json:"kind"`
	Civility         *string     `json:"civility"`
	Title            *string     `json:"title"`
	GivenName        *string     `json:"given_name"`
	GivenNames       *string     `json:"given_names"`
	FamilyName       *string     `json:"family_name"`
	BirthName        *string     `json:"birth_name"`
	Particle         *string     `json:"particle"`
	NameSuffix       *string     `json:"name_suffix"`
	Nickname         *string     `json:"nickname"`
	Birthdate        *string     `json:"birthdate"`
	LegalName        *string     `json:"legal_name"`
	TradeName        *string     `json:"trade_name"`
	OrganisationType *string     `json:"organisation_type"`
	SIREN            *string     `json:"siren"`
	SIRET            *string     `json:"siret"`
	RNA              *string     `json:"rna"`
	Website          *string     `json:"website"`
	Locale           *string     `json:"locale"`
	Zoneinfo         *string     `json:"zoneinfo"`
	ArchivedAt       *time.Time  `json:"archived_at"`
	IsRestricted     bool        `json:"is_restricted"`
	ViewerIDs        []uuid.UUID `json:"viewer_ids"`
	DepartmentIDs    []uuid.UUID `json:"department_ids"`
	OwnerID          *uuid.UUID  `json:"owner_id"`
}

func recordOf(c Contact) *contactRecord {
	return &contactRecord{
		Kind: c.Kind, Civility: c.Civility, Title: c.Title, GivenName: c.GivenName, GivenNames: c.GivenNames, FamilyName: c.FamilyName,
		BirthName: c.BirthName, Particle: c.Particle, NameSuffix: c.NameSuffix, Nickname: c.Nickname, Birthdate: day(c.Birthdate),
		LegalName: c.LegalName, TradeName: c.TradeName, OrganisationType: c.OrganisationType, SIREN: c.Siren, SIRET: c.Siret,
		RNA: c.Rna, Website: c.Website, Locale: c.Locale, Zoneinfo: c.Zoneinfo, ArchivedAt: c.ArchivedAt, IsRestricted: c.Restricted,
		ViewerIDs: c.ViewerIds, DepartmentIDs: c.DepartmentIds, OwnerID: c.OwnerID,
	}
}

func day(t *time.Time) *string {
	if t == nil {
		return nil
	}
	text := t.Format(time.DateOnly)
	return &text
}

// contactEntry is the event of a contact that was made or changed.
func contactEntry(kind string, before *Contact, after Contact) (events.Entry, error) {
	var old *contactRecord
	if before != nil {
		old = recordOf(*before)
	}
	changes, err := events.Diff(old, recordOf(after))
	if err != nil {
		return events.Entry{}, err
	}
	return events.Entry{
		Type: kind, Subject: events.Subject{Kind: "contact", ID: after.ID, Version: after.Version}, Changes: changes,
		Facts: map[string]any{"kind": after.Kind}, Source: sourceOf(after, after.UpdatedAt), At: after.UpdatedAt,
	}, nil
}

type pointRecord struct {
	ContactID    uuid.UUID  `json:"contact_id"`
	Kind         string     `json:"kind"`
	Platform     *string    `json:"platform"`
	Label        string     `json:"label"`
	Value        string     `json:"value"`
	Normalized   string     `json:"normalized"`
	IsPrimary    bool       `json:"is_primary"`
	Status       string     `json:"status"`
	StatusAt     time.Time  `json:"status_at"`
	StatusReason *string    `json:"status_reason"`
	VerifiedAt   *time.Time `json:"verified_at"`
}

func pointRecordOf(p *Point) *pointRecord {
	if p == nil {
		return nil
	}
	return &pointRecord{
		ContactID: p.ContactID, Kind: p.Kind, Platform: p.Platform, Label: p.Label, Value: p.Value,
		Normalized: p.Normalized, IsPrimary: p.IsPrimary, Status: p.Status, StatusAt: p.StatusAt, StatusReason: p.StatusReason, VerifiedAt: p.VerifiedAt,
	}
}

// pointEntry is the event of a contact point: before is nil when it was added,
// after when it was removed.
func pointEntry(kind string, before, after *Point) (events.Entry, error) {
	changes, err := events.Diff(pointRecordOf(before), pointRecordOf(after))
	if err != nil {
		return events.Entry{}, err
	}
	subject := after
	version := int64(0)
	if subject == nil {
		subject, version = before, before.Version+1
	} else {
		version = subject.Version
	}
	source, at := "", time.Time{}
	if before == nil {
		source = subject.Source
	}
	if after != nil {
		at = after.UpdatedAt
	}
	return events.Entry{
		Type: kind, Subject: events.Subject{Kind: "contact_point", ID: subject.ID, Version: version}, Changes: changes,
		Facts:  map[string]any{"contact_id": subject.ContactID, "kind": subject.Kind, "status": subject.Status},
		Source: source, At: at,
	}, nil
}

type addressRecord struct {
	ContactID    uuid.UUID `json:"contact_id"`
	Label        string    `json:"label"`
	Recipient    *string   `json:"recipient"`
	Delivery     *string   `json:"delivery"`
	Building     *string   `json:"building"`
	Street       *string   `json:"street"`
	Locality     *string   `json:"locality"`
	PostalCode   *string   `json:"postal_code"`
	City         *string   `json:"city"`
	Country      string    `json:"country"`
	INSEECode    *string   `json:"insee_code"`
	IsPrimary    bool      `json:"is_primary"`
	Status       string    `json:"status"`
	StatusAt     time.Time `json:"status_at"`
	StatusReason *string   `json:"status_reason"`
	ValidFrom    *string   `json:"valid_from"`
	ValidTo      *string   `json:"valid_to"`
}

func addressRecordOf(a *Address) *addressRecord {
	if a == nil {
		return nil
	}
	return &addressRecord{
		ContactID: a.ContactID, Label: a.Label, Recipient: a.Recipient, Delivery: a.Delivery, Building: a.Building, Street: a.Street,
		Locality: a.Locality, PostalCode: a.PostalCode, City: a.City, Country: a.Country, INSEECode: a.InseeCode,
		IsPrimary: a.IsPrimary, Status: a.Status, StatusAt: a.StatusAt, StatusReason: a.StatusReason, ValidFrom: day(a.ValidFrom), ValidTo: day(a.ValidTo),
	}
}

func addressEntry(kind string, before, after *Address) (events.Entry, error) {
	changes, err := events.Diff(addressRecordOf(before), addressRecordOf(after))
	if err != nil {
		return events.Entry{}, err
	}
	subject := after
	version := int64(0)
	if subject == nil {
		subject, version = before, before.Version+1
	} else {
		version = subject.Version
	}
	source, at := "", time.Time{}
	if before == nil {
		source = subject.Source
	}
	if after != nil {
		at = after.UpdatedAt
	}
	return events.Entry{
		Type: kind, Subject: events.Subject{Kind: "address", ID: subject.ID, Version: version}, Changes: changes,
		Facts: map[string]any{"contact_id": subject.ContactID, "status": subject.Status}, Source: source, At: at,
	}, nil
}

// externalIDEntry: the id in the other system identifies a person, so it is a
// change and not a fact.
func externalIDEntry(kind string, c Contact, e ExternalID) events.Entry {
	change := events.Change{Pointer: "/external_ids", After: map[string]string{"source": e.Source, "external_id": e.ExternalID}}
	if kind == "external_id.unlinked" {
		change.Before, change.After = change.After, nil
	}
	entry := events.Entry{
		Type: kind, Subject: events.Subject{Kind: "contact", ID: c.ID, Version: c.Version}, Changes: []events.Change{change},
		Facts: map[string]any{"source": e.Source},
	}
	if kind == "external_id.linked" {
		entry.At = e.FirstSeenAt
	}
	return entry
}

func tagEntry(kind string, c Contact, tag uuid.UUID, at time.Time) events.Entry {
	return events.Entry{
		Type: kind, Subject: events.Subject{Kind: "contact", ID: c.ID, Version: c.Version}, Facts: map[string]any{"tag_id": tag}, At: at,
	}
}

func noRows(err error) bool { return pg.IsNoRows(err) }
