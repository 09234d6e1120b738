package contacts

import (
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	"golang.org/x/text/language"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/fault"
)

// Fields are what people say about a contact. Names are kept as they were
// typed. Nothing but a name is needed, and civility never is (CJEU, 9 January
// 2025, C-394/23).
type Fields struct {
	Kind                                                      string
	Civility, Title, GivenName, GivenNames                    *string
	FamilyName, BirthName, Particle, NameSuffix, Nickname     *string
	Birthdate                                                 *time.Time
	LegalName, TradeName, OrganisationType, SIREN, SIRET, RNA *string
	Website, Locale, Zoneinfo                                 *string
	OwnerID                                                   *uuid.UUID // the user who looks after the relation
}

// Patch changes fields: those not specified stay, null ones are emptied.
type Patch struct {
	Civility, Title, GivenName, GivenNames                    nullable.Nullable[string]
	FamilyName, BirthName, Particle, NameSuffix, Nickname     nullable.Nullable[string]
	Birthdate                                                 nullable.Nullable[time.Time]
	LegalName, TradeName, OrganisationType, SIREN, SIRET, RNA nullable.Nullable[string]
	Website, Locale, Zoneinfo                                 nullable.Nullable[string]
	OwnerID                                                   nullable.Nullable[uuid.UUID]
	// Source is what the change came from, "ticketing:<code>"; empty for the API.
	Source string
}

// textField is one text of Fields: its name in the contract, where it is, its
// change, its greatest length and the kind of contact that has it ("" both).
type textField struct {
	name   string
	value  **string
	change nullable.Nullable[string]
	max    int
	kind   string
}

func (f *Fields) texts(p Patch) []textField {
	return []textField{
		{"civility", &f.Civility, p.Civility, 10, Person},
		{"title", &f.Title, p.Title, 60, ""},
		{"given_name", &f.GivenName, p.GivenName, 120, Person},
		{"given_names", &f.GivenNames, p.GivenNames, 240, Person},
		{"family_name", &f.FamilyName, p.FamilyName, 120, Person},
		{"birth_name", &f.BirthName, p.BirthName, 120, Person},
		{"particle", &f.Particle, p.Particle, 20, Person},
		{"name_suffix", &f.NameSuffix, p.NameSuffix, 40, ""},
		{"nickname", &f.Nickname, p.Nickname, 120, ""},
		{"legal_name", &f.LegalName, p.LegalName, 240, Organisation},
		{"trade_name", &f.TradeName, p.TradeName, 240, Organisation},
		{"organisation_type", &f.OrganisationType, p.OrganisationType, 20, Organisation},
		{"siren", &f.SIREN, p.SIREN, 20, Organisation},
		{"siret", &f.SIRET, p.SIRET, 24, Organisation},
		{"rna", &f.RNA, p.RNA, 20, Organisation},
		{"website", &f.Website, p.Website, 400, ""},
		{"locale", &f.Locale, p.Locale, 35, ""},
		{"zoneinfo", &f.Zoneinfo, p.Zoneinfo, 64, ""},
	}
}

// apply carries a patch into the fields.
func (f *Fields) apply(p Patch) {
	for _, t := range f.texts(p) {
		if !t.change.IsSpecified() {
			continue
		}
		*t.value = nil
		if v, err := t.change.Get(); err == nil {
			*t.value = &v
		}
	}
	setNullable(&f.OwnerID, p.OwnerID)
	if p.Birthdate.IsSpecified() {
		f.Birthdate = nil
		if v, err := p.Birthdate.Get(); err == nil {
			f.Birthdate = &v
		}
	}
}

// settle brings the fields into the form in which they are kept and gathers
// what a rule refuses, at pointers under base.
func (f *Fields) settle(base string, now time.Time, refused *fault.Error) {
	for _, t := range f.texts(Patch{}) {
		v := *t.value
		if v == nil {
			continue
		}
		v = typed(*v)
		*t.value = v
		switch {
		case v == nil:
		case t.kind != "" && t.kind != f.Kind:
			refused.At(base+"/"+t.name, "not-of-this-kind", "kind", f.Kind)
		case utf8.RuneCountInString(*v) > t.max:
			refused.At(base+"/"+t.name, "too-long", "limit", t.max)
		}
	}
	if f.Birthdate != nil {
		day := f.Birthdate.UTC().Truncate(24 * time.Hour)
		f.Birthdate = &day
		if f.Kind != Person {
			refused.At(base+"/birthdate", "not-of-this-kind", "kind", f.Kind)
		} else if day.After(now.AddDate(0, 0, 1)) || day.Year() < 1850 {
			refused.At(base+"/birthdate", "impossible-birthdate")
		}
	}
	f.settleIdentifiers(base, refused)
	if f.Zoneinfo != nil {
		if !clock.IsZone(*f.Zoneinfo) {
			refused.At(base+"/zoneinfo", "unknown-time-zone")
		}
	}
	if f.Locale != nil {
		if tag, err := language.Parse(*f.Locale); err != nil {
			refused.At(base+"/locale", "unknown-language")
		} else {
			canonical := tag.String()
			f.Locale = &canonical
		}
	}
	if f.Website != nil && !isWebsite(*f.Website) {
		refused.At(base+"/website", "format", "want", "https://…")
	}
}

func (f *Fields) settleIdentifiers(base string, refused *fault.Error) {
	if f.Kind != Organisation {
		return
	}
	if f.SIRET != nil {
		compact := compactDigits(*f.SIRET)
		f.SIRET = &compact
		if !ValidSIRET(compact) {
			refused.At(base+"/siret", "siret")
		} else if f.SIREN == nil {
			siren := compact[:9]
			f.SIREN = &siren
		}
	}
	if f.SIREN != nil {
		compact := compactDigits(*f.SIREN)
		f.SIREN = &compact
		if !ValidSIREN(compact) {
			refused.At(base+"/siren", "siren")
		} else if f.SIRET != nil && ValidSIRET(*f.SIRET) && (*f.SIRET)[:9] != compact {
			refused.At(base+"/siret", "siret-of-another")
		}
	}
	if f.RNA != nil {
		compact := strings.ToUpper(compactDigits(*f.RNA))
		f.RNA = &compact
		if !ValidRNA(compact) {
			refused.At(base+"/rna", "rna")
		}
	}
}

// fieldsOf are the fields of a stored contact.
func fieldsOf(c Contact) Fields {
	return Fields{
		Kind: c.Kind, Civility: c.Civility, Title: c.Title, GivenName: c.GivenName, GivenNames: c.GivenNames,
		FamilyName: c.FamilyName, BirthName: c.BirthName, Particle: c.Particle, NameSuffix: c.NameSuffix, Nickname: c.Nickname,
		Birthdate: c.Birthdate, LegalName: c.LegalName, TradeName: c.TradeName, OrganisationType: c.OrganisationType,
		SIREN: c.Siren, SIRET: c.Siret, RNA: c.Rna, Website: c.Website, Locale: c.Locale, Zoneinfo: c.Zoneinfo, OwnerID: c.OwnerID,
	}
}

// into writes the fields into a contact, with what is derived from them.
// fallback is the display name of a contact that has no name.
func (f *Fields) into(c *Contact, fallback string) {
	c.Kind, c.Civility, c.Title, c.GivenName, c.GivenNames = f.Kind, f.Civility, f.Title, f.GivenName, f.GivenNames
	c.FamilyName, c.BirthName, c.Particle, c.NameSuffix, c.Nickname = f.FamilyName, f.BirthName, f.Particle, f.NameSuffix, f.Nickname
	c.Birthdate, c.LegalName, c.TradeName, c.OrganisationType = f.Birthdate, f.LegalName, f.TradeName, f.OrganisationType
	c.Siren, c.Siret, c.Rna, c.Website, c.Locale, c.Zoneinfo = f.SIREN, f.SIRET, f.RNA, f.Website, f.Locale, f.Zoneinfo
	c.OwnerID = f.OwnerID
	name, ok := f.display()
	if !ok {
		name = fallback
	}
	c.DisplayName = clip(name, 500)
	c.SortName = f.sortName(c.DisplayName)
}

// named reports whether the fields hold a name of any kind.
func (f *Fields) named() bool {
	_, ok := f.display()
	return ok
}

// searchWords are all words the contact is found by.
func searchWords(c Contact) string {
	return indexWords(c.GivenName, c.GivenNames, c.FamilyName, c.BirthName, c.Nickname, c.TradeName, c.LegalName, &c.DisplayName)
}

// NameOf is what matching compares of a contact.
func NameOf(c Contact) Name {
	value := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	n := Name{Given: value(c.GivenName), Family: value(c.FamilyName), Birth: value(c.BirthName)}
	if n.Given == "" {
		n.Given = value(c.GivenNames)
	}
	return n
}

func isWebsite(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != ""
}
