package forms

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/parvis-crm/parvis/internal/fault"
)

// maxText bounds a text field whose schema does not.
const maxText = 5000

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// reservedNames are what a page without scripts sends beside the fields.
var reservedNames = []string{"issue_token", "language", "work"}

// check finds what the contract cannot: references inside the definition.
func (d Definition) check(honeypot string) error {
	f := fault.Invalid()
	for at, texts := range map[string]Texts{"title": d.Title, "intro": d.Intro, "submit": d.Submit, "received": d.Received} {
		checkTexts(f, "#/definition/"+at, texts)
	}
	if _, ok := d.Title[d.DefaultLanguage]; !ok {
		f.At("#/definition/default_language", "not-a-language-of-the-form")
	}
	for name, s := range d.Schema.Properties {
		at := "#/definition/schema/properties/" + name
		if !fieldName.MatchString(name) || slices.Contains(reservedNames, name) || name == honeypot {
			f.At(at, "field-name")
		}
		s.check(f, at)
	}
	for i, name := range d.Schema.Required {
		if _, ok := d.Schema.Properties[name]; !ok {
			f.At(fmt.Sprintf("#/definition/schema/required/%d", i), "no-such-field")
		}
	}
	d.checkFields(f)
	d.checkMapping(f)
	d.checkConsents(f)
	slices.SortStableFunc(f.Violations, func(a, b fault.Violation) int { return strings.Compare(a.Pointer, b.Pointer) })
	return f.OrNil()
}

func checkTexts(f *fault.Error, at string, texts Texts) {
	for lang := range texts {
		if _, err := language.Parse(lang); err != nil {
			f.At(at+"/"+lang, "unknown-language")
		}
	}
}

func (s FieldSchema) check(f *fault.Error, at string) {
	if s.Pattern != nil {
		if _, err := regexp.Compile(*s.Pattern); err != nil {
			f.At(at+"/pattern", "unreadable-pattern")
		}
	}
	if s.Type != "string" && (s.Pattern != nil || s.Format != nil || s.MinLength != nil || s.MaxLength != nil || s.Enum != nil) {
		f.At(at, "keyword-of-another-type")
	}
	if s.Type != "boolean" && s.Const != nil {
		f.At(at+"/const", "keyword-of-another-type")
	}
	if s.MinLength != nil && s.MaxLength != nil && *s.MinLength > *s.MaxLength {
		f.At(at+"/minLength", "bounds-exclude-all")
	}
	s.checkBounds(f, at)
}

func (d Definition) checkFields(f *fault.Error) {
	seen := map[string]bool{}
	for i, field := range d.Fields {
		at := fmt.Sprintf("#/definition/fields/%d", i)
		if _, ok := d.Schema.Properties[field.Name]; !ok {
			f.At(at+"/name", "no-such-field")
		}
		if seen[field.Name] {
			f.At(at+"/name", "not-unique")
		}
		seen[field.Name] = true
		checkTexts(f, at+"/label", field.Label)
		checkTexts(f, at+"/help", field.Help)
	}
	for name := range d.Schema.Properties {
		if !seen[name] {
			f.At("#/definition/schema/properties/"+name, "field-without-label")
		}
	}
}

func (m Mapping) fields() map[string]*string {
	return map[string]*string{
		"given_name": m.GivenName, "family_name": m.FamilyName, "email": m.Email, "phone": m.Phone, "birthdate": m.Birthdate,
		"locale": m.Locale, "street": m.Street, "postal_code": m.PostalCode, "city": m.City, "country": m.Country,
	}
}

func (d Definition) checkMapping(f *fault.Error) {
	m := d.mapping()
	for attribute, name := range m.fields() {
		if name == nil {
			continue
		}
		if s, ok := d.Schema.Properties[*name]; !ok || s.Type != "string" {
			f.At("#/definition/contact/"+attribute, "no-such-field")
		}
	}
	if m.Email == nil {
		if d.confirmed() {
			f.At("#/definition/contact/email", "confirmation-needs-address")
		}
		return
	}
	if s := d.Schema.Properties[*m.Email]; s.Format == nil || *s.Format != "email" {
		f.At("#/definition/contact/email", "not-an-address-field")
	}
	if d.confirmed() && !slices.Contains(d.Schema.Required, *m.Email) {
		f.At("#/definition/contact/email", "confirmation-needs-address")
	}
}

func (d Definition) checkConsents(f *fault.Error) {
	m := d.mapping()
	for i, c := range d.Consents {
		at := fmt.Sprintf("#/definition/consents/%d", i)
		if s, ok := d.Schema.Properties[c.Field]; !ok || s.Type != "boolean" {
			f.At(at+"/field", "no-such-field")
		}
		point := map[string]*string{"email": m.Email, "sms": m.Phone, "phone": m.Phone, "post": m.Street}[c.Channel]
		if point == nil || (c.Channel == "post" && m.PostalCode == nil) {
			f.At(at+"/channel", "channel-without-field")
		}
	}
}
