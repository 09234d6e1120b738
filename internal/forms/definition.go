package forms

import (
	"encoding/json"

	"github.com/google/uuid"
)

// Texts is one text in several languages, keyed by BCP 47.
type Texts map[string]string

// Definition is what a form is, in the shape of the contract.
type Definition struct {
	DefaultLanguage string    `json:"default_language"`
	Title           Texts     `json:"title"`
	Intro           Texts     `json:"intro,omitempty"`
	Submit          Texts     `json:"submit,omitempty"`
	Received        Texts     `json:"received,omitempty"`
	Schema          Schema    `json:"schema"`
	Fields          []Field   `json:"fields"`
	Contact         *Mapping  `json:"contact,omitempty"`
	Consents        []Consent `json:"consents,omitempty"`
	DoubleOptIn     *bool     `json:"double_opt_in,omitempty"`
	AllowedOrigins  []string  `json:"allowed_origins"`
}

// Schema is the bounded part of JSON Schema 2020-12 that a form may use.
type Schema struct {
	Type       string                 `json:"type"`
	Properties map[string]FieldSchema `json:"properties"`
	Required   []string               `json:"required,omitempty"`
}

// FieldSchema is what one field accepts.
type FieldSchema struct {
	Type      string       `json:"type"`
	Format    *string      `json:"format,omitempty"`
	MinLength *int32       `json:"minLength,omitempty"`
	MaxLength *int32       `json:"maxLength,omitempty"`
	Pattern   *string      `json:"pattern,omitempty"`
	Enum      []string     `json:"enum,omitempty"`
	Const     *bool        `json:"const,omitempty"`
	Minimum   *json.Number `json:"minimum,omitempty"`
	Maximum   *json.Number `json:"maximum,omitempty"`
}

// Field is how a field is shown.
type Field struct {
	Name         string  `json:"name"`
	Label        Texts   `json:"label"`
	Help         Texts   `json:"help,omitempty"`
	Autocomplete *string `json:"autocomplete,omitempty"`
}

// Mapping names the fields that say something about the contact.
type Mapping struct {
	GivenName  *string `json:"given_name,omitempty"`
	FamilyName *string `json:"family_name,omitempty"`
	Email      *string `json:"email,omitempty"`
	Phone      *string `json:"phone,omitempty"`
	Birthdate  *string `json:"birthdate,omitempty"`
	Locale     *string `json:"locale,omitempty"`
	Street     *string `json:"street,omitempty"`
	PostalCode *string `json:"postal_code,omitempty"`
	City       *string `json:"city,omitempty"`
	Country    *string `json:"country,omitempty"`
}

// Consent is what ticking a box means.
type Consent struct {
	Field      string      `json:"field"`
	Purpose    string      `json:"purpose"`
	Channel    string      `json:"channel"`
	WordingIDs []uuid.UUID `json:"wording_ids"`
}

// confirmed: whether an address has to be confirmed before anything is applied.
func (d Definition) confirmed() bool { return d.DoubleOptIn == nil || *d.DoubleOptIn }

func (d Definition) mapping() Mapping {
	if d.Contact == nil {
		return Mapping{}
	}
	return *d.Contact
}

// in picks the text of a language, else of the default one, else any.
func (t Texts) in(lang, fallback string) string {
	for _, l := range []string{lang, base(lang), fallback, base(fallback)} {
		if text, ok := t[l]; ok {
			return text
		}
	}
	for _, text := range t {
		return text
	}
	return ""
}
