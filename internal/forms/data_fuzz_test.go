package forms_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/parvis-crm/parvis/internal/forms"
)

// FuzzData: whatever a stranger posts is either refused or is of the schema's
// types, and can be kept as JSON.
func FuzzData(f *testing.F) {
	f.Add("email=a%40example.org&age=3&yes=on&pick=a")
	f.Add("age=1e999&yes=%00&email=&pick=")
	f.Add("age=NaN&nested[a]=1")
	longest := int32(20)
	s := forms.Schema{Type: "object", Required: []string{"email"}, Properties: map[string]forms.FieldSchema{
		"email": {Type: "string", MaxLength: &longest}, "age": {Type: "integer"}, "yes": {Type: "boolean"}, "pick": {Type: "string", Enum: []string{"a", "b"}},
	}}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		data := s.FromFields(values)
		if s.Validate(data) != nil {
			return
		}
		raw, err := json.Marshal(data)
		if err != nil {
			t.Fatalf("accepted and cannot be kept: %v", err)
		}
		for name, value := range data {
			switch v := value.(type) {
			case string:
				if v != "" && s.Properties[name].Type != "string" {
					t.Fatalf("%s: text in a field of type %s", name, s.Properties[name].Type)
				}
			case bool:
				if s.Properties[name].Type != "boolean" {
					t.Fatalf("%s: %s", name, raw)
				}
			}
		}
	})
}
