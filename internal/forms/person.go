package forms

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/fault"
)

// person is what a submission says about whom.
type person struct {
	fields                               contacts.Fields
	email, phone                         string
	street, postalCode, city, countryISO string
	typed                                map[string]string
}

func personOf(d Definition, data map[string]any) person {
	m := d.mapping()
	p := person{typed: map[string]string{}}
	for attribute, field := range m.fields() {
		if field == nil {
			continue
		}
		if text, _ := data[*field].(string); strings.TrimSpace(text) != "" {
			p.typed[attribute] = strings.TrimSpace(text)
		}
	}
	p.fields = contacts.Fields{Kind: contacts.Person, GivenName: p.get("given_name"), FamilyName: p.get("family_name"), Locale: p.get("locale")}
	if born, err := time.Parse(time.DateOnly, p.typed["birthdate"]); err == nil {
		p.fields.Birthdate = &born
	}
	p.email, p.phone = p.typed["email"], p.typed["phone"]
	p.street, p.postalCode, p.city, p.countryISO = p.typed["street"], p.typed["postal_code"], p.typed["city"], strings.ToUpper(p.typed["country"])
	return p
}

func (p person) get(attribute string) *string {
	if text, ok := p.typed[attribute]; ok {
		return &text
	}
	return nil
}

// somebody: whether the form says enough for a contact.
func (p person) somebody() bool { return p.email != "" || p.phone != "" || p.fields.FamilyName != nil }

func (p person) name() contacts.Name {
	n := contacts.Name{}
	if p.fields.GivenName != nil {
		n.Given = *p.fields.GivenName
	}
	if p.fields.FamilyName != nil {
		n.Family = *p.fields.FamilyName
	}
	return n
}

// contact is the contact that the person would be, if the register had nobody.
func (p person) contact(form uuid.UUID, verified bool) contacts.New {
	source := "form:" + form.String()
	n := contacts.New{Fields: p.fields, Source: source}
	if p.email != "" {
		n.Points = append(n.Points, contacts.NewPoint{Kind: contacts.Email, Value: p.email, Verified: verified, Source: source})
	}
	if p.phone != "" {
		n.Points = append(n.Points, contacts.NewPoint{Kind: contacts.Phone, Value: p.phone, Region: "FR", Source: source})
	}
	if p.street != "" || p.postalCode != "" || p.city != "" {
		n.Addresses = []contacts.NewAddress{{Street: p.get("street"), Postcode: p.get("postal_code"), City: p.get("city"), Country: p.countryISO, Source: source}}
	}
	return n
}

var countryCode = regexp.MustCompile(`^[A-Z]{2}$`)

// checkPerson refuses what a contact could not hold, at the fields in which it
// was typed: asked only when the link is used, the rules would find nobody left
// to correct it.
func (s *Service) checkPerson(d Definition, data map[string]any) error {
	p := personOf(d, data)
	if !p.somebody() {
		return nil
	}
	f := fault.New(fault.Malformed, "invalid-request")
	refuse := func(attribute string, v fault.Violation) {
		v.Pointer = "#/data"
		if field := d.mapping().fields()[attribute]; field != nil {
			v.Pointer += "/" + *field
		}
		if !slices.ContainsFunc(f.Violations, func(o fault.Violation) bool { return o.Pointer == v.Pointer }) {
			f.Violations = append(f.Violations, v)
		}
	}
	if p.typed["birthdate"] != "" && p.fields.Birthdate == nil {
		refuse("birthdate", fault.Violation{Code: "not-a-date"})
	}
	if p.countryISO != "" && !countryCode.MatchString(p.countryISO) {
		refuse("country", fault.Violation{Code: "unknown-country"})
	}
	n := p.contact(uuid.Nil, false)
	if against, ok := fault.As(s.contacts.Foretell(n)); ok {
		for _, v := range against.Violations {
			attribute := p.attributeOf(v.Pointer, n)
			if attribute == "email" && v.Code == "email" {
				v = fault.Violation{Code: "format", Params: map[string]any{"want": "email"}}
			}
			refuse(attribute, v)
		}
	}
	slices.SortStableFunc(f.Violations, func(a, b fault.Violation) int { return strings.Compare(a.Pointer, b.Pointer) })
	return f.OrNil()
}

// attributeOf reads which attribute of the mapping a pointer into a contact
// speaks of.
func (p person) attributeOf(pointer string, n contacts.New) string {
	parts := strings.Split(pointer, "/")
	if i, err := strconv.Atoi(parts[min(2, len(parts)-1)]); err == nil && parts[1] == "contact_points" && i < len(n.Points) {
		return n.Points[i].Kind
	}
	if len(parts) == 3 && parts[1] == "addresses" { // the address as a whole
		for _, attribute := range []string{"street", "postal_code", "city"} {
			if p.typed[attribute] != "" {
				return attribute
			}
		}
	}
	if len(parts) == 1 { // no name is left
		return "family_name"
	}
	return parts[len(parts)-1]
}
